//! Gateways for the demo: simulators that move no money, for those that the settings leave out. A gateway of the settings
//! is never replaced by one, and without `--demo` there is none.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use slippers_core::payments::Currency;
use slippers_core::types::Money;
use slippers_gateways::simulator::{
    ClickSimulator, ClickSimulatorSettings, Clock, Memory, OctoSimulator, OctoSimulatorSettings,
    PaymeSimulator, PaymeSimulatorSettings, Running,
};
use slippers_server::Entropy;
use slippers_server::settings::{
    ClickSettings, Configured, OctoSettings, PaymeSettings, PaymentSettings, Secret,
};

use crate::failure::Failure;
use crate::wire;

/// The shop's number at OCTO and Click, and the service's at Click.
const NUMBER: &str = "1";
const MERCHANT: &str = "000000000000000000000001";
/// A dollar, about.
const LEAST_REFUND: Money = Money::from_minor(1_250_000);

/// Simulators that run; they stop with it.
#[derive(Debug, Default)]
pub(super) struct Simulators(Vec<Running>);

impl Simulators {
    /// Whether the demo brought any.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Starts what the settings leave out, and puts it into them.
    pub(super) async fn start(
        payments: &mut PaymentSettings,
        shop: SocketAddr,
        data_dir: &Path,
        entropy: &dyn Entropy,
    ) -> Result<Self, Failure> {
        let (shop, data_dir) = (at_home(shop), data_dir.to_owned());
        let maker = Maker { shop, data_dir, key: draw_key(entropy)?, seed: draw_seed(entropy)? };
        let mut running = Self::default();
        if matches!(payments.octo, Configured::Missing(_)) {
            payments.octo = Configured::Ready(maker.octo(&mut running).await?);
        }
        if matches!(payments.payme, Configured::Missing(_)) {
            payments.payme = Configured::Ready(maker.payme(&mut running).await?);
            // It calls from this machine.
            payments.payme_sources = Vec::new();
        }
        if matches!(payments.click, Configured::Missing(_)) {
            payments.click = Configured::Ready(maker.click(&mut running).await?);
        }
        Ok(running)
    }
}

/// What the simulators and the shop have to agree about. Keys are drawn at each start.
struct Maker {
    shop: String,
    data_dir: PathBuf,
    key: Secret,
    seed: u64,
}

/// A file in the data directory: payments of a demo that is started again are what they were.
#[derive(Debug)]
struct File(PathBuf);

#[expect(clippy::disallowed_methods, reason = "a demo may wait for the disk")]
impl Memory for File {
    fn recall(&self) -> Option<Value> {
        serde_json::from_slice(&std::fs::read(&self.0).ok()?).ok()
    }

    fn keep(&self, known: &Value) {
        // A whole file or the one before, wherever it is killed.
        let new = self.0.with_extension("new");
        let kept = std::fs::write(&new, known.to_string()).and_then(|()| std::fs::rename(&new, &self.0));
        if let Err(error) = kept {
            tracing::warn!(%error, "a gateway of the demo will forget its payments: {error}");
        }
    }
}

impl Maker {
    fn memory(&self, gateway: &str) -> Option<Arc<dyn Memory>> {
        Some(Arc::new(File(self.data_dir.join(format!("demo-{gateway}.json")))))
    }

    async fn octo(&self, running: &mut Simulators) -> Result<OctoSettings, Failure> {
        let settings = OctoSimulatorSettings {
            shop_id: NUMBER.to_owned(),
            secret: self.key.clone(),
            unique_key: self.key.clone(),
            least_refund: LEAST_REFUND,
            seed: self.seed,
            port: 0,
        };
        let octo =
            OctoSimulator::start_with(settings, clock(), self.memory("octo")).await.map_err(not_started)?;
        let settings = OctoSettings {
            base: octo.url(),
            shop_id: NUMBER.to_owned(),
            secret: self.key.clone(),
            unique_key: Some(self.key.clone()),
            notify_url: format!("{}/payments/octo/notify", self.shop),
            return_url: self.shop.clone(),
            language: "ru".to_owned(),
            currency: Currency::Uzs,
            auto_capture: true,
            is_test: true,
            usd_rate: Some(LEAST_REFUND),
            extra: serde_json::Map::new(),
        };
        running.0.push(octo);
        Ok(settings)
    }

    async fn payme(&self, running: &mut Simulators) -> Result<PaymeSettings, Failure> {
        let settings = PaymeSimulatorSettings {
            login: "Paycom".to_owned(),
            key: self.key.clone(),
            endpoint: format!("{}/payments/payme", self.shop),
            seed: self.seed,
            port: 0,
        };
        let payme =
            PaymeSimulator::start_with(settings, clock(), self.memory("payme")).await.map_err(not_started)?;
        let settings = PaymeSettings {
            merchant_id: MERCHANT.to_owned(),
            login: "Paycom".to_owned(),
            key: self.key.clone(),
            checkout: payme.url(),
            return_url: self.shop.clone(),
            language: "ru".to_owned(),
        };
        running.0.push(payme);
        Ok(settings)
    }

    async fn click(&self, running: &mut Simulators) -> Result<ClickSettings, Failure> {
        let settings = ClickSimulatorSettings {
            service_id: NUMBER.to_owned(),
            merchant_user_id: NUMBER.to_owned(),
            secret: self.key.clone(),
            prepare_url: format!("{}/payments/click/prepare", self.shop),
            complete_url: format!("{}/payments/click/complete", self.shop),
            seed: self.seed,
            port: 0,
        };
        let click =
            ClickSimulator::start_with(settings, clock(), self.memory("click")).await.map_err(not_started)?;
        let settings = ClickSettings {
            service_id: NUMBER.to_owned(),
            merchant_id: NUMBER.to_owned(),
            merchant_user_id: NUMBER.to_owned(),
            secret: self.key.clone(),
            pay: format!("{}/services/pay", click.url()),
            api: click.url(),
            return_url: self.shop.clone(),
        };
        running.0.push(click);
        Ok(settings)
    }
}

/// Where the shop is found on this machine.
fn at_home(shop: SocketAddr) -> String {
    if shop.ip().is_unspecified() {
        format!("http://127.0.0.1:{}", shop.port())
    } else {
        format!("http://{shop}")
    }
}

fn clock() -> Clock {
    let clock = wire::clock();
    Arc::new(move || clock.now())
}

fn draw_key(entropy: &dyn Entropy) -> Result<Secret, Failure> {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes).map_err(not_started)?;
    Ok(Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

/// Transactions of one start have other names than those of another.
fn draw_seed(entropy: &dyn Entropy) -> Result<u64, Failure> {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes).map_err(not_started)?;
    Ok(u64::from_le_bytes(bytes))
}

fn not_started(error: std::io::Error) -> Failure {
    Failure::failed(format!("the gateways of the demo can't be started: {error}"), "see what the system says")
}
