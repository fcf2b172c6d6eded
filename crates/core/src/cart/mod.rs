//! Carts: one a user, made when it is first needed.

pub mod rules;
mod store;

pub use store::{CartError, CartStore};

use crate::types::{CartId, CartLineId, Money, SlipperId};

/// A user's cart as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cart {
    /// Its number; it stays the same however often the cart is emptied.
    pub id: CartId,
    /// A counter that every change of the cart moves up; it never comes back to a value.
    pub version: i64,
    /// Its lines by id, one a product.
    pub lines: Vec<CartLine>,
}

/// A product in a cart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CartLine {
    /// Its number.
    pub id: CartLineId,
    /// The product.
    pub slipper: SlipperId,
    /// Pairs, 1..=[`rules::MAX_LINE_QUANTITY`].
    pub quantity: i64,
    /// The product's present name.
    pub name: String,
    /// The product's present price.
    pub price: Money,
}

impl CartLine {
    /// Present price times quantity; within range by [`rules::MAX_LINE_QUANTITY`].
    pub fn total(&self) -> Money {
        self.price.checked_mul(self.quantity).unwrap_or(Money::from_minor(i64::MAX))
    }
}

/// The sums of a cart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct CartTotals {
    /// Lines.
    pub items: i64,
    /// Pairs.
    pub quantity: i64,
    /// What they cost at present prices.
    pub amount: Money,
}

impl Cart {
    /// The sums of the cart.
    pub fn totals(&self) -> CartTotals {
        rules::totals(self.lines.iter().map(|line| (line.quantity, line.total())))
    }
}
