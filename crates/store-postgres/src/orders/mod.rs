//! Orders.

use async_trait::async_trait;
use slippers_core::StoreError;
use slippers_core::accounts::Actor;
use slippers_core::orders::{
    Order, OrderChange, OrderError, OrderList, OrderQuery, OrderStore, PlaceError, PlaceFromCart,
};
use slippers_core::types::{OrderId, Timestamp};

use crate::store::PostgresStore;

#[async_trait]
impl OrderStore for PostgresStore {
    async fn place_from_cart(&self, place: PlaceFromCart, now: Timestamp) -> Result<Order, PlaceError> {
        todo!()
    }

    async fn list_orders(&self, query: OrderQuery) -> Result<OrderList, StoreError> {
        todo!()
    }

    async fn find_order(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        todo!()
    }

    async fn change_order(
        &self,
        id: OrderId,
        actor: Actor,
        change: OrderChange,
        now: Timestamp,
    ) -> Result<Order, OrderError> {
        todo!()
    }

    async fn delete_order(&self, id: OrderId, actor: Actor, now: Timestamp) -> Result<(), OrderError> {
        todo!()
    }

    async fn expire_orders(
        &self,
        placed_before: Timestamp,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<OrderId>, StoreError> {
        todo!()
    }

    async fn sweep_idempotency(&self, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
        todo!()
    }
}
