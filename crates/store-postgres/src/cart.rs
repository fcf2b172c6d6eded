//! Carts.

use async_trait::async_trait;
use slippers_core::StoreError;
use slippers_core::cart::{Cart, CartError, CartStore, CartTotals};
use slippers_core::types::{CartLineId, SlipperId, Timestamp, UserId};

use crate::store::PostgresStore;

#[async_trait]
impl CartStore for PostgresStore {
    async fn open_cart(&self, user: UserId, now: Timestamp) -> Result<Cart, StoreError> {
        todo!()
    }

    async fn cart_totals(&self, user: UserId) -> Result<CartTotals, StoreError> {
        todo!()
    }

    async fn add_to_cart(
        &self,
        user: UserId,
        slipper: SlipperId,
        quantity: i64,
        now: Timestamp,
    ) -> Result<Cart, CartError> {
        todo!()
    }

    async fn set_line_quantity(
        &self,
        user: UserId,
        line: CartLineId,
        quantity: i64,
        now: Timestamp,
    ) -> Result<Cart, CartError> {
        todo!()
    }

    async fn remove_line(&self, user: UserId, line: CartLineId, now: Timestamp) -> Result<Cart, CartError> {
        todo!()
    }

    async fn clear_cart(&self, user: UserId, now: Timestamp) -> Result<Cart, StoreError> {
        todo!()
    }
}
