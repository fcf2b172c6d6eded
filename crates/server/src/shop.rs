//! What every handler can reach.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use slippers_core::Store;
use slippers_core::types::Timestamp;

use crate::accounts::passwords::Hasher;
use crate::accounts::resets::Resets;
use crate::accounts::sessions::Sessions;
use crate::accounts::throttle::Throttle;
use crate::accounts::tokens::Tokens;
use crate::cache::{PageCache, Redis};
use crate::http::body::Bodies;
use crate::http::files::Files;
use crate::http::request_limit::RequestLimit;
use crate::images::Pictures;
use crate::ops::{Metrics, Spans};
use crate::outbox::Outbox;
use crate::payments::Gateways;
use crate::ports::{Clock, Entropy};
use crate::settings::Settings;

/// The shop behind the endpoints. One exists for the life of the server.
pub(crate) struct Shop {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) hasher: Hasher,
    pub(crate) tokens: Tokens,
    pub(crate) sessions: Sessions,
    pub(crate) logins: Throttle,
    pub(crate) resets: Resets,
    pub(crate) outbox: Outbox,
    pub(crate) files: Files,
    pub(crate) bodies: Bodies,
    pub(crate) pictures: Pictures,
    pub(crate) gateways: Gateways,
    pub(crate) cache: Arc<PageCache>,
    pub(crate) metrics: Metrics,
    pub(crate) spans: Spans,
    pub(crate) request_limit: RequestLimit,
    /// Whether the server stops: nothing new should be sent here.
    pub(crate) leaves: AtomicBool,
    pub(crate) redis: Option<Arc<Redis>>,
}

impl Shop {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl std::fmt::Debug for Shop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shop").field("settings", &self.settings).finish_non_exhaustive()
    }
}
