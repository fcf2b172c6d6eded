//! Identifiers: one type a table, so that an order's number can't be handed to a cart.

use std::fmt;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// Any `i64` is allowed: ids come from outside, and one that no row bears (zero, negative, huge) is simply
        /// not found. Rows are numbered from 1 and a number is never given twice (but for the categories of a shop that is
        /// stocked anew, which get 1, 2, 3).
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// The id with this number.
            pub const fn new(number: i64) -> Self {
                Self(number)
            }

            /// The number.
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// A person who can sign in.
    UserId;
    /// A new password that waits.
    ResetId;
    /// A category of the catalogue.
    CategoryId;
    /// A product.
    SlipperId;
    /// A picture of a product.
    ImageId;
    /// A user's cart.
    CartId;
    /// One line of a cart.
    CartLineId;
    /// An order; written out, it is also the order's public number.
    OrderId;
    /// One line of an order.
    OrderLineId;
    /// An attempt to pay an order.
    PaymentId;
    /// Money on its way back, or a part of it.
    RefundId;
    /// A record of what a gateway said.
    PaymentEventId;
    /// Something that happened and is told to others.
    EventId;
    /// An event on its way to somebody.
    DeliveryId;
}
