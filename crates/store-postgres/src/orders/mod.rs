//! Orders.

mod batch;
mod change;
pub(crate) mod combiner;
mod expire;
mod place;
pub(crate) mod rows;
pub(crate) mod stock;
pub(crate) mod within;

use async_trait::async_trait;
use slippers_core::StoreError;
use slippers_core::accounts::Actor;
use slippers_core::orders::{
    Order, OrderChange, OrderError, OrderList, OrderQuery, OrderStore, PlaceError, PlaceFromCart,
};
use slippers_core::types::{OrderId, Timestamp};

use crate::replicas::Own;
use crate::store::PostgresStore;

#[async_trait]
impl OrderStore for PostgresStore {
    async fn place_from_cart(&self, place: PlaceFromCart, now: Timestamp) -> Result<Order, PlaceError> {
        self.feed.be_seen().await;
        match self.combiner.place(&self.pool, place.clone(), now).await {
            // The commit went out and its answer was lost. The same call looks for the order by its key and the cart's version
            // before it makes one, and stands behind the lost transaction at the lock on the cart until that has ended.
            Err(PlaceError::Store(StoreError::Undecided(_))) => {
                self.combiner.place(&self.pool, place, now).await
            }
            decided => decided,
        }
    }

    async fn list_orders(&self, query: OrderQuery) -> Result<OrderList, StoreError> {
        self.read_own(Own::Orders, query, |db, query| Box::pin(rows::list(db, *query))).await
    }

    async fn find_order(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        self.read_own(Own::Order, id, |db, id| Box::pin(rows::find(db, *id))).await
    }

    async fn change_order(
        &self,
        id: OrderId,
        actor: Actor,
        change: OrderChange,
        now: Timestamp,
    ) -> Result<Order, OrderError> {
        let args = (id, actor, change, now);
        self.write_own(args, |db, (id, actor, change, now)| {
            Box::pin(change::change(db, *id, *actor, change, *now))
        })
        .await
    }

    async fn delete_order(&self, id: OrderId, actor: Actor, now: Timestamp) -> Result<(), OrderError> {
        self.write_own((id, actor, now), |db, (id, actor, now)| {
            Box::pin(change::delete(db, *id, *actor, *now))
        })
        .await
    }

    async fn expire_orders(
        &self,
        placed_before: Timestamp,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<OrderId>, StoreError> {
        let args = (placed_before, limit, now);
        self.sweep(args, |db, (before, limit, now)| Box::pin(expire::expire(db, *before, *limit, *now))).await
    }

    async fn sweep_idempotency(&self, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
        self.sweep((before, limit), |db, (before, limit)| {
            Box::pin(expire::sweep_idempotency(db, *before, *limit))
        })
        .await
    }
}
