//! Orders that share a transaction of two trips: lock and read; decide in the program; write and commit.

pub(super) mod statements;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _, join, join_all, try_join, try_join4};
use slippers_core::orders::rules::{Goods, Shelf, WantedLine};
use slippers_core::orders::{Order, PlaceError};
use slippers_core::outbox::rules::placed;
use slippers_core::types::{OrderId, SlipperId};
use slippers_core::{Change, StoreError};

use self::statements::*;
use super::place::{Answer, Buyer, CartState, Known, NewOrder, PendingOrder, UsedKey, Wish, Writes, decide};
use super::rows::{FIND_ALL, read_order};
use crate::db::{Cells, Db};
use crate::error::Trouble;
use crate::outbox;
use crate::params::{Param, params};
use crate::pool::{Class, Lease, Pool};
use crate::verbs::{COMMIT_LIMIT, RUNS, WRITE_LIMIT};

/// What is the same for any values is planned once: PostgreSQL would plan each of these each time, since it takes one value in a
/// list for ten. A plan that was made when a table was small must not read it from end to end when it no longer is.
const BATCH: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
     SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off";

pub(super) type Outcome = Result<Order, PlaceError>;

/// Places these orders, at most one a user, and answers each. An error is that of all.
pub(super) async fn place_all(
    pool: &Arc<Pool>,
    shard: i64,
    wishes: &[Wish],
) -> Result<Vec<Outcome>, StoreError> {
    let mut run = 1;
    loop {
        let mut lease = pool.lease(Class::Checkout).await?;
        let (error, trouble) = match attempt(&mut lease, shard, wishes).await {
            Ok(outcomes) => return Ok(outcomes),
            Err(failed) => failed,
        };
        if trouble == Trouble::Its || run == RUNS {
            return Err(error);
        }
        tracing::debug!(run, ?trouble, "{} orders are placed again", wishes.len());
        run += 1;
    }
}

/// An error, and whether the same may succeed.
type Failed = (StoreError, Trouble);

async fn attempt(lease: &mut Lease, shard: i64, wishes: &[Wish]) -> Result<Vec<Outcome>, Failed> {
    let its = |error| (error, Trouble::Its);
    // Before the transaction, so that its statements are sent in the order in which they are written here.
    let ready = lease.db().map_err(its)?.prepare(&ALL).await;
    ready.map_err(|error| (error, lease.db().map_or(Trouble::Its, Db::trouble)))?;
    lease.set_in_transaction(true);
    let read = tokio::time::timeout(WRITE_LIMIT, begin_and_read(lease.db().map_err(its)?, wishes)).await;
    let mut known = match read {
        Ok(Ok(known)) => known,
        Ok(Err(error)) => {
            let trouble = lease.db().map_or(Trouble::Its, Db::trouble);
            crate::verbs::end(lease, "ROLLBACK").await;
            return Err((error, trouble));
        }
        Err(_) => return Err(its(StoreError::Unavailable("the products were locked too long".to_owned()))),
    };
    let mut writes = Writes::default();
    let answers: Vec<Answer> = wishes.iter().map(|wish| decide(wish, &mut known, &mut writes)).collect();
    let again: Vec<i64> = answers
        .iter()
        .filter_map(|answer| match answer {
            Answer::Again(id) => Some(id.get()),
            _ => None,
        })
        .collect();
    let changes = changes(&writes.orders, &known.shelf);
    let found = write(lease, shard, &writes, again, &changes).await?;
    Ok(outcomes(answers, writes, &found))
}

/// What these orders are to the products that they take from the shelf, which has this left.
pub(super) fn changes(new: &[NewOrder], left: &Shelf) -> Vec<Change> {
    let of_stock = |(slipper, taken): (i64, i64)| {
        let slipper = SlipperId::new(slipper);
        let after = left.get(&slipper).map_or(0, |goods| goods.stock);
        Change::of_stock(slipper, after + taken, after)
    };
    taken(new).into_iter().map(of_stock).collect()
}

/// How many pairs of each product are taken.
fn taken(new: &[NewOrder]) -> BTreeMap<i64, i64> {
    let mut taken = BTreeMap::<i64, i64>::new();
    for line in new.iter().flat_map(|new| &new.order.lines) {
        *taken.entry(line.slipper.get()).or_default() += line.quantity;
    }
    taken
}

fn outcomes(answers: Vec<Answer>, writes: Writes, found: &[Order]) -> Vec<Outcome> {
    let mut placed: Vec<Option<Order>> = writes.orders.into_iter().map(|new| Some(new.order)).collect();
    let outcome = |answer| match answer {
        Answer::Refused(error) => Err(error),
        Answer::Placed(at) => placed
            .get_mut(at)
            .and_then(Option::take)
            .ok_or_else(|| StoreError::Other("an order was answered twice".to_owned()).into()),
        Answer::Again(id) => found
            .iter()
            .find(|order| order.id == id)
            .cloned()
            .ok_or_else(|| StoreError::Unavailable(format!("order {id} was deleted meanwhile")).into()),
    };
    answers.into_iter().map(outcome).collect()
}

async fn begin_and_read(db: &Db, wishes: &[Wish]) -> Result<Known, StoreError> {
    try_join(db.begin(BATCH), read(db, wishes)).await.map(|((), known)| known)
}

/// The first trip: every statement begins when the one before has its locks, and so sees what others did until then.
pub(super) async fn read(db: &Db, wishes: &[Wish]) -> Result<Known, StoreError> {
    let users: Vec<i64> = wishes.iter().map(Wish::user).collect();
    let count = i64::try_from(wishes.len()).unwrap_or(i64::MAX);
    let carts = db.all(LOCK_CARTS.0, params![&users], |row| row.int(0));
    let found = db.all(READ_BUYERS.0, params![&users], read_found);
    let held = db.all(LOCK_GOODS.0, params![&users, count], read_held);
    let (carts, found, keys, held) = try_join4(carts, found, read_keys(db, wishes), held).await?;
    let mut known = known(&carts, found);
    known.keys.extend(keys);
    for held in held {
        match held {
            Held::Goods(slipper, goods) => known.shelf.extend([(slipper, goods)]),
            Held::OrderId(id) => known.order_ids.push(id),
        }
    }
    // Taken from the end.
    known.order_ids = descending(known.order_ids);
    known.line_ids = descending(known.line_ids);
    Ok(known)
}

/// What these are who were found while their carts were locked.
fn known(locked: &[i64], found: Vec<Found>) -> Known {
    let mut known = Known::default();
    for found in found {
        match found {
            Found::Pending(user, order) => known.pending.entry(user).or_default().push(order),
            Found::Buyer(user, mut buyer, line) => {
                // A cart that was made since the carts were locked: the order came before it.
                buyer.cart = buyer.cart.filter(|cart| locked.contains(&cart.id));
                let line = line.filter(|_| buyer.cart.is_some());
                let buyer = known.buyers.entry(user).or_insert(buyer);
                if let Some((wanted, id)) = line {
                    buyer.wanted.push(wanted);
                    known.line_ids.push(id);
                }
            }
        }
    }
    known.pending.values_mut().for_each(|orders| orders.sort_unstable_by_key(|order| Reverse(order.id)));
    known
}

pub(super) fn descending(mut ids: Vec<i64>) -> Vec<i64> {
    ids.sort_unstable_by(|a, b| b.cmp(a));
    ids
}

/// A row of [`READ_BUYERS`].
enum Found {
    /// With a line of their cart, and the number that it has in an order.
    Buyer(i64, Buyer, Option<(WantedLine, i64)>),
    Pending(i64, PendingOrder),
}

fn read_found(row: &Cells<'_>) -> Result<Found, StoreError> {
    let user = row.int(0)?;
    if let Some(id) = row.get::<Option<i64>>(8)? {
        let order = PendingOrder { id: OrderId::new(id), made_from: row.get(9)?, cleared_to: row.get(10)? };
        return Ok(Found::Pending(user, order));
    }
    let cart = match row.get::<Option<i64>>(3)? {
        Some(id) => Some(CartState { id, version: row.int(4)? }),
        None => None,
    };
    let line = match row.get::<Option<i64>>(5)? {
        Some(slipper) => {
            let slipper = SlipperId::new(slipper);
            Some((WantedLine { slipper, quantity: row.int(6)?, notes: None }, row.int(7)?))
        }
        None => None,
    };
    let name = format!("{} {}", row.get::<&str>(1)?, row.get::<&str>(2)?);
    Ok(Found::Buyer(user, Buyer { name, cart, wanted: Vec::new() }, line))
}

/// A row of [`LOCK_GOODS`].
enum Held {
    Goods(SlipperId, Goods),
    /// A number that nobody else gets.
    OrderId(i64),
}

fn read_held(row: &Cells<'_>) -> Result<Held, StoreError> {
    // Every product has a name.
    if row.get::<Option<&str>>(1)?.is_none() {
        return Ok(Held::OrderId(row.int(0)?));
    }
    read_goods(row).map(|(slipper, goods)| Held::Goods(slipper, goods))
}

pub(super) fn read_goods(row: &Cells<'_>) -> Result<(SlipperId, Goods), StoreError> {
    let goods = Goods {
        name: row.text(1)?,
        size: row.text(2)?,
        image: row.text(3)?,
        price: row.money(4)?,
        stock: row.int(5)?,
        is_paused: row.flag(6)?,
    };
    Ok((SlipperId::new(row.int(0)?), goods))
}

async fn read_keys(db: &Db, wishes: &[Wish]) -> Result<Vec<((i64, String), UsedKey)>, StoreError> {
    let named: Vec<(i64, &str)> = wishes
        .iter()
        .filter_map(|wish| wish.place.idempotency.as_ref().map(|key| (wish.user(), key.key.as_str())))
        .collect();
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let (users, keys): (Vec<i64>, Vec<&str>) = named.into_iter().unzip();
    let read = |row: &Cells<'_>| {
        let used = UsedKey { request: row.text(2)?, order: OrderId::new(row.int(3)?), used_at: row.time(4)? };
        Ok(((row.int(0)?, row.text(1)?), used))
    };
    db.all(FIND_KEYS.0, params![users, keys], read).await
}

/// The second trip. The COMMIT is on its way together with what it commits: should one of those fail, it undoes all.
async fn write(
    lease: &mut Lease,
    shard: i64,
    writes: &Writes,
    again: Vec<i64>,
    changes: &[Change],
) -> Result<Vec<Order>, Failed> {
    let db = lease.db().map_err(|error| (error, Trouble::Its))?;
    debug_assert!(db.is_prepared(&ALL), "what is not would be sent behind the COMMIT");
    let found = async {
        if again.is_empty() {
            return Ok(Vec::new());
        }
        db.all(FIND_ALL, params![again], read_order).await
    };
    let record = lease.feed().record(changes);
    let commit = lease.feed().commit_recorded(db, !changes.is_empty());
    let sent = join(join_all(statements(db, shard, writes, record)), join(found, commit));
    let answered = tokio::time::timeout(COMMIT_LIMIT, sent).await;
    // Whatever became of it: to be told in vain harms nobody.
    let position = answered.as_ref().ok().and_then(|(_, (_, committed))| *committed.as_ref().ok()?);
    lease.feed().tell(changes, position);
    let Ok((written, (found, committed))) = answered else {
        return Err(undecided("the commit was not answered in time"));
    };
    let failed = written.into_iter().find_map(Result::err);
    let outcome = match (failed, found) {
        (Some(error), _) | (None, Err(error)) => Err(error),
        (None, Ok(found)) => committed.map(|_| found),
    };
    let trouble = db.trouble();
    match outcome {
        Err(error) if trouble == Trouble::Connection => Err(undecided(&error.to_string())),
        outcome => {
            // All were answered, and whatever became of the transaction, it is over.
            db.forget_trouble();
            lease.set_in_transaction(false);
            outcome.map_err(|error| (error, trouble))
        }
    }
}

fn undecided(reason: &str) -> Failed {
    tracing::error!("it is not known whether orders were committed: {reason}");
    (StoreError::Undecided(reason.to_owned()), Trouble::Its)
}

type Written<'w> = BoxFuture<'w, Result<u64, StoreError>>;

/// Set-wise, whatever the number of orders.
fn statements<'w>(db: &'w Db, shard: i64, writes: &'w Writes, record: [Param<'w>; 2]) -> Vec<Written<'w>> {
    let mut all: Vec<Written<'w>> = Vec::new();
    let (carts, times): (Vec<i64>, Vec<i64>) =
        writes.cleared.iter().map(|(cart, now)| (*cart, now.micros())).unzip();
    if !writes.orders.is_empty() {
        let mut values = placing(&writes.orders);
        values.extend(counting(shard, &writes.orders));
        values.extend(params![carts.clone(), carts, times]);
        values.extend(record);
        all.push(async move { db.run(&PLACE_AND_CLEAR.sql, values).await }.boxed());
    } else if !carts.is_empty() {
        all.push(db.run(CLEAR_CARTS.0, params![carts.clone()]).boxed());
        all.push(db.run(MOVE_VERSIONS.0, params![carts, times]).boxed());
    }
    if !writes.cleared_late.is_empty() {
        let (orders, versions): (Vec<i64>, Vec<i64>) = writes.cleared_late.iter().copied().unzip();
        all.push(db.run(REMEMBER_CLEARING.0, params![orders, versions]).boxed());
    }
    if !writes.kept_keys.is_empty() {
        let kept = &writes.kept_keys;
        let values = params![
            kept.iter().map(|(user, ..)| *user).collect::<Vec<_>>(),
            kept.iter().map(|(_, key, ..)| key.key.as_str()).collect::<Vec<_>>(),
            kept.iter().map(|(_, key, ..)| key.request.as_str()).collect::<Vec<_>>(),
            kept.iter().map(|(_, _, order, _)| order.get()).collect::<Vec<_>>(),
            kept.iter().map(|(.., now)| now.micros()).collect::<Vec<_>>(),
        ];
        all.push(db.run(KEEP_KEYS.0, values).boxed());
    }
    all
}

/// Writes orders, their lines, what they take from the shelf, and that they were placed.
pub(super) async fn insert_orders(db: &Db, new: &[NewOrder]) -> Result<u64, StoreError> {
    db.run(&PLACE.sql, placing(new)).await
}

/// The values of [`PLACE`].
fn placing(new: &[NewOrder]) -> Vec<Param<'_>> {
    let mut values = Vec::from(params![
        new.iter().map(|new| new.order.id.get()).collect::<Vec<_>>(),
        new.iter().map(|new| new.order.user.get()).collect::<Vec<_>>(),
        new.iter().map(|new| new.order.total.minor()).collect::<Vec<_>>(),
        new.iter().map(|new| new.made_from).collect::<Vec<_>>(),
        new.iter().map(|new| new.cleared_to).collect::<Vec<_>>(),
        new.iter().map(|new| new.items_key.as_deref()).collect::<Vec<_>>(),
        new.iter().map(|new| new.order.created_at.micros()).collect::<Vec<_>>(),
    ]);
    let lines = || new.iter().flat_map(|new| new.order.lines.iter().map(|line| (new.order.id.get(), line)));
    values.extend(params![
        lines().map(|(_, line)| line.id.get()).collect::<Vec<_>>(),
        lines().map(|(order, _)| order).collect::<Vec<_>>(),
        lines().map(|(_, line)| line.slipper.get()).collect::<Vec<_>>(),
        lines().map(|(_, line)| line.quantity).collect::<Vec<_>>(),
        lines().map(|(_, line)| line.unit_price.minor()).collect::<Vec<_>>(),
        lines().map(|(_, line)| line.total.minor()).collect::<Vec<_>>(),
        lines().map(|(_, line)| line.notes.as_deref()).collect::<Vec<_>>(),
        lines().map(|(_, line)| line.name.as_str()).collect::<Vec<_>>(),
        lines().map(|(_, line)| line.size.as_str()).collect::<Vec<_>>(),
        lines().map(|(_, line)| line.image.as_str()).collect::<Vec<_>>(),
    ]);
    let (slippers, quantities): (Vec<i64>, Vec<i64>) = taken(new).into_iter().unzip();
    let notices: Vec<_> = new.iter().map(|new| placed(&new.order)).collect();
    values.extend(params![slippers, quantities]);
    values.extend(outbox::told(&notices));
    values
}

/// The values of the counts in [`PLACE_AND_CLEAR`].
fn counting(shard: i64, new: &[NewOrder]) -> [Param<'static>; 3] {
    let users: Vec<i64> = new.iter().map(|new| new.order.user.get()).collect();
    let count = i64::try_from(new.len()).unwrap_or(i64::MAX);
    params![users, shard, count]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cart_that_came_behind_the_locks_is_not_ordered() {
        let of = |user: i64, cart: i64, line: i64| {
            let wanted = WantedLine { slipper: SlipperId::new(7), quantity: 1, notes: None };
            let cart = Some(CartState { id: cart, version: 1 });
            let buyer = Buyer { name: "Aziza Karimova".to_owned(), cart, wanted: Vec::new() };
            Found::Buyer(user, buyer, Some((wanted, line)))
        };
        let known = known(&[10], vec![of(1, 10, 900), of(1, 10, 901), of(2, 20, 902)]);
        let wanted = |user| known.buyers.get(&user).map(|buyer| (buyer.cart.is_some(), buyer.wanted.len()));
        assert_eq!((wanted(1), wanted(2)), (Some((true, 2)), Some((false, 0))));
        assert_eq!(known.line_ids, [900, 901]);
    }
}
