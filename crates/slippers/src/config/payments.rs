//! How buyers pay: the settings of the gateways. One that lacks something is off, and says what when somebody would pay.

use std::net::{IpAddr, SocketAddr};

use serde_json::{Map, Value};
use slippers_core::payments::Currency;
use slippers_core::types::Money;
use slippers_server::settings::{
    ClickSettings, Configured, Network, OCTO_NOTIFY_URL, OctoSettings, PaymeSettings, PaymentSettings, Secret,
};

use super::reader::Reader;
use super::table::{self, Setting};

/// Languages that pages of gateways come in.
const LANGUAGES: [&str; 3] = ["uz", "ru", "en"];

impl Reader {
    pub(super) fn payments(&mut self) -> PaymentSettings {
        let (octo, payme, click) = (self.octo(), self.payme(), self.click());
        PaymentSettings { octo, payme, payme_sources: self.payme_sources(), click }
    }

    fn octo(&mut self) -> Configured<OctoSettings> {
        let settings = OctoSettings {
            base: self.called_address(&table::OCTO_API_BASE),
            shop_id: self.text(&table::OCTO_SHOP_ID),
            secret: self.secret(&table::OCTO_SECRET),
            unique_key: Some(self.secret(&table::OCTO_UNIQUE_KEY)).filter(|key| !key.expose().is_empty()),
            notify_url: self.web_address(&table::OCTO_NOTIFY_URL),
            return_url: self.web_address(&table::OCTO_RETURN_URL),
            language: self.language(&table::OCTO_LANGUAGE),
            currency: self.currency(),
            auto_capture: self.flag(&table::OCTO_AUTO_CAPTURE).unwrap_or(true),
            is_test: self.flag(&table::OCTO_TEST).unwrap_or(false),
            usd_rate: self.usd_rate(),
            extra: self.extra(),
        };
        // Without an address for callbacks payments that were made can still be looked at and refunded.
        if self.missing(&[&table::OCTO_SHOP_ID, &table::OCTO_SECRET]).is_empty() {
            return Configured::Ready(settings);
        }
        debug_assert_eq!(table::OCTO_NOTIFY_URL.name, OCTO_NOTIFY_URL);
        Configured::Missing(self.missing(&[
            &table::OCTO_SHOP_ID,
            &table::OCTO_SECRET,
            &table::OCTO_NOTIFY_URL,
        ]))
    }

    fn payme(&mut self) -> Configured<PaymeSettings> {
        let settings = PaymeSettings {
            merchant_id: self.text(&table::PAYME_MERCHANT_ID),
            login: self.text(&table::PAYME_LOGIN),
            key: self.secret(&table::PAYME_KEY),
            checkout: self.web_address(&table::PAYME_CHECKOUT_URL),
            return_url: self.web_address(&table::PAYME_RETURN_URL),
            language: self.language(&table::PAYME_LANGUAGE),
        };
        self.configured(settings, &[&table::PAYME_MERCHANT_ID, &table::PAYME_KEY])
    }

    fn click(&mut self) -> Configured<ClickSettings> {
        let settings = ClickSettings {
            service_id: self.text(&table::CLICK_SERVICE_ID),
            merchant_id: self.text(&table::CLICK_MERCHANT_ID),
            merchant_user_id: self.text(&table::CLICK_MERCHANT_USER_ID),
            secret: self.secret(&table::CLICK_SECRET_KEY),
            pay: self.web_address(&table::CLICK_PAY_URL),
            api: self.called_address(&table::CLICK_API_BASE),
            return_url: self.web_address(&table::CLICK_RETURN_URL),
        };
        let needed = [
            &table::CLICK_SERVICE_ID,
            &table::CLICK_MERCHANT_ID,
            &table::CLICK_MERCHANT_USER_ID,
            &table::CLICK_SECRET_KEY,
        ];
        self.configured(settings, &needed)
    }

    fn configured<T>(&mut self, settings: T, needed: &[&'static Setting]) -> Configured<T> {
        match self.missing(needed) {
            missing if missing.is_empty() => Configured::Ready(settings),
            missing => Configured::Missing(missing),
        }
    }

    fn missing(&mut self, needed: &[&'static Setting]) -> Vec<&'static str> {
        needed.iter().filter(|setting| self.text(setting).is_empty()).map(|setting| setting.name).collect()
    }

    fn secret(&mut self, setting: &Setting) -> Secret {
        Secret::new(self.text(setting))
    }

    /// An address of the web, or nothing.
    fn web_address(&mut self, setting: &Setting) -> String {
        let text = self.text(setting);
        let is_address = ["https://", "http://"].iter().any(|scheme| {
            text.strip_prefix(scheme).is_some_and(|rest| {
                rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
                    && rest.bytes().all(|b| b.is_ascii_graphic())
            })
        });
        if !text.is_empty() && !is_address {
            self.fault_of(setting, "is no address of the web", "write it like https://shop.example.uz/path");
        }
        text
    }

    /// An address that secrets are sent to: nobody may read along, so it is one with TLS, or on this machine.
    fn called_address(&mut self, setting: &Setting) -> String {
        let text = self.web_address(setting);
        let is_open = |rest: &str| {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            // Whatever stands before an @ is no host.
            let authority = authority.rsplit('@').next().unwrap_or_default();
            let address = authority.parse().map(|socket: SocketAddr| socket.ip());
            let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
            let address = address.or_else(|_| host.trim_matches(['[', ']']).parse::<IpAddr>());
            !address.map_or(host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
        };
        if text.strip_prefix("http://").is_some_and(is_open) {
            let what = "would send the secret over the network for everybody to read";
            self.fault_of(setting, what, "write it with https://");
        }
        text
    }

    fn payme_sources(&mut self) -> Vec<Network> {
        let is_any = self.list(&table::PAYME_ALLOWED_IPS).iter().any(|text| text.eq_ignore_ascii_case("any"));
        if is_any { Vec::new() } else { self.networks(&table::PAYME_ALLOWED_IPS) }
    }

    fn language(&mut self, setting: &Setting) -> String {
        let text = self.text(setting).to_ascii_lowercase();
        if !LANGUAGES.contains(&text.as_str()) {
            self.fault_of(setting, "is no language of the gateway's pages", "write uz, ru or en");
        }
        text
    }

    /// Orders are in soum, and nobody here knows what they are in dollars.
    fn currency(&mut self) -> Currency {
        if self.text(&table::OCTO_CURRENCY).to_ascii_uppercase() != Currency::Uzs.as_str() {
            self.fault_of(
                &table::OCTO_CURRENCY,
                "is not the currency of orders",
                "write UZS, or leave it out",
            );
        }
        Currency::Uzs
    }

    fn usd_rate(&mut self) -> Option<Money> {
        let text = self.text(&table::OCTO_USD_RATE);
        if text.is_empty() {
            return None;
        }
        let rate = Money::parse(&text).ok().filter(|rate| *rate > Money::ZERO);
        if rate.is_none() {
            let what = "is no number of soum above zero, with at most two decimals";
            self.fault_of(&table::OCTO_USD_RATE, what, "write it like 12650.50, or leave it out");
        }
        rate
    }

    fn extra(&mut self) -> Map<String, Value> {
        let text = self.text(&table::OCTO_EXTRA);
        match serde_json::from_str(if text.is_empty() { "{}" } else { &text }) {
            Ok(Value::Object(fields)) => fields,
            _ => {
                let fix = "write it like {\"ttl\": 15}, or leave it out";
                self.fault_of(&table::OCTO_EXTRA, "is no JSON object", fix);
                Map::new()
            }
        }
    }
}
