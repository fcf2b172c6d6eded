//! Placing an order from a cart: eight statements, however many lines; two more each to empty the cart and for an
//! idempotency key.

use slippers_core::orders::rules::{Goods, OrderPlan, PlanError, Shelf, WantedLine, is_repeat, plan};
use slippers_core::orders::{
    Idempotency, KEY_SECONDS, Order, OrderLine, OrderStatus, PlaceError, PlaceFromCart,
};
use slippers_core::outbox::rules::placed;
use slippers_core::types::{OrderId, OrderLineId, SlipperId, Timestamp, UserId};
use slippers_core::{Change, StoreError};

use super::{rows, stock};
use crate::db::{Cells, Db, json_list};
use crate::outbox;

pub(crate) fn from_cart(db: &Db<'_>, place: &PlaceFromCart, now: Timestamp) -> Result<Order, PlaceError> {
    if let Some(key) = &place.idempotency
        && let Some(order) = answered_before(db, place.user, key, now)?
    {
        return Ok(order);
    }
    let buyer = read_buyer(db, place.user)?.ok_or(PlaceError::CartEmpty)?;
    let pending = read_pending(db, place.user)?;
    let order = match pending.iter().find(|order| buyer.repeats(order)) {
        Some(same) => answer_again(db, place, &buyer, same, now)?,
        None => place_new(db, place, buyer, pending.len(), now)?,
    };
    if let Some(key) = &place.idempotency {
        keep_key(db, place.user, key, order.id, now)?;
    }
    Ok(order)
}

const FIND_KEY: &str = "
    SELECT request, order_id FROM idempotency_keys WHERE user_id = ?1 AND key = ?2 AND created_at >= ?3";

fn answered_before(
    db: &Db<'_>,
    user: UserId,
    key: &Idempotency,
    now: Timestamp,
) -> Result<Option<Order>, PlaceError> {
    let since = now.plus_seconds(-KEY_SECONDS).micros();
    let values = (user.get(), key.key.as_str(), since);
    let found = db.first(FIND_KEY, values, |row| Ok((row.text(0)?, row.int(1)?)))?;
    match found {
        None => Ok(None),
        Some((request, _)) if request != key.request => Err(PlaceError::KeyReused),
        Some((_, order)) => Ok(Some(existing(db, OrderId::new(order))?)),
    }
}

const KEEP_KEY: &str = "
    INSERT OR REPLACE INTO idempotency_keys (user_id, key, request, order_id, created_at)
    VALUES (?1, ?2, ?3, ?4, ?5)";

fn keep_key(
    db: &Db<'_>,
    user: UserId,
    key: &Idempotency,
    order: OrderId,
    now: Timestamp,
) -> Result<(), StoreError> {
    db.run(KEEP_KEY, (user.get(), key.key.as_str(), &key.request, order.get(), now.micros()))?;
    Ok(())
}

fn existing(db: &Db<'_>, id: OrderId) -> Result<Order, StoreError> {
    rows::find(db, id)?.ok_or_else(|| StoreError::Corrupt(format!("order {id} is named and does not exist")))
}

/// Who buys, and what is in their cart.
struct Buyer {
    name: String,
    cart: Option<CartState>,
    wanted: Vec<WantedLine>,
    shelf: Shelf,
}

#[derive(Clone, Copy)]
struct CartState {
    id: i64,
    version: i64,
}

impl Buyer {
    fn repeats(&self, order: &PendingOrder) -> bool {
        self.cart.is_some_and(|cart| is_repeat(order.made_from, order.cleared_to, cart.version))
    }
}

const READ_BUYER: &str = "
    SELECT u.name, u.surname, c.id, c.version, i.slipper_id, i.quantity,
           s.name, s.size, s.image, s.price_minor, s.quantity, s.is_paused
    FROM users u
    LEFT JOIN carts c ON c.user_id = u.id
    LEFT JOIN cart_items i ON i.cart_id = c.id
    LEFT JOIN slippers s ON s.id = i.slipper_id
    WHERE u.id = ?1
    ORDER BY i.id";

fn read_buyer(db: &Db<'_>, user: UserId) -> Result<Option<Buyer>, StoreError> {
    let mut buyer: Option<Buyer> = None;
    db.all(READ_BUYER, [user.get()], |row| {
        let buyer = match &mut buyer {
            Some(buyer) => buyer,
            none => none.insert(read_buyer_alone(row)?),
        };
        if let Some((line, goods)) = read_wanted(row)? {
            buyer.shelf.insert(line.slipper, goods);
            buyer.wanted.push(line);
        }
        Ok(())
    })?;
    Ok(buyer)
}

fn read_buyer_alone(row: &Cells<'_>) -> Result<Buyer, StoreError> {
    let cart = match row.get::<Option<i64>>(2)? {
        Some(id) => Some(CartState { id, version: row.int(3)? }),
        None => None,
    };
    let name = format!("{} {}", row.text(0)?, row.text(1)?);
    Ok(Buyer { name, cart, wanted: Vec::new(), shelf: Shelf::new() })
}

fn read_wanted(row: &Cells<'_>) -> Result<Option<(WantedLine, Goods)>, StoreError> {
    let Some(slipper) = row.get::<Option<i64>>(4)? else { return Ok(None) };
    let line = WantedLine { slipper: SlipperId::new(slipper), quantity: row.int(5)?, notes: None };
    let goods = Goods {
        name: row.text(6)?,
        size: row.text(7)?,
        image: row.text(8)?,
        price: row.money(9)?,
        stock: row.int(10)?,
        is_paused: row.flag(11)?,
    };
    Ok(Some((line, goods)))
}

struct PendingOrder {
    id: OrderId,
    made_from: Option<i64>,
    cleared_to: Option<i64>,
}

// Newest first: should two be of one version, the later is the one that the client means.
const READ_PENDING: &str = "
    SELECT id, cart_version, cleared_version FROM orders
    WHERE user_id = ?1 AND status = 'PENDING'
    ORDER BY id DESC";

fn read_pending(db: &Db<'_>, user: UserId) -> Result<Vec<PendingOrder>, StoreError> {
    db.all(READ_PENDING, [user.get()], |row| {
        Ok(PendingOrder { id: OrderId::new(row.int(0)?), made_from: row.get(1)?, cleared_to: row.get(2)? })
    })
}

const REMEMBER_CLEARING: &str = "UPDATE orders SET cleared_version = ?2 WHERE id = ?1";

/// Answers the order that was made from this cart, and empties the cart if the first call did not.
fn answer_again(
    db: &Db<'_>,
    place: &PlaceFromCart,
    buyer: &Buyer,
    same: &PendingOrder,
    now: Timestamp,
) -> Result<Order, StoreError> {
    if place.clear_cart
        && !buyer.wanted.is_empty()
        && let Some(cart) = buyer.cart
    {
        clear_cart(db, cart, now)?;
        db.run(REMEMBER_CLEARING, (same.id.get(), cart.version + 1))?;
    }
    existing(db, same.id)
}

fn place_new(
    db: &Db<'_>,
    place: &PlaceFromCart,
    mut buyer: Buyer,
    pending: usize,
    now: Timestamp,
) -> Result<Order, PlaceError> {
    let cart = buyer.cart.filter(|_| !buyer.wanted.is_empty()).ok_or(PlaceError::CartEmpty)?;
    if place.max_open > 0 && i64::try_from(pending).unwrap_or(i64::MAX) >= place.max_open {
        return Err(PlaceError::TooManyOpen { limit: place.max_open });
    }
    let plan =
        plan(&buyer.wanted, place.max_quantity, &mut buyer.shelf).map_err(|refused| match refused {
            PlanError::Empty => PlaceError::CartEmpty,
            refused => PlaceError::Plan(refused),
        })?;
    let from = MadeFrom {
        cart_version: Some(cart.version),
        cleared_to: place.clear_cart.then_some(cart.version + 1),
        items_key: None,
    };
    let order = write_order(db, place.user, buyer.name, &plan, &buyer.shelf, &from, now)?;
    if place.clear_cart {
        clear_cart(db, cart, now)?;
    }
    Ok(order)
}

/// What an order is recognised by when the same call comes again.
pub(crate) struct MadeFrom {
    pub(crate) cart_version: Option<i64>,
    pub(crate) cleared_to: Option<i64>,
    pub(crate) items_key: Option<String>,
}

/// Writes an order and takes its stock from the shelf, on which the plan has left this.
pub(crate) fn write_order(
    db: &Db<'_>,
    user: UserId,
    user_name: String,
    plan: &OrderPlan,
    left: &Shelf,
    from: &MadeFrom,
    now: Timestamp,
) -> Result<Order, StoreError> {
    let made_from = (from.cart_version, from.cleared_to, &from.items_key);
    let values = (user.get(), plan.total.minor(), made_from.0, made_from.1, made_from.2, now.micros());
    let id = db.insert(INSERT_ORDER, values)?;
    let lines = insert_lines(db, id, plan)?;
    take_stock(db, plan, left)?;
    stock::count(db, user, 1, 0)?;
    let order = Order {
        id: OrderId::new(id),
        user,
        user_name,
        status: OrderStatus::Pending,
        total: plan.total,
        notes: None,
        payment: None,
        created_at: now,
        updated_at: now,
        lines,
    };
    outbox::tell(db, &[placed(&order)])?;
    Ok(order)
}

const INSERT_ORDER: &str = "
    INSERT INTO orders
        (user_id, status, total_minor, cart_version, cleared_version, items_key, created_at, updated_at)
    VALUES (?1, 'PENDING', ?2, ?3, ?4, ?5, ?6, ?6)";

const INSERT_LINES: &str = "
    INSERT INTO order_items
        (order_id, slipper_id, quantity, unit_price_minor, total_minor, notes, name, size, image)
    SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7
    FROM json_each(?2) ORDER BY key
    RETURNING id, slipper_id";

fn insert_lines(db: &Db<'_>, order: i64, plan: &OrderPlan) -> Result<Vec<OrderLine>, StoreError> {
    let values: Vec<_> = plan
        .lines
        .iter()
        .map(|line| {
            let money = (line.unit_price.minor(), line.total.minor());
            let (id, texts) = (line.slipper.get(), (&line.notes, &line.name, &line.size, &line.image));
            (id, line.quantity, money.0, money.1, texts.0, texts.1, texts.2, texts.3)
        })
        .collect();
    // RETURNING promises no order, so each number is matched by its product.
    let ids = db.all(INSERT_LINES, (order, json_list(&values)?), |row| Ok((row.int(0)?, row.int(1)?)))?;
    let line_of = |(id, slipper): (i64, i64)| {
        let line = plan.lines.iter().find(|line| line.slipper.get() == slipper);
        let line =
            line.ok_or_else(|| StoreError::Other("a line was written that was not planned".to_owned()))?;
        Ok(OrderLine {
            id: OrderLineId::new(id),
            slipper: line.slipper,
            quantity: line.quantity,
            unit_price: line.unit_price,
            total: line.total,
            notes: line.notes.clone(),
            name: line.name.clone(),
            size: line.size.clone(),
            image: line.image.clone(),
        })
    };
    let mut lines = ids.into_iter().map(line_of).collect::<Result<Vec<_>, StoreError>>()?;
    lines.sort_by_key(|line| line.id);
    Ok(lines)
}

const TAKE_STOCK: &str = "
    UPDATE slippers SET quantity = slippers.quantity - taken.quantity
    FROM (SELECT value ->> 0 AS slipper_id, value ->> 1 AS quantity FROM json_each(?1)) AS taken
    WHERE slippers.id = taken.slipper_id";

/// Takes the pairs of a plan, which has left this on the shelf.
fn take_stock(db: &Db<'_>, plan: &OrderPlan, left: &Shelf) -> Result<(), StoreError> {
    let taken: Vec<_> = plan.lines.iter().map(|line| (line.slipper.get(), line.quantity)).collect();
    if db.run(TAKE_STOCK, [json_list(&taken)?])? != taken.len() {
        return Err(StoreError::Other("not every product of a plan was there to be taken".to_owned()));
    }
    for line in &plan.lines {
        let after = left.get(&line.slipper).map_or(0, |goods| goods.stock);
        db.note(Change::of_stock(line.slipper, after + line.quantity, after));
    }
    Ok(())
}

const CLEAR_CART: &str = "DELETE FROM cart_items WHERE cart_id = ?1";
const MOVE_VERSION: &str = "UPDATE carts SET version = version + 1, updated_at = ?2 WHERE id = ?1";

fn clear_cart(db: &Db<'_>, cart: CartState, now: Timestamp) -> Result<(), StoreError> {
    db.run(CLEAR_CART, [cart.id])?;
    db.run(MOVE_VERSION, (cart.id, now.micros()))?;
    Ok(())
}
