//! What a database promises of orders.

use async_trait::async_trait;
use thiserror::Error;

use super::lifecycle::LifecycleError;
use super::rules::PlanError;
use super::{Order, OrderChange, OrderList, OrderQuery};
use crate::accounts::Actor;
use crate::store::StoreError;
use crate::types::{IdempotencyKey, OrderId, Timestamp, UserId};

/// A client's own name for one intention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The name; each user has their own.
    pub key: IdempotencyKey,
    /// What was asked for under it: the operation and its parameters in one spelling.
    pub request: String,
}

/// An order to place from what is in the cart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceFromCart {
    /// The buyer.
    pub user: UserId,
    /// Whether the cart is emptied.
    pub clear_cart: bool,
    /// The client's own name for this order.
    pub idempotency: Option<Idempotency>,
    /// The most pending orders that a user may have; 0 = no limit.
    pub max_open: i64,
    /// The most pairs that one line of the cart counts for.
    pub max_quantity: i64,
}

/// Why no order was placed. Nothing was changed.
#[derive(Debug, Error)]
pub enum PlaceError {
    /// The cart is empty, or there is none, and it was not emptied by a pending order of its own.
    #[error("the cart is empty")]
    CartEmpty,
    /// A product of the cart can't be had.
    #[error(transparent)]
    Plan(PlanError),
    /// The user has too many pending orders.
    #[error("{limit} orders are pending already")]
    TooManyOpen {
        /// The most that are allowed.
        limit: i64,
    },
    /// The key was used for another request.
    #[error("the idempotency key belongs to another request")]
    KeyReused,
    /// The database could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an order was not changed.
#[derive(Debug, Error)]
pub enum OrderError {
    /// No order bears this number.
    #[error("no such order")]
    NotFound,
    /// The rules forbid it.
    #[error(transparent)]
    Refused(#[from] LifecycleError),
    /// The database could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Orders in a database.
#[async_trait]
pub trait OrderStore: Send + Sync {
    /// Places an order from the user's cart, or answers the one that was placed by the same call before.
    ///
    /// In this order:
    /// 1. A key that was used in the last [`KEY_SECONDS`](super::KEY_SECONDS) for the same request answers its order as it is now; for another request,
    ///    [`PlaceError::KeyReused`].
    /// 2. A pending order of this cart's present version ([`is_repeat`](super::rules::is_repeat)) is answered again, at
    ///    the prices at which it was placed;
    ///    if `clear_cart` asks for it and the cart is not empty yet, the cart is emptied.
    /// 3. The order is made by [`plan`](super::rules::plan): its lines copy the products, its stock leaves the shelf,
    ///    and the cart is emptied if asked for. However many do so at once, no product's stock falls below zero.
    ///
    /// The key is kept with whatever order is answered.
    ///
    /// # Errors
    /// [`PlaceError`]; an empty cart comes before too many open orders, these before the plan's refusal.
    async fn place_from_cart(&self, place: PlaceFromCart, now: Timestamp) -> Result<Order, PlaceError>;

    /// The newest orders asked for, with their lines; the number of statements does not depend on how many. The list ends
    /// early, behind the order with which it reaches [`MAX_LISTED_LINES`](super::MAX_LISTED_LINES) lines; `before` goes on
    /// from there.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn list_orders(&self, query: OrderQuery) -> Result<OrderList, StoreError>;

    /// The order with this number and its lines, or `None`.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn find_order(&self, id: OrderId) -> Result<Option<Order>, StoreError>;

    /// Changes an order as [`decide_change`](super::lifecycle::decide_change) says and answers it as it is then. Stock
    /// that it gives back is on the shelf at the same moment, never above [`MAX_STOCK`](crate::catalog::MAX_STOCK), and
    /// that of products which are gone is forgotten; a manual payment or refund is recorded with who, when
    /// and how much.
    ///
    /// # Errors
    /// [`OrderError`].
    async fn change_order(
        &self,
        id: OrderId,
        actor: Actor,
        change: OrderChange,
        now: Timestamp,
    ) -> Result<Order, OrderError>;

    /// Deletes an order as [`decide_deletion`](super::lifecycle::decide_deletion) says. Keys that named it are forgotten
    /// with it.
    ///
    /// # Errors
    /// [`OrderError`].
    async fn delete_order(&self, id: OrderId, actor: Actor, now: Timestamp) -> Result<(), OrderError>;

    /// Cancels pending orders placed at or before `placed_before`, oldest first, at most `limit` of them, and gives
    /// their stock back. Answers the numbers of those it cancelled; none = done.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn expire_orders(
        &self,
        placed_before: Timestamp,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<OrderId>, StoreError>;

    /// Forgets idempotency keys that were first used before `before`, at most `limit` of them. Answers how many.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn sweep_idempotency(&self, before: Timestamp, limit: i64) -> Result<u64, StoreError>;
}
