//! The gateways that this shop knows, what they lack, and the work for them that is under way.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use slippers_core::Tally;
use slippers_core::payments::{Currency, Gateway, Name};
use slippers_gateways::click::Click;
use slippers_gateways::octo::Octo;
use slippers_gateways::payme::Payme;
use slippers_gateways::{Protocol, Secret};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::turns::Turns;
use crate::http::errors::{ApiError, Code};
use crate::ports::{Entropy, HttpClient};
use crate::settings::{
    ClickSettings, Configured, Network, OCTO_NOTIFY_URL, OctoSettings, PaymeSettings, PaymentSettings,
};

/// Work for gateways that may be under way at once, whoever waits for it; a gateway that hangs holds so much and no more.
const MAX_UNDER_WAY: usize = 256;

/// Everything that payments need beside the store.
pub(crate) struct Gateways {
    octo: Desk,
    payme: Desk,
    click: Desk,
    payme_sources: Vec<Network>,
    pub(super) client: Arc<dyn HttpClient>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) turns: Turns,
    pub(super) closing: CancellationToken,
    places: Arc<Semaphore>,
    tasks: TaskTracker,
}

/// A gateway's protocol, and the names of settings that it lacks.
struct Desk {
    protocol: Arc<dyn Protocol>,
    missing: Vec<&'static str>,
}

impl Gateways {
    /// The gateways by their settings.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub(crate) fn new(
        settings: &PaymentSettings,
        client: Arc<dyn HttpClient>,
        entropy: Arc<dyn Entropy>,
    ) -> io::Result<Self> {
        Ok(Self {
            octo: octo_desk(&settings.octo, &*entropy)?,
            payme: payme_desk(&settings.payme, &*entropy)?,
            click: click_desk(&settings.click, &*entropy)?,
            payme_sources: settings.payme_sources.clone(),
            client,
            entropy,
            turns: Turns::default(),
            closing: CancellationToken::new(),
            places: Arc::new(Semaphore::new(MAX_UNDER_WAY)),
            tasks: TaskTracker::new(),
        })
    }

    fn desk(&self, gateway: Gateway) -> Option<&Desk> {
        match gateway {
            Gateway::Octo => Some(&self.octo),
            Gateway::Payme => Some(&self.payme),
            Gateway::Click => Some(&self.click),
            Gateway::Manual => None,
        }
    }

    /// The protocol of a gateway; `None` where there is nobody to speak to.
    pub(super) fn protocol(&self, gateway: Gateway) -> Option<&Arc<dyn Protocol>> {
        self.desk(gateway).map(|desk| &desk.protocol)
    }

    /// Whether a gateway's calls may come from this address. Payme alone names its addresses.
    pub(super) fn may_call(&self, gateway: Gateway, from: IpAddr) -> bool {
        let sources = &self.payme_sources;
        gateway != Gateway::Payme
            || sources.is_empty()
            || sources.iter().any(|network| network.contains(from))
    }

    /// The settings that are missing for a new payment.
    pub(super) fn missing_to_pay(&self, gateway: Gateway) -> Vec<&'static str> {
        self.desk(gateway).map_or_else(Vec::new, |desk| desk.missing.clone())
    }

    /// The settings that are missing for any call about a payment that was made.
    pub(super) fn missing_to_call(&self, gateway: Gateway) -> Vec<&'static str> {
        self.missing_to_pay(gateway).into_iter().filter(|name| *name != OCTO_NOTIFY_URL).collect()
    }

    /// A name for a payment that nobody can guess and no gateway has heard: a UUID, version 4, as gateways know them.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub(super) fn draw_reference(&self) -> Result<Name, ApiError> {
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes).map_err(|error| ApiError::because(Code::Internal, error))?;
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let hex = hex(&bytes);
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        Name::parse(&parts.join("-")).map_err(|error| ApiError::because(Code::Internal, error))
    }

    /// Does work that goes on when nobody waits for it any more.
    ///
    /// # Errors
    /// 503 when too much is under way already.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<JoinHandle<T>, ApiError> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_full| ApiError::overloaded("too much is asked of the gateways"))?;
        // It stays a part of the request that asked for it.
        let tally = Tally::current().unwrap_or_default();
        Ok(self.tasks.spawn(tally.scope(async move {
            let done = work.await;
            drop(place);
            done
        })))
    }

    /// Waits for what is under way; nothing of it is tried again.
    pub(crate) async fn finish(&self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// What work comes to, if that is known within so long; it goes on in any case.
///
/// # Errors
/// 500 when the work panicked.
pub(super) async fn within<T>(limit: Duration, work: JoinHandle<T>) -> Result<Option<T>, ApiError> {
    match timeout(limit, work).await {
        Err(_elapsed) => Ok(None),
        Ok(Ok(done)) => Ok(Some(done)),
        Ok(Err(error)) => Err(ApiError::because(Code::Internal, error)),
    }
}

/// A key that nobody has: a gateway whose own is missing believes nobody, and answers as it answers a wrong one.
fn unknown_key(entropy: &dyn Entropy) -> io::Result<Secret> {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes)?;
    Ok(Secret::new(hex(&bytes)))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn octo_desk(settings: &Configured<OctoSettings>, entropy: &dyn Entropy) -> io::Result<Desk> {
    let (settings, missing) = match settings {
        Configured::Ready(settings) if settings.notify_url.is_empty() => {
            (settings.clone(), vec![OCTO_NOTIFY_URL])
        }
        Configured::Ready(settings) => (settings.clone(), Vec::new()),
        Configured::Missing(names) => {
            let settings = OctoSettings {
                base: String::new(),
                shop_id: String::new(),
                secret: unknown_key(entropy)?,
                unique_key: Some(unknown_key(entropy)?),
                notify_url: String::new(),
                return_url: String::new(),
                language: String::new(),
                currency: Currency::Uzs,
                auto_capture: true,
                is_test: false,
                usd_rate: None,
                extra: serde_json::Map::new(),
            };
            (settings, names.clone())
        }
    };
    Ok(Desk { protocol: Arc::new(Octo::new(settings)), missing })
}

fn payme_desk(settings: &Configured<PaymeSettings>, entropy: &dyn Entropy) -> io::Result<Desk> {
    let (settings, missing) = match settings {
        Configured::Ready(settings) => (settings.clone(), Vec::new()),
        Configured::Missing(names) => {
            let settings = PaymeSettings {
                merchant_id: String::new(),
                login: String::new(),
                key: unknown_key(entropy)?,
                checkout: String::new(),
                return_url: String::new(),
                language: String::new(),
            };
            (settings, names.clone())
        }
    };
    Ok(Desk { protocol: Arc::new(Payme::new(settings)), missing })
}

fn click_desk(settings: &Configured<ClickSettings>, entropy: &dyn Entropy) -> io::Result<Desk> {
    let (settings, missing) = match settings {
        Configured::Ready(settings) => (settings.clone(), Vec::new()),
        Configured::Missing(names) => {
            let settings = ClickSettings {
                service_id: String::new(),
                merchant_id: String::new(),
                merchant_user_id: String::new(),
                secret: unknown_key(entropy)?,
                pay: String::new(),
                api: String::new(),
                return_url: String::new(),
            };
            (settings, names.clone())
        }
    };
    Ok(Desk { protocol: Arc::new(Click::new(settings)), missing })
}
