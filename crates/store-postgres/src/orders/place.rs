//! What is decided for each order of a batch, and what of it is to be written.

use std::collections::BTreeMap;

use slippers_core::StoreError;
use slippers_core::orders::rules::{OrderPlan, PlanError, Shelf, WantedLine, is_repeat, plan};
use slippers_core::orders::{
    Idempotency, KEY_SECONDS, Order, OrderLine, OrderStatus, PlaceError, PlaceFromCart,
};
use slippers_core::types::{OrderId, OrderLineId, Timestamp, UserId};

/// A call that places an order.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) place: PlaceFromCart,
    pub(super) now: Timestamp,
}

impl Wish {
    pub(super) const fn user(&self) -> i64 {
        self.place.user.get()
    }
}

/// Who buys, and what is in their cart.
#[derive(Debug)]
pub(super) struct Buyer {
    pub(super) name: String,
    pub(super) cart: Option<CartState>,
    pub(super) wanted: Vec<WantedLine>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct CartState {
    pub(super) id: i64,
    pub(super) version: i64,
}

#[derive(Debug)]
pub(super) struct PendingOrder {
    pub(super) id: OrderId,
    pub(super) made_from: Option<i64>,
    pub(super) cleared_to: Option<i64>,
}

/// A key that was used before.
#[derive(Debug)]
pub(super) struct UsedKey {
    pub(super) request: String,
    pub(super) order: OrderId,
    pub(super) used_at: Timestamp,
}

/// What the database said under lock, and numbers that nobody else gets.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) buyers: BTreeMap<i64, Buyer>,
    /// Newest first: should two be of one version, the later is the one that the client means.
    pub(super) pending: BTreeMap<i64, Vec<PendingOrder>>,
    pub(super) keys: BTreeMap<(i64, String), UsedKey>,
    pub(super) shelf: Shelf,
    pub(super) order_ids: Vec<i64>,
    pub(super) line_ids: Vec<i64>,
}

/// What is to be written.
#[derive(Debug, Default)]
pub(super) struct Writes {
    pub(super) orders: Vec<NewOrder>,
    /// Carts to empty, with when.
    pub(super) cleared: Vec<(i64, Timestamp)>,
    /// Orders that were answered again and whose cart is emptied only now, with the version that this leaves.
    pub(super) cleared_late: Vec<(i64, i64)>,
    pub(super) kept_keys: Vec<(i64, Idempotency, OrderId, Timestamp)>,
}

#[derive(Debug)]
pub(super) struct NewOrder {
    pub(super) order: Order,
    pub(super) made_from: Option<i64>,
    pub(super) cleared_to: Option<i64>,
    /// By which an order of the same items, not of a cart, is found again.
    pub(super) items_key: Option<String>,
}

/// What a call is answered once everything is committed.
#[derive(Debug)]
pub(super) enum Answer {
    /// The order at this place of [`Writes::orders`].
    Placed(usize),
    /// An order that was there.
    Again(OrderId),
    Refused(PlaceError),
}

/// Decides one call, against what those before it have left on the shelf.
pub(super) fn decide(wish: &Wish, known: &mut Known, writes: &mut Writes) -> Answer {
    match try_decide(wish, known, writes) {
        Ok(answer) => answer,
        Err(refused) => Answer::Refused(refused),
    }
}

fn try_decide(wish: &Wish, known: &mut Known, writes: &mut Writes) -> Result<Answer, PlaceError> {
    let user = wish.user();
    if let Some(key) = &wish.place.idempotency
        && let Some(used) = known.keys.get(&(user, key.key.as_str().to_owned()))
        && used.used_at >= wish.now.plus_seconds(-KEY_SECONDS)
    {
        return if used.request == key.request {
            Ok(Answer::Again(used.order))
        } else {
            Err(PlaceError::KeyReused)
        };
    }
    let buyer = known.buyers.remove(&user).ok_or(PlaceError::CartEmpty)?;
    let pending = known.pending.get(&user).map_or(&[][..], Vec::as_slice);
    let repeats = |order: &&PendingOrder| {
        buyer.cart.is_some_and(|cart| is_repeat(order.made_from, order.cleared_to, cart.version))
    };
    let (answer, order) = match pending.iter().find(repeats) {
        Some(same) => {
            clear_late(wish, &buyer, same.id, writes);
            (Answer::Again(same.id), same.id)
        }
        None => {
            let open = i64::try_from(pending.len()).unwrap_or(i64::MAX);
            let new = place_new(wish, buyer, open, known)?;
            if let Some(cart) = new.cleared_cart {
                writes.cleared.push((cart, wish.now));
            }
            let id = new.order.order.id;
            writes.orders.push(new.order);
            (Answer::Placed(writes.orders.len() - 1), id)
        }
    };
    if let Some(key) = &wish.place.idempotency {
        writes.kept_keys.push((user, key.clone(), order, wish.now));
    }
    Ok(answer)
}

/// Empties the cart if the first call did not.
fn clear_late(wish: &Wish, buyer: &Buyer, same: OrderId, writes: &mut Writes) {
    if wish.place.clear_cart
        && !buyer.wanted.is_empty()
        && let Some(cart) = buyer.cart
    {
        writes.cleared.push((cart.id, wish.now));
        writes.cleared_late.push((same.get(), cart.version + 1));
    }
}

struct Placed {
    order: NewOrder,
    cleared_cart: Option<i64>,
}

fn place_new(wish: &Wish, buyer: Buyer, open: i64, known: &mut Known) -> Result<Placed, PlaceError> {
    let place = &wish.place;
    let cart = buyer.cart.filter(|_| !buyer.wanted.is_empty()).ok_or(PlaceError::CartEmpty)?;
    if place.max_open > 0 && open >= place.max_open {
        return Err(PlaceError::TooManyOpen { limit: place.max_open });
    }
    let plan =
        plan(&buyer.wanted, place.max_quantity, &mut known.shelf).map_err(|refused| match refused {
            PlanError::Empty => PlaceError::CartEmpty,
            refused => PlaceError::Plan(refused),
        })?;
    let id = known.order_ids.pop().ok_or_else(no_number)?;
    let order = order_of(place.user, buyer.name, plan, id, &mut known.line_ids, wish.now)?;
    let cleared_to = place.clear_cart.then_some(cart.version + 1);
    Ok(Placed {
        order: NewOrder { order, made_from: Some(cart.version), cleared_to, items_key: None },
        cleared_cart: place.clear_cart.then_some(cart.id),
    })
}

/// The order that a plan says, under this number; those of its lines are taken from the end.
pub(super) fn order_of(
    user: UserId,
    user_name: String,
    plan: OrderPlan,
    id: i64,
    line_ids: &mut Vec<i64>,
    now: Timestamp,
) -> Result<Order, StoreError> {
    Ok(Order {
        id: OrderId::new(id),
        user,
        user_name,
        status: OrderStatus::Pending,
        total: plan.total,
        notes: None,
        payment: None,
        created_at: now,
        updated_at: now,
        lines: number_lines(plan, line_ids)?,
    })
}

fn number_lines(plan: OrderPlan, ids: &mut Vec<i64>) -> Result<Vec<OrderLine>, StoreError> {
    let numbered = plan.lines.into_iter().map(|line| {
        Ok(OrderLine {
            id: OrderLineId::new(ids.pop().ok_or_else(no_number)?),
            slipper: line.slipper,
            quantity: line.quantity,
            unit_price: line.unit_price,
            total: line.total,
            notes: line.notes,
            name: line.name,
            size: line.size,
            image: line.image,
        })
    });
    numbered.collect()
}

pub(super) fn no_number() -> StoreError {
    StoreError::Other("fewer numbers were taken than are needed".to_owned())
}
