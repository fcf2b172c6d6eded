//! Orders.

mod change;
mod expire;
pub(crate) mod place;
pub(crate) mod rows;
pub(crate) mod stock;

use async_trait::async_trait;
use slippers_core::StoreError;
use slippers_core::accounts::Actor;
use slippers_core::orders::{
    Order, OrderChange, OrderError, OrderList, OrderQuery, OrderStore, PlaceError, PlaceFromCart,
};
use slippers_core::types::{OrderId, Timestamp};

use crate::store::SqliteStore;

#[async_trait]
impl OrderStore for SqliteStore {
    async fn place_from_cart(&self, place: PlaceFromCart, now: Timestamp) -> Result<Order, PlaceError> {
        self.writer.run(move |db| place::from_cart(db, &place, now)).await
    }

    async fn list_orders(&self, query: OrderQuery) -> Result<OrderList, StoreError> {
        self.readers.long_snapshot(move |db| rows::list(db, query)).await
    }

    async fn find_order(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        self.readers.read(|db| rows::find(db, id))
    }

    async fn change_order(
        &self,
        id: OrderId,
        actor: Actor,
        change: OrderChange,
        now: Timestamp,
    ) -> Result<Order, OrderError> {
        self.writer.run(move |db| change::change(db, id, actor, &change, now)).await
    }

    async fn delete_order(&self, id: OrderId, actor: Actor, now: Timestamp) -> Result<(), OrderError> {
        self.writer.run(move |db| change::delete(db, id, actor, now)).await
    }

    async fn expire_orders(
        &self,
        placed_before: Timestamp,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<OrderId>, StoreError> {
        self.writer.run(move |db| expire::expire(db, placed_before, limit, now)).await
    }

    async fn sweep_idempotency(&self, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
        self.writer.run(move |db| expire::sweep_idempotency(db, before, limit)).await
    }
}
