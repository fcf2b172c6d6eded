//! Attempts that buyers open, and transactions that gateways begin.

use serde_json::json;
use sha2::{Digest as _, Sha256};
use slippers_core::StoreError;
use slippers_core::orders::rules::{PlanError, WantedLine, consolidate, plan};
use slippers_core::orders::{PlaceError, PlaceFromCart};
use slippers_core::outbox::EventKind;
use slippers_core::outbox::rules::of_payment;
use slippers_core::payments::admission::{Admission, Opening, admit, bound, created, judge_open};
use slippers_core::payments::checks::delay_seconds;
use slippers_core::payments::rules::Refusal;
use slippers_core::payments::{
    OpenAttempt, OpenError, Opened, OrderFacts, Reserve, Reserved, Source, Subject,
};
use slippers_core::types::{OrderId, Timestamp, UserId};

use super::locks::lock_name;
use super::rows::{self, UNBORN};
use crate::cart;
use crate::db::Db;
use crate::orders::within::{Placed, from_cart, lock_shelf, place};
use crate::orders::{rows as orders, stock};
use crate::outbox;
use crate::params::params;

pub(super) async fn open(db: &Db, open: &OpenAttempt, now: Timestamp) -> Result<Opened, OpenError> {
    let Placed { order, is_new: is_placed } = find_or_place(db, open, now).await?;
    let facts = OrderFacts { id: order.id, user: order.user, status: order.status, total: order.total };
    let attempts = rows::of_order(db, order.id).await?;
    let opening = judge_open(open.buyer, &facts, &attempts, open.gateway, open.claimed, now);
    let (attempt, is_new) = match opening.map_err(OpenError::Refused)? {
        Opening::Again(id) => {
            let attempt = attempts.into_iter().find(|attempt| attempt.id == id);
            (attempt.ok_or_else(|| StoreError::Other("an attempt vanished".to_owned()))?, false)
        }
        Opening::New => {
            let reference = open.reference.clone();
            let mut attempt = created(UNBORN, &facts, open.gateway, reference, open.expires_at, now);
            attempt.id = rows::insert(db, &attempt).await?;
            rows::watch(db, attempt.id, now.plus_seconds(delay_seconds(0, 0))).await?;
            (attempt, true)
        }
    };
    if is_placed {
        stock::count(db, order.user, 1, 0).await?;
    }
    Ok(Opened { attempt, order, is_new })
}

/// The order, locked or not seen by others yet.
async fn find_or_place(db: &Db, open: &OpenAttempt, now: Timestamp) -> Result<Placed, OpenError> {
    match &open.source {
        Source::Order(id) => {
            let order = orders::lock_and_find(db, *id).await?.ok_or(OpenError::OrderNotFound)?;
            Ok(Placed { order, is_new: false })
        }
        Source::Cart => {
            let place = PlaceFromCart {
                user: open.buyer,
                clear_cart: false,
                idempotency: None,
                max_open: open.max_open,
                max_quantity: open.max_quantity,
            };
            from_cart(db, &place, now).await.map_err(open_error)
        }
        Source::Items(wanted) => from_items(db, open, wanted, now).await,
    }
}

fn open_error(error: PlaceError) -> OpenError {
    match error {
        PlaceError::Store(error) => OpenError::Store(error),
        refused => OpenError::Place(refused),
    }
}

/// By which the same items are known again, in whatever order they come.
fn items_key(lines: &[WantedLine]) -> String {
    let mut parts: Vec<_> =
        lines.iter().map(|line| (line.slipper.get(), line.quantity, &line.notes)).collect();
    parts.sort();
    let digest = Sha256::digest(json!(parts).to_string());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

const FIND_SAME: &str = "
    SELECT id FROM orders WHERE user_id = $1 AND status = 'PENDING' AND items_key = $2 ORDER BY id DESC LIMIT 1
    FOR NO KEY UPDATE";
const COUNT_PENDING: &str = "SELECT count(*) FROM orders WHERE user_id = $1 AND status = 'PENDING'";
const NAME: &str = "SELECT name || ' ' || surname FROM users WHERE id = $1";

async fn from_items(
    db: &Db,
    open: &OpenAttempt,
    wanted: &[WantedLine],
    now: Timestamp,
) -> Result<Placed, OpenError> {
    let (buyer, wanted) = (open.buyer, consolidate(wanted, open.max_quantity));
    let key = items_key(&wanted);
    // One call of a buyer at a time; those who order the cart wait at the cart, which not everybody has.
    lock_name(db, "items", &[&buyer.to_string()]).await?;
    cart::lock(db, buyer).await?;
    let same = db.first(FIND_SAME, params![buyer.get(), &key], |row| row.int(0)).await?;
    if let Some(id) = same {
        let order = orders::find(db, OrderId::new(id)).await?.ok_or(OpenError::OrderNotFound)?;
        return Ok(Placed { order, is_new: false });
    }
    let pending = db.one(COUNT_PENDING, params![buyer.get()], |row| row.int(0)).await?;
    if wanted.is_empty() {
        return Err(OpenError::Place(PlaceError::CartEmpty));
    }
    if open.max_open > 0 && pending >= open.max_open {
        return Err(OpenError::Place(PlaceError::TooManyOpen { limit: open.max_open }));
    }
    let mut shelf = lock_shelf(db, &wanted).await?;
    let plan = plan(&wanted, open.max_quantity, &mut shelf).map_err(|refused| {
        OpenError::Place(match refused {
            PlanError::Empty => PlaceError::CartEmpty,
            refused => PlaceError::Plan(refused),
        })
    })?;
    let name = user_name(db, buyer).await?;
    Ok(place(db, (buyer, name), plan, &shelf, key, now).await?)
}

async fn user_name(db: &Db, user: UserId) -> Result<String, OpenError> {
    let name = db.first(NAME, params![user.get()], |row| row.text(0)).await?;
    name.ok_or(OpenError::OrderNotFound)
}

/// Begins a transaction for a gateway.
pub(super) async fn reserve(db: &Db, reserve: &Reserve, now: Timestamp) -> Result<Reserved, StoreError> {
    let asked = &reserve.transaction;
    // Before it is looked for: the same may be asked of two orders at once.
    lock_name(db, "transaction", &[asked.gateway.as_str(), asked.their_id.as_str()]).await?;
    let subject = Subject::TheirId(asked.their_id.clone());
    let known = rows::find(db, asked.gateway, &subject).await?;
    let mut locked = vec![asked.order.get()];
    locked.extend(known.map(|same| same.order.get()));
    orders::lock(db, &locked).await?;
    let facts = rows::facts(db, asked.order).await?;
    let same = rows::find(db, asked.gateway, &subject).await?;
    let attempts = rows::of_order(db, asked.order).await?;
    let attempt = match admit(facts.as_ref(), &attempts, same.as_ref(), asked, now) {
        Admission::Refused(refusal) => return Ok(Reserved::Refused(refusal)),
        Admission::Overdue(ended) => {
            rows::write(db, &ended).await?;
            rows::watch(db, ended.id, now).await?;
            outbox::tell(db, &[of_payment(EventKind::PaymentFailed, &ended, ended.amount, now)]).await?;
            return Ok(Reserved::Refused(Refusal::Overdue));
        }
        Admission::Again(_) => return Ok(same.map_or(gone(), |same| Reserved::Held(Box::new(same)))),
        Admission::Bind(attempt) => *attempt,
        Admission::New => {
            let Some(facts) = facts else { return Ok(gone()) };
            let reference = reserve.reference.clone();
            let mut attempt = created(UNBORN, &facts, asked.gateway, reference, asked.expires_at, now);
            attempt.id = rows::insert(db, &attempt).await?;
            bound(&attempt, asked, now)
        }
    };
    rows::write(db, &attempt).await?;
    rows::watch(db, attempt.id, now.plus_seconds(delay_seconds(0, 0))).await?;
    Ok(Reserved::Held(Box::new(attempt)))
}

/// What `admit` never leads to.
const fn gone() -> Reserved {
    Reserved::Refused(Refusal::NoSuchOrder)
}
