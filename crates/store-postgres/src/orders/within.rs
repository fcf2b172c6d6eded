//! Orders that are placed as a part of another verb, in its transaction. That verb counts them with
//! [`count`](super::stock::count) when all else is written.

use futures_util::future::try_join;
use slippers_core::StoreError;
use slippers_core::orders::rules::{OrderPlan, Shelf, WantedLine};
use slippers_core::orders::{Order, PlaceError, PlaceFromCart};
use slippers_core::types::{Timestamp, UserId};

use super::batch::statements::ALL;
use super::batch::{changes, descending, insert_orders, read, read_goods};
use super::place::{Answer, NewOrder, Wish, Writes, decide, no_number, order_of};
use super::rows;
use crate::db::Db;
use crate::params::params;

/// An order that was asked for.
pub(crate) struct Placed {
    pub(crate) order: Order,
    /// Whether it was placed now, and is to be counted.
    pub(crate) is_new: bool,
}

/// Places an order of what is in the cart, which keeps its lines, or answers the one that was made of it, locked.
pub(crate) async fn from_cart(db: &Db, place: &PlaceFromCart, now: Timestamp) -> Result<Placed, PlaceError> {
    // So that its statements are sent in the order in which they are written.
    db.prepare(&ALL).await?;
    let wish = Wish { place: place.clone(), now };
    let mut known = read(db, std::slice::from_ref(&wish)).await?;
    let mut writes = Writes::default();
    match decide(&wish, &mut known, &mut writes) {
        Answer::Refused(refused) => Err(refused),
        Answer::Again(id) => {
            let order = rows::lock_and_find(db, id).await?;
            let order =
                order.ok_or_else(|| StoreError::Unavailable(format!("order {id} was deleted meanwhile")))?;
            Ok(Placed { order, is_new: false })
        }
        Answer::Placed(_) => {
            let new = writes.orders.pop().ok_or_else(no_number)?;
            Ok(Placed { order: insert(db, new, &known.shelf).await?, is_new: true })
        }
    }
}

// In the order of their numbers, as everywhere.
const LOCK_SHELF: &str = "
    SELECT id, name, size, image, price_minor, quantity, is_paused FROM slippers
    WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE";

/// The products of these lines, locked.
pub(crate) async fn lock_shelf(db: &Db, wanted: &[WantedLine]) -> Result<Shelf, StoreError> {
    let ids: Vec<i64> = wanted.iter().map(|line| line.slipper.get()).collect();
    Ok(db.all(LOCK_SHELF, params![ids], read_goods).await?.into_iter().collect())
}

const TAKE_ORDER_ID: &str = "SELECT nextval('orders_id_seq')";
const TAKE_LINE_IDS: &str = "SELECT nextval('order_items_id_seq') FROM generate_series(1, $1)";

/// Places what was planned with a locked shelf, which has this `left`, to be found again by this key.
pub(crate) async fn place(
    db: &Db,
    (user, user_name): (UserId, String),
    plan: OrderPlan,
    left: &Shelf,
    items_key: String,
    now: Timestamp,
) -> Result<Placed, StoreError> {
    db.prepare(&ALL).await?;
    let count = i64::try_from(plan.lines.len()).unwrap_or(i64::MAX);
    let (id, line_ids) = try_join(
        db.one(TAKE_ORDER_ID, params![], |row| row.int(0)),
        db.all(TAKE_LINE_IDS, params![count], |row| row.int(0)),
    )
    .await?;
    let order = order_of(user, user_name, plan, id, &mut descending(line_ids), now)?;
    let new = NewOrder { order, made_from: None, cleared_to: None, items_key: Some(items_key) };
    Ok(Placed { order: insert(db, new, left).await?, is_new: true })
}

async fn insert(db: &Db, new: NewOrder, left: &Shelf) -> Result<Order, StoreError> {
    changes(std::slice::from_ref(&new), left).into_iter().for_each(|change| db.note(change));
    insert_orders(db, std::slice::from_ref(&new)).await?;
    Ok(new.order)
}
