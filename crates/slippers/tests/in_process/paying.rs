//! Gateways for a shop in this process, and what they say to it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use slippers_core::payments::Currency;
use slippers_core::types::{Money, Timestamp};
use slippers_gateways::simulator::{OctoSimulator, OctoSimulatorSettings, Running, send};
use slippers_server::settings::{
    ClickSettings, Configured, OctoSettings, PaymeSettings, PaymentSettings, Secret,
};
use tokio::runtime::Runtime;

const KEY: &str = "a-key-of-tests";

/// OCTO as it behaves; Payme and Click, which call, are played by the tests themselves.
pub(crate) struct Gateways {
    octo: Running,
    runtime: Runtime,
}

impl Gateways {
    pub(crate) fn open() -> Self {
        let runtime = Runtime::new().expect("threads");
        let settings = OctoSimulatorSettings {
            shop_id: "27".into(),
            secret: Secret::new(KEY),
            unique_key: Secret::new(KEY),
            least_refund: Money::from_minor(1),
            seed: 7,
            port: 0,
        };
        // Its time stands: nothing here is about time.
        let clock = std::sync::Arc::new(|| Timestamp::from_seconds(1_795_418_259));
        let octo = runtime.block_on(OctoSimulator::start(settings, clock)).expect("OCTO");
        Self { octo, runtime }
    }

    /// A buyer pays there; nobody is told.
    pub(crate) fn pay_at_octo(&self, uuid: &str) {
        self.press(uuid, "pay");
    }

    /// A buyer presses a button of OCTO's page; nobody is told.
    pub(crate) fn press(&self, uuid: &str, button: &str) {
        let page = format!("{}/pay/{uuid}/{button}", self.octo.url());
        let pressed = self.runtime.block_on(send("POST", &page, &[], "")).expect("it is pressed");
        assert!(pressed.status < 400, "{pressed:?}");
    }

    /// Money goes back by OCTO's cabinet; nobody is told.
    pub(crate) fn return_at_octo(&self, uuid: &str, soum: i64) {
        let body = json!({"uuid": uuid, "amount": soum}).to_string();
        let url = format!("{}/_sim/cabinet_refund", self.octo.url());
        let returned = self.runtime.block_on(send("POST", &url, &[], &body)).expect("it is returned");
        assert_eq!(returned.status, 200, "{returned:?}");
    }

    /// Lets time pass over there.
    pub(crate) fn pass(&self, seconds: i64) {
        let body = json!({"seconds": seconds}).to_string();
        let url = format!("{}/_sim/clock", self.octo.url());
        let passed = self.runtime.block_on(send("POST", &url, &[], &body)).expect("time passes");
        assert_eq!(passed.status, 200, "{passed:?}");
    }

    /// What the shop must be told of them.
    pub(crate) fn settings(&self) -> PaymentSettings {
        let octo = OctoSettings {
            base: self.octo.url(),
            shop_id: "27".into(),
            secret: Secret::new(KEY),
            unique_key: None,
            // Nobody listens there: tests say by themselves what a callback would.
            notify_url: "http://127.0.0.1:9/".into(),
            return_url: String::new(),
            language: "ru".into(),
            currency: Currency::Uzs,
            auto_capture: true,
            is_test: true,
            usd_rate: None,
            extra: serde_json::Map::new(),
        };
        let payme = PaymeSettings {
            merchant_id: "587f72c72cac0d162c722ae2".into(),
            login: "Paycom".into(),
            key: Secret::new(KEY),
            checkout: "https://checkout.paycom.uz".into(),
            return_url: String::new(),
            language: "ru".into(),
        };
        let click = ClickSettings {
            service_id: "31".into(),
            merchant_id: "27".into(),
            merchant_user_id: "123".into(),
            secret: Secret::new(KEY),
            pay: "https://my.click.uz/services/pay".into(),
            api: "http://127.0.0.1:9".into(),
            return_url: String::new(),
        };
        PaymentSettings {
            octo: Configured::Ready(octo),
            payme: Configured::Ready(payme),
            payme_sources: Vec::new(),
            click: Configured::Ready(click),
        }
    }
}

/// The header of Payme's calls.
pub(crate) fn basic() -> String {
    format!("Basic {}", STANDARD.encode(format!("Paycom:{KEY}")))
}

/// Payme's Create for an order of so many soum.
pub(crate) fn payme_create(id: &str, order: &str, soum: i64, time: Timestamp) -> Value {
    let params =
        json!({"id": id, "time": time.millis(), "amount": soum * 100, "account": {"order_id": order}});
    json!({"method": "CreateTransaction", "params": params, "id": 1})
}

/// Payme's Perform.
pub(crate) fn payme_perform(id: &str) -> Value {
    json!({"method": "PerformTransaction", "params": {"id": id}, "id": 2})
}

/// Click's Prepare, or with the number of one its Complete.
pub(crate) fn click_form(id: &str, order: &str, soum: i64, prepared: Option<&str>) -> String {
    let action = if prepared.is_some() { "1" } else { "0" };
    let (amount, time) = (soum.to_string(), "2026-11-23 12:17:00");
    let signed = [id, "31", KEY, order, prepared.unwrap_or(""), &amount, action, time].concat();
    let sign: String = Md5::digest(signed).iter().map(|byte| format!("{byte:02x}")).collect();
    let pairs = [
        ("click_trans_id", id),
        ("service_id", "31"),
        ("click_paydoc_id", id),
        ("merchant_trans_id", order),
        ("amount", &amount),
        ("action", action),
        ("error", "0"),
        ("error_note", "Success"),
        ("sign_time", time),
        ("sign_string", &sign),
    ];
    let form = pairs.iter().map(|(name, value)| format!("{name}={}", value.replace(' ', "+")));
    let prepared = prepared.map(|number| format!("merchant_prepare_id={number}"));
    form.chain(prepared).collect::<Vec<_>>().join("&")
}
