//! Values that every feature speaks in. Fields are private: a value that exists is a valid one.

mod idempotency;
mod ids;
mod money;
mod page;
mod phone;
mod timestamp;

pub use idempotency::{IdempotencyKey, IdempotencyKeyError};
pub use ids::{
    CartId, CartLineId, CategoryId, DeliveryId, EventId, ImageId, OrderId, OrderLineId, PaymentEventId,
    PaymentId, RefundId, ResetId, SlipperId, UserId,
};
pub use money::{Money, MoneyError};
pub use page::{MAX_PAGE_LIMIT, Page, PageNumbers};
pub use phone::{Phone, PhoneError};
pub use timestamp::Timestamp;
