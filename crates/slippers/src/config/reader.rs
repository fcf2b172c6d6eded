//! Takes settings out of the layers one by one and collects what is wrong with them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use regex::Regex;
use slippers_server::settings::{AccessLog, Network, RedisAddress, SecretKey};

use super::LogSettings;
use super::fault::{Fault, Faults, Source};
use super::layers::{Given, Layers, World};
use super::parse;
use super::secret::{self, KeyPlan};
use super::table::{self, Kind, Setting};

/// Levels without a word from the operator: our own news, and of the libraries only what is wrong.
const USUAL_LOG: &str = "warn,slippers=info,slippers_core=info,slippers_server=info,slippers_store_sqlite=info,slippers_store_postgres=info";
const DEBUG_LOG: &str = "info,slippers=debug,slippers_core=debug,slippers_server=debug,slippers_store_sqlite=debug,slippers_store_postgres=debug";

pub(super) struct Reader {
    pub(super) layers: Layers,
    /// A collector of traces is set for all programs, and this one can't send any.
    pub(super) hears_no_collector: bool,
}

impl Reader {
    pub(super) fn new(world: &World) -> Self {
        Self { layers: Layers::read(world), hears_no_collector: false }
    }

    /// The config when nothing was wrong.
    pub(super) fn finish<T>(self, config: T) -> Result<T, Faults> {
        if self.layers.faults.is_empty() { Ok(config) } else { Err(Faults(self.layers.faults)) }
    }

    pub(super) fn not_yet(&self) -> BTreeMap<String, Source> {
        self.layers.not_yet.clone()
    }

    pub(super) fn fault(
        &mut self,
        setting: &Setting,
        from: Source,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.layers.faults.push(Fault {
            name: setting.name.to_owned(),
            from,
            what: what.into(),
            fix: fix.into(),
        });
    }

    pub(super) fn text(&mut self, setting: &Setting) -> String {
        self.layers.get(setting).text.trim().to_owned()
    }

    pub(super) fn list(&mut self, setting: &Setting) -> Vec<String> {
        parse::list(&self.layers.get(setting).text)
    }

    /// A number in the setting's range. `T` must hold that range; a default in it stands in for one that is wrong.
    pub(super) fn number<T: TryFrom<i64> + Default>(&mut self, setting: &Setting) -> T {
        let Given { text, from } = self.layers.get(setting);
        let Kind::Number(low, high) = setting.kind else { return T::default() };
        let number = text.trim().parse::<i64>().ok().filter(|number| (low..=high).contains(number));
        if number.is_none() {
            let what = format!("{} is not a whole number from {low} to {high}", quoted(&text));
            let default = setting.default;
            let usual = if default.is_empty() { String::new() } else { format!(" (default {default})") };
            self.fault(setting, from, what, format!("give a number from {low} to {high}{usual}"));
        }
        number.and_then(|number| T::try_from(number).ok()).unwrap_or_default()
    }

    pub(super) fn flag(&mut self, setting: &Setting) -> Option<bool> {
        let Given { text, from } = self.layers.get(setting);
        if text.is_empty() {
            return None;
        }
        let flag = parse::flag(&text);
        if flag.is_none() {
            self.fault(
                setting,
                from,
                format!("{} is neither true nor false", quoted(&text)),
                "write true or false",
            );
        }
        flag
    }

    pub(super) fn check_folder(&mut self, setting: &Setting, folder: &Path) {
        if folder.exists() && !folder.is_dir() {
            let from = self.layers.get(setting).from;
            let what = format!("{} is a file, not a folder", folder.display());
            self.fault(setting, from, what, "name a folder, or move the file away");
        }
    }

    pub(super) fn listen(&mut self) -> SocketAddr {
        let (host, port) =
            (self.layers.given(&table::APP_HOST).cloned(), self.layers.given(&table::APP_PORT).cloned());
        let own = self.layers.get(&table::LISTEN);
        let fallback = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 8000);
        if own.from == Source::Default && (host.is_some() || port.is_some()) {
            let port = if port.is_some() { self.number(&table::APP_PORT) } else { fallback.port() };
            return SocketAddr::new(self.app_host(host), port);
        }
        parse::address(&own.text).unwrap_or_else(|| {
            let what = format!("{} is not an address with a port", quoted(&own.text));
            self.fault(
                &table::LISTEN,
                own.from,
                what,
                "write it like 127.0.0.1:8000, or 0.0.0.0:8000 for all networks",
            );
            fallback
        })
    }

    pub(super) fn metrics_listen(&mut self) -> Option<SocketAddr> {
        let Given { text, from } = self.layers.get(&table::METRICS_LISTEN);
        if text.trim().is_empty() {
            return None;
        }
        let address = parse::address(&text);
        if address.is_none() {
            let what = format!("{} is not an address with a port", quoted(&text));
            self.fault(&table::METRICS_LISTEN, from, what, "write it like 127.0.0.1:9100, or leave it out");
        }
        address
    }

    fn app_host(&mut self, host: Option<Given>) -> IpAddr {
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let Some(host) = host else { return local };
        parse::host(&host.text).unwrap_or_else(|| {
            let what = format!("{} is not an IP address", quoted(&host.text));
            self.fault(
                &table::APP_HOST,
                host.from,
                what,
                "write it like 127.0.0.1, or 0.0.0.0 for all networks",
            );
            local
        })
    }

    pub(super) fn algorithm(&mut self) {
        let Given { text, from } = self.layers.get(&table::ALGORITHM);
        if text.trim() != "HS256" {
            let what = format!("{} is not offered", quoted(&text));
            self.fault(&table::ALGORITHM, from, what, "write HS256, or leave it out");
        }
    }

    /// `may_be_made`: whether a key that nobody gave is made and kept in the data folder. Where several instances can share
    /// a database it is not: each would sign with its own.
    pub(super) fn key_plan(&mut self, data_dir: &Path, look: bool, may_be_made: bool) -> KeyPlan {
        let (text, file) = (
            self.layers.given(&table::SECRET_KEY).cloned(),
            self.layers.given(&table::SECRET_KEY_FILE).cloned(),
        );
        let kept = KeyPlan::Kept(data_dir.join(secret::FILE_NAME));
        match (text, file) {
            (Some(_), Some(file)) => {
                let what = "is given together with SECRET_KEY";
                self.fault(&table::SECRET_KEY_FILE, file.from, what, "keep one of the two");
                kept
            }
            (Some(text), None) => match SecretKey::new(&text.text) {
                Ok(key) => KeyPlan::Given(key),
                Err(error) => {
                    self.fault(&table::SECRET_KEY, text.from, error.to_string(), secret::FIX_TEXT);
                    kept
                }
            },
            (None, None) if look && !may_be_made => {
                let what = "is not set, and on PostgreSQL every instance must sign with the same key";
                self.fault(&table::SECRET_KEY, Source::Default, what, secret::FIX_GIVE);
                kept
            }
            (None, file) => {
                let from = file.as_ref().map_or(Source::Default, |file| file.from.clone());
                let (setting, plan) = match file {
                    Some(file) => (&table::SECRET_KEY_FILE, KeyPlan::File(PathBuf::from(file.text.trim()))),
                    None => (&table::SECRET_KEY, kept),
                };
                if let (true, Err(problem)) = (look, plan.find()) {
                    self.fault(setting, from, problem.what, problem.fix);
                }
                plan
            }
        }
    }

    pub(super) fn log(&mut self) -> LogSettings {
        let debug = self.flag(&table::DEBUG).unwrap_or(false);
        let usual = if debug { DEBUG_LOG } else { USUAL_LOG };
        let Given { text, from } = self.layers.get(&table::LOG);
        let mut directives = usual.to_owned();
        if !text.trim().is_empty() {
            match tracing_subscriber::EnvFilter::try_new(text.trim()) {
                Ok(_) => directives = text.trim().to_owned(),
                Err(error) => {
                    let what = format!("{} is not a list of directives ({error})", quoted(&text));
                    self.fault(&table::LOG, from, what, "write it like info, or warn,slippers_server=debug");
                }
            }
        }
        let Given { text, from } = self.layers.get(&table::LOG_FORMAT);
        let json = match text.trim().to_ascii_lowercase().as_str() {
            "" => None,
            "json" => Some(true),
            "text" => Some(false),
            _ => {
                let what = format!("{} is neither text nor json", quoted(&text));
                self.fault(&table::LOG_FORMAT, from, what, "write text or json, or leave it out");
                None
            }
        };
        LogSettings { directives, json }
    }

    pub(super) fn access_log(&mut self) -> AccessLog {
        let Given { text, from } = self.layers.get(&table::ACCESS_LOG);
        match text.trim().to_ascii_lowercase().as_str() {
            "off" => AccessLog::Off,
            "sampled" => AccessLog::Sampled,
            "all" => AccessLog::All,
            _ => {
                let what = format!("{} is none of off, sampled and all", quoted(&text));
                self.fault(&table::ACCESS_LOG, from, what, "write off, sampled or all");
                AccessLog::Off
            }
        }
    }

    pub(super) fn workers(&mut self) -> usize {
        match self.number(&table::WORKERS) {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            workers => workers,
        }
    }

    pub(super) fn session_cap(&mut self) -> Option<i64> {
        let hours: i64 = self.number(&table::SESSION_MAX_HOURS);
        let days: i64 = self.number(&table::SESSION_MAX_DAYS);
        match (hours, days) {
            (0, 0) => None,
            (0, days) => Some(days * 86_400),
            (hours, _) => Some(hours * 3_600),
        }
    }

    pub(super) fn origins(&mut self) -> Vec<String> {
        let from = self.layers.get(&table::ALLOWED_ORIGINS).from;
        let origins = self.list(&table::ALLOWED_ORIGINS);
        let (good, bad): (Vec<String>, Vec<String>) = origins
            .into_iter()
            .map(|origin| origin.trim_end_matches('/').to_owned())
            .partition(|origin| is_origin(origin));
        for origin in bad {
            let what = format!("{} is not an origin", quoted(&origin));
            let fix = "write each as scheme://host or scheme://host:port, without a path; for a pattern use ALLOWED_ORIGIN_REGEX";
            self.fault(&table::ALLOWED_ORIGINS, from.clone(), what, fix);
        }
        good
    }

    pub(super) fn origin_pattern(&mut self) -> Option<Regex> {
        let Given { text, from } = self.layers.get(&table::ALLOWED_ORIGIN_REGEX);
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        // The whole origin must match, whether or not the pattern says so; `a|b` is one pattern.
        match Regex::new(&format!("^(?:{text})$")) {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                let reason = error.to_string();
                let reason =
                    reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                let what = format!("{} is not a pattern: {reason}", quoted(text));
                self.fault(
                    &table::ALLOWED_ORIGIN_REGEX,
                    from,
                    what,
                    "correct the regular expression, or give an empty value",
                );
                None
            }
        }
    }

    pub(super) fn networks(&mut self, setting: &Setting) -> Vec<Network> {
        let from = self.layers.get(setting).from;
        let mut networks = Vec::new();
        for text in self.list(setting) {
            match Network::parse(&text) {
                Ok(network) => networks.push(network),
                Err(error) => {
                    let what = format!("{} {error}", quoted(&text));
                    let fix = "write addresses or networks, like 10.0.0.0/8,::1";
                    self.fault(setting, from.clone(), what, fix);
                }
            }
        }
        networks
    }

    pub(super) fn trusted_proxies(&mut self) -> Vec<Network> {
        let networks = self.networks(&table::TRUSTED_PROXIES);
        let are_named = !self.list(&table::TRUSTED_PROXIES).is_empty();
        let switch = self.layers.get(&table::TRUST_PROXY).from;
        match self.flag(&table::TRUST_PROXY) {
            Some(false) => Vec::new(),
            Some(true) if !are_named => {
                let what = "is true without TRUSTED_PROXIES, so that anybody could forge their address";
                let fix = "name the proxies in TRUSTED_PROXIES (for one on this machine: 127.0.0.1), or write false";
                self.fault(&table::TRUST_PROXY, switch, what, fix);
                networks
            }
            _ => networks,
        }
    }

    pub(super) fn redis(&mut self) -> Option<RedisAddress> {
        let url = self.layers.given(&table::REDIS_URL)?.clone();
        if url.text.trim().is_empty() {
            return None;
        }
        match RedisAddress::parse(&url.text) {
            Ok(address) => Some(address),
            Err(what) => {
                let fix =
                    "write redis://USER:PASSWORD@HOST:PORT/NUMBER, with rediss:// for TLS, or leave it out";
                self.fault(&table::REDIS_URL, url.from, what, fix);
                None
            }
        }
    }
}

/// `scheme://host[:port]`, nothing more.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '?' | '#' | '@' | '*');
    !scheme.is_empty()
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        && !host.is_empty()
        && host.chars().all(plain)
}

/// A value for a message: in quotation marks, cut when it is long.
pub(super) fn quoted(text: &str) -> String {
    let mut short: String = text.trim().chars().take(60).collect();
    if short.len() < text.trim().len() {
        short.push('…');
    }
    format!("{short:?}")
}
