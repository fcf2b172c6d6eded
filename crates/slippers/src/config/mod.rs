//! The settings: read once, from all sources, into types; everything that is wrong is told together.

pub(crate) mod database;
mod dotenv;
mod fault;
mod file;
mod layers;
mod messages;
mod parse;
mod payments;
mod reader;
pub(crate) mod report;
pub(crate) mod secret;
pub(crate) mod table;
#[cfg(test)]
mod tests;
mod tls;
mod traces;
mod webhooks;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use slippers_server::settings::{
    AccessLog, CacheSettings, ConnectionSettings, CorsSettings, EXPORTS_TRACES, LoginSettings, Network,
    OrderSettings, PaymentSettings, RateSettings, RedisAddress, SecretKey, SessionSettings, Settings,
    TraceExport,
};

pub(crate) use database::Database;
pub(crate) use fault::{Faults, Source};
pub(crate) use layers::{Flags, World};
pub(crate) use messages::MessageSettings;
use reader::Reader;
use secret::KeyPlan;
pub(crate) use tls::TlsFiles;

/// Every setting, as the program uses it.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// Where to answer scrapes of the metrics, if anywhere.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// The folder of everything that the shop keeps.
    pub(crate) data_dir: PathBuf,
    /// Where the rows are.
    pub(crate) database: Database,
    /// Where the signing key comes from.
    pub(crate) key: KeyPlan,
    /// The certificate and the key of the public listener, if it speaks TLS.
    pub(crate) tls: Option<TlsFiles>,
    /// What is logged, and how.
    pub(crate) log: LogSettings,
    /// Threads that serve, at least 1.
    pub(crate) workers: usize,
    /// Connections that may wait to be accepted.
    pub(crate) backlog: i32,
    /// Requests after which a fresh process takes over, a fifth more or less; 0 = never.
    pub(crate) limit_max_requests: u64,
    /// How people are reached.
    pub(crate) messages: MessageSettings,
    /// How they pay.
    pub(crate) payments: PaymentSettings,
    /// All settings as they were given, for `config check`.
    pub(crate) shown: Vec<Shown>,
    /// Names that were given and that this version does not use.
    pub(crate) not_yet: BTreeMap<String, Source>,
    /// A collector of traces is set for all programs of this machine, and this one was built without the export.
    pub(crate) hears_no_collector: bool,
    server: ServerPart,
}

/// The settings of the server that need no file.
#[derive(Debug)]
struct ServerPart {
    cors: CorsSettings,
    rate: RateSettings,
    logins: LoginSettings,
    access_minutes: i64,
    refresh_days: i64,
    cap_seconds: Option<i64>,
    refresh_leeway_seconds: i64,
    orders: OrderSettings,
    cache: CacheSettings,
    slow_request: Duration,
    access_log: AccessLog,
    trusted_proxies: Vec<Network>,
    redis: Option<RedisAddress>,
    traces: Option<TraceExport>,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogSettings {
    /// Directives of tracing-subscriber's `EnvFilter`; checked.
    pub(crate) directives: String,
    /// JSON lines or text; `None` = text on a terminal.
    pub(crate) json: Option<bool>,
}

/// One line of `config check`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The setting.
    pub(crate) name: &'static str,
    /// Its value; never a secret.
    pub(crate) value: String,
    /// Where it comes from.
    pub(crate) from: Source,
}

impl Config {
    /// Reads and checks every setting. `with_key`: also look at the signing key, which only those need who sign.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub(crate) fn load(world: &World, with_key: bool) -> Result<Self, Faults> {
        let mut read = Reader::new(world);
        let data_dir = PathBuf::from(read.text(&table::DATA_DIR));
        read.check_folder(&table::DATA_DIR, &data_dir);
        let listen = read.listen();
        let database = read.database(&data_dir);
        read.algorithm();
        let key = read.key_plan(&data_dir, with_key, matches!(database, Database::Sqlite(_)));
        let trusted_callers = read.networks(&table::TRUSTED_CALLERS);
        let config = Self {
            listen,
            metrics_listen: read.metrics_listen(),
            database,
            tls: read.tls(with_key),
            log: read.log(),
            workers: read.workers(),
            backlog: read.number(&table::BACKLOG),
            limit_max_requests: read.number(&table::LIMIT_MAX_REQUESTS),
            server: ServerPart {
                cors: CorsSettings { origins: read.origins(), origin_pattern: read.origin_pattern() },
                rate: RateSettings {
                    requests: read.number(&table::RATE_REQUESTS),
                    window: Duration::from_secs(read.number(&table::RATE_WINDOW)),
                    excluded_paths: read.list(&table::RATE_EXCLUDE),
                    trusted_callers: trusted_callers.clone(),
                    trusted_requests: read.number(&table::TRUSTED_REQUESTS),
                },
                logins: LoginSettings {
                    attempts: read.number(&table::LOGIN_ATTEMPTS),
                    window: Duration::from_secs(read.number(&table::LOGIN_WINDOW)),
                    trusted_callers,
                },
                access_minutes: read.number(&table::ACCESS_MINUTES),
                refresh_days: read.number(&table::REFRESH_DAYS),
                cap_seconds: read.session_cap(),
                refresh_leeway_seconds: read.number(&table::REFRESH_LEEWAY),
                orders: OrderSettings {
                    max_quantity_per_line: read.number(&table::ORDER_MAX_QUANTITY),
                    pending_ttl_minutes: read.number(&table::ORDER_TTL),
                    max_open: read.number(&table::ORDER_MAX_OPEN),
                },
                cache: CacheSettings {
                    max_bytes: read.number(&table::CACHE_BYTES),
                    ttl: Duration::from_secs(read.number(&table::CACHE_TTL)),
                    shared_seconds: read.number(&table::CACHE_SHARED),
                    stale_while_revalidate_seconds: read.number(&table::CACHE_STALE),
                    stale_if_error_seconds: read.number(&table::CACHE_STALE_ERROR),
                },
                slow_request: Duration::from_millis(read.number(&table::SLOW_REQUEST)),
                access_log: read.access_log(),
                trusted_proxies: read.trusted_proxies(),
                redis: read.redis(),
                traces: read.traces(EXPORTS_TRACES),
            },
            messages: read.messages(),
            payments: read.payments(),
            shown: report::shown(&read, &data_dir),
            not_yet: read.not_yet(),
            hears_no_collector: read.hears_no_collector,
            data_dir,
            key,
        };
        read.finish(config)
    }

    /// Whether the forwarding headers of this address count.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.server.trusted_proxies.iter().any(|network| network.contains(address))
    }

    /// The memory that kept pages may take, in bytes.
    pub(crate) const fn cache_max_bytes(&self) -> u64 {
        self.server.cache.max_bytes
    }

    /// Where pages and limits are shared, if anywhere.
    pub(crate) const fn redis(&self) -> Option<&RedisAddress> {
        self.server.redis.as_ref()
    }

    /// Where files under `/static` lie.
    pub(crate) fn static_dir(&self) -> PathBuf {
        self.data_dir.join("static")
    }

    /// Where pictures lie.
    pub(crate) fn images_dir(&self) -> PathBuf {
        self.static_dir().join("images")
    }

    /// The settings of the server, with its signing key.
    pub(crate) fn server_settings(&self, secret: SecretKey) -> Settings {
        let part = &self.server;
        Settings {
            connections: ConnectionSettings::default(),
            cors: part.cors.clone(),
            rate: part.rate.clone(),
            logins: part.logins.clone(),
            sessions: SessionSettings {
                secret,
                access_minutes: part.access_minutes,
                refresh_days: part.refresh_days,
                cap_seconds: part.cap_seconds,
                refresh_leeway_seconds: part.refresh_leeway_seconds,
            },
            orders: part.orders,
            payments: self.payments.clone(),
            cache: part.cache,
            static_dir: self.static_dir(),
            slow_request: part.slow_request,
            access_log: part.access_log,
            trusted_proxies: part.trusted_proxies.clone(),
            redis: part.redis.clone(),
            traces: part.traces.clone(),
        }
    }
}
