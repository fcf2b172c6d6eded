//! What leaves the shop: messages to people, and the calls to other servers that carry them.

pub(crate) mod courier;
mod http_client;
mod sms;
mod smtp;
mod template;
mod webhooks;

pub use http_client::HyperClient;
pub use sms::{SmsFault, SmsGateway, SmsPart, SmsSettings};
pub use smtp::{SmtpFault, SmtpPart, SmtpPost, SmtpSettings};
pub(crate) use webhooks::{Endpoint, Post};
pub use webhooks::{WebhookFault, WebhookPart, WebhookSecret, WebhookSettings, Webhooks};
