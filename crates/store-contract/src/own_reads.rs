//! Reads of what is somebody's own, made as the server makes them for a client who sends back the position that the last
//! answer told: so copies may answer them, which have to show what the story did before.
//!
//! Nothing else is read so: the store decides by the verb what else copies may answer. Without copies it is the store.

use std::sync::Arc;

use slippers_core::cart::{Cart, CartTotals};
use slippers_core::orders::{Order, OrderList, OrderQuery};
use slippers_core::types::{OrderId, Timestamp, UserId};
use slippers_core::{Reader, Store, StoreError};

use crate::given::Shop;

impl Shop {
    fn as_seen_by(&self, user: UserId) -> Arc<dyn Store> {
        let store = self.store();
        // All that was acknowledged until now is part of it.
        let seen = store.wrote(None);
        store.for_reader(Reader { user, seen }).unwrap_or(store)
    }

    /// Opens a cart.
    pub async fn open_cart(&self, user: UserId, now: Timestamp) -> Result<Cart, StoreError> {
        self.as_seen_by(user).open_cart(user, now).await
    }

    /// The sums of a cart.
    pub async fn cart_totals(&self, user: UserId) -> Result<CartTotals, StoreError> {
        self.as_seen_by(user).cart_totals(user).await
    }

    /// Lists orders: somebody's own, or for those who run the shop, whom no copy answers.
    pub async fn list_orders(&self, query: OrderQuery) -> Result<OrderList, StoreError> {
        match query.of {
            Some(user) => self.as_seen_by(user).list_orders(query).await,
            None => self.store().list_orders(query).await,
        }
    }

    /// Finds an order. Whose it is, is not known before; copies are chosen among by that alone, so any number will do.
    pub async fn find_order(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        self.as_seen_by(UserId::new(id.get())).find_order(id).await
    }
}
