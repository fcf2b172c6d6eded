//! What a database promises of carts.

use async_trait::async_trait;
use thiserror::Error;

use super::{Cart, CartTotals};
use crate::store::StoreError;
use crate::types::{CartLineId, SlipperId, Timestamp, UserId};

/// Why a cart was not changed.
#[derive(Debug, Error)]
pub enum CartError {
    /// No product bears this number.
    #[error("no such product")]
    SlipperNotFound,
    /// The user's cart has no such line; nobody sees another's.
    #[error("no such line in the cart")]
    LineNotFound,
    /// The line would exceed [`MAX_LINE_QUANTITY`](super::rules::MAX_LINE_QUANTITY).
    #[error("too many pairs in one line")]
    LineFull,
    /// The cart would exceed [`MAX_LINES`](super::rules::MAX_LINES).
    #[error("too many lines in the cart")]
    CartFull,
    /// The database could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Carts in a database.
///
/// A user has one cart, also when several calls make it at once. It is made on first use by every verb but
/// [`Self::cart_totals`]. Every verb answers the cart as it is after the change, with present names and prices. Every
/// change of its content moves its version; a call that changes nothing does not.
#[async_trait]
pub trait CartStore: Send + Sync {
    /// The user's cart.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn open_cart(&self, user: UserId, now: Timestamp) -> Result<Cart, StoreError>;

    /// The sums of the user's cart; zeros when there is none, and none is made.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn cart_totals(&self, user: UserId) -> Result<CartTotals, StoreError>;

    /// Puts `quantity` (1..=[`MAX_REQUEST_QUANTITY`](super::rules::MAX_REQUEST_QUANTITY)) pairs of a product into the
    /// cart; those of one product add up in one line, also when added at once. Stock is not looked at.
    ///
    /// # Errors
    /// [`CartError::SlipperNotFound`], [`CartError::LineFull`], [`CartError::CartFull`].
    async fn add_to_cart(
        &self,
        user: UserId,
        slipper: SlipperId,
        quantity: i64,
        now: Timestamp,
    ) -> Result<Cart, CartError>;

    /// Sets a line's quantity (0..=[`MAX_REQUEST_QUANTITY`](super::rules::MAX_REQUEST_QUANTITY)); 0 removes it.
    ///
    /// # Errors
    /// [`CartError::LineNotFound`].
    async fn set_line_quantity(
        &self,
        user: UserId,
        line: CartLineId,
        quantity: i64,
        now: Timestamp,
    ) -> Result<Cart, CartError>;

    /// Removes a line.
    ///
    /// # Errors
    /// [`CartError::LineNotFound`].
    async fn remove_line(&self, user: UserId, line: CartLineId, now: Timestamp) -> Result<Cart, CartError>;

    /// Removes every line. An empty cart costs a read only: existing front-ends call this hundreds of times in a row.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn clear_cart(&self, user: UserId, now: Timestamp) -> Result<Cart, StoreError>;
}
