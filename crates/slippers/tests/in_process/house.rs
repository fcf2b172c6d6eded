//! A shop in this process, with hands on its clock and its store.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};
use slippers_core::Store;
use slippers_core::accounts::NewUser;
use slippers_core::types::{Phone, Timestamp};
use slippers_server::accounts::passwords::hash_password;
use slippers_server::outbound::HyperClient;
use slippers_server::settings::{
    AccessLog, CacheSettings, ConnectionSettings, CorsSettings, LoginSettings, OrderMessages, OrderSettings,
    PaymentSettings, RateSettings, SecretKey, SessionSettings, Settings,
};
use slippers_server::{Clock, Leave, Notifier, Notifiers, Server, SystemEntropy};
use slippers_store_sqlite::SqliteStore;
use slippers_testbed::wait;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

pub(crate) const MINUTE: i64 = 60;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;
pub(crate) const PASSWORD: &str = "slippers-are-soft";
const PATIENCE: Duration = Duration::from_secs(30);

/// A clock that stands until it is moved.
#[derive(Debug)]
struct ManualClock(AtomicI64);

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.load(Ordering::SeqCst))
    }
}

/// A serving shop with an admin.
pub(crate) struct House {
    clock: Arc<ManualClock>,
    store: Arc<dyn Store>,
    /// Does background work on demand, beside the serving one.
    worker: Server,
    address: SocketAddr,
    agent: ureq::Agent,
    admin: String,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<tokio::task::JoinHandle<()>>,
    passwords: Arc<AtomicU64>,
    runtime: Runtime,
    dir: TempDir,
}

/// A status and what came with it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) challenge: Option<String>,
    pub(crate) retry_after: Option<String>,
}

impl House {
    /// A shop with the usual settings after a change of them.
    pub(crate) fn open(change: impl FnOnce(&mut Settings)) -> Self {
        Self::open_with(change, None)
    }

    /// The same with a way to reach people.
    pub(crate) fn open_with(change: impl FnOnce(&mut Settings), people: Option<Arc<dyn Notifier>>) -> Self {
        let orders = OrderMessages::default();
        Self::telling(
            change,
            Notifiers { people, staff: None, retry_for: Duration::ZERO, orders, webhooks: None },
        )
    }

    /// The same with every way to reach people and other servers.
    pub(crate) fn telling(change: impl FnOnce(&mut Settings), notifiers: Notifiers) -> Self {
        let dir = TempDir::new().expect("a folder");
        let store = SqliteStore::open(&dir.path().join("shop.db")).expect("a database");
        let store: Arc<dyn Store> = Arc::new(store);
        let clock = Arc::new(ManualClock(AtomicI64::new(1_795_418_259)));
        let mut settings = settings(&dir);
        change(&mut settings);
        let runtime = Runtime::new().expect("threads");
        let server = || {
            let (store, entropy) = (store.clone(), Arc::new(SystemEntropy));
            let notifiers = notifiers.clone();
            let client = Arc::new(HyperClient::without_tls().expect("a client"));
            Server::new(store, settings.clone(), clock.clone(), entropy, notifiers, client).expect("a server")
        };
        let (stop, stopped) = oneshot::channel();
        let listener = runtime.block_on(async { listen() }).expect("a port");
        let address = listener.local_addr().expect("an address");
        let serves = server();
        let passwords = serves.passwords_worked_on();
        let stopped = async {
            let _ = stopped.await;
            Leave::Closing
        };
        let serving = runtime.spawn(serves.run(listener, Box::pin(stopped)));
        let mut house = Self {
            worker: server(),
            clock,
            store,
            address,
            agent: agent(),
            admin: String::new(),
            stop: Some(stop),
            serving: Some(serving),
            passwords,
            runtime,
            dir,
        };
        let admin = NewUser {
            name: "Admin".into(),
            surname: "Adminov".into(),
            phone: Phone::parse("+998900000001").expect("a phone"),
            password: hash_password(PASSWORD, &SystemEntropy).expect("a hash"),
            is_admin: true,
        };
        let now = house.clock.now();
        house.runtime.block_on(house.store.create_user(admin, now)).expect("an admin");
        house.admin = house.login("Admin");
        house
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the connections that the house's own client keeps.
    pub(crate) fn hang_up(&mut self) {
        self.agent = agent();
    }

    /// Puts a file of so many bytes where `/static` serves it.
    pub(crate) fn put_file(&self, name: &str, bytes: usize) {
        let folder = self.dir.path().join("static");
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = std::fs::File::create(folder.join(name)).expect("a file");
        file.set_len(u64::try_from(bytes).expect("a length")).expect("room");
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// How many passwords the server has hashed or checked.
    pub(crate) fn passwords_worked_on(&self) -> u64 {
        self.passwords.load(Ordering::SeqCst)
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets time pass, without the background work that it makes due.
    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Does the background work that is due.
    pub(crate) fn work(&self) {
        self.runtime.block_on(self.worker.work_once()).expect("the work is done");
    }

    /// A request; `Value::Null` sends no body, an empty token none.
    pub(crate) fn send(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        self.send_with(token, method, path, body, &[])
    }

    pub(crate) fn send_with(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.exchange(token, method, path, headers, "application/json", text.into_bytes())
    }

    /// A request with a body of any type.
    pub(crate) fn send_bytes(
        &self,
        token: &str,
        method: &str,
        path: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Answer {
        self.exchange(token, method, path, &[], content_type, body)
    }

    fn exchange(
        &self,
        token: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        content_type: &str,
        body: Vec<u8>,
    ) -> Answer {
        let mut request =
            ureq::http::Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.header("content-type", content_type).body(body).expect("a request");
        let request = self.agent.configure_request(request).allow_non_standard_methods(true).build();
        let mut response = self.agent.run(request).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let bytes = response.body_mut().read_to_vec().expect("the whole body");
        let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
        let is_json = header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        Answer {
            status: response.status().as_u16(),
            challenge: header("www-authenticate"),
            retry_after: header("retry-after"),
            body: if is_json { serde_json::from_slice(&bytes).expect("JSON") } else { Value::Null },
        }
    }

    /// A request that must succeed; answers its body.
    #[track_caller]
    pub(crate) fn call(&self, token: &str, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.send(token, method, path, body);
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.body);
        answer.body
    }

    #[track_caller]
    pub(crate) fn get(&self, token: &str, path: &str) -> Value {
        self.call(token, "GET", path, &Value::Null)
    }

    /// The admin's access token, fresh whatever time it is.
    pub(crate) fn admin(&self) -> String {
        self.login("Admin")
    }

    /// Registers somebody; answers their tokens (access, refresh).
    pub(crate) fn customer(&self, name: &str) -> (String, String) {
        static NEXT_PHONE: AtomicU32 = AtomicU32::new(1_000_000);
        let phone = format!("+99891{}", NEXT_PHONE.fetch_add(1, Ordering::Relaxed));
        let body = json!({"name": name, "surname": "Buyer", "phone_number": phone,
            "password": PASSWORD, "confirm_password": PASSWORD});
        tokens(&self.call("", "POST", "/auth/register", &body))
    }

    /// A fresh access token.
    pub(crate) fn login(&self, name: &str) -> String {
        tokens(&self.call("", "POST", "/auth/login", &json!({"name": name, "password": PASSWORD}))).0
    }

    pub(crate) fn refresh(&self, token: &str) -> Answer {
        self.send("", "POST", "/auth/refresh", &json!({"refresh_token": token}))
    }

    pub(crate) fn product(&self, name: &str, quantity: i64) -> i64 {
        let body = json!({"name": name, "size": "39", "price": 25, "quantity": quantity});
        self.call(&self.admin, "POST", "/slippers/", &body)["id"].as_i64().expect("an id")
    }

    pub(crate) fn put_in_cart(&self, token: &str, slipper: i64, quantity: i64) {
        self.call(token, "POST", "/cart/items", &json!({"slipper_id": slipper, "quantity": quantity}));
    }

    /// Orders pairs; answers the order's number.
    pub(crate) fn order(&self, token: &str, slipper: i64, quantity: i64) -> String {
        self.put_in_cart(token, slipper, quantity);
        let placed = self.call(token, "POST", "/orders/from-cart?clear_cart=true", &Value::Null);
        placed["order_id"].as_str().expect("a number").to_owned()
    }

    pub(crate) fn stock(&self, slipper: i64) -> i64 {
        self.get("", &format!("/slippers/{slipper}"))["quantity"].as_i64().expect("a quantity")
    }

    /// The same database as another process would open it.
    pub(crate) fn another_store(&self) -> SqliteStore {
        SqliteStore::open(&self.dir.path().join("shop.db")).expect("the database")
    }

    /// How many rows a table has, as the file itself says.
    pub(crate) fn rows(&self, table: &str) -> i64 {
        let database = Connection::open(self.dir.path().join("shop.db")).expect("the database");
        database.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).expect("a count")
    }
}

impl Drop for House {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(serving) = self.serving.take() {
            let _ = self.runtime.block_on(serving);
        }
    }
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect_error(self, status: u16, detail: &str) -> Self {
        assert_eq!((self.status, self.body["detail"].as_str()), (status, Some(detail)), "{}", self.body);
        self
    }

    #[track_caller]
    pub(crate) fn tokens(&self) -> (String, String) {
        assert_eq!(self.status, 200, "{}", self.body);
        tokens(&self.body)
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
    config.build().into()
}

fn tokens(body: &Value) -> (String, String) {
    let text = |key: &str| body[key].as_str().expect("a token").to_owned();
    (text("access_token"), text("refresh_token"))
}

/// A port whose queue holds a crowd, as the program's does: with a shorter one the kernel lets who comes knock again a second
/// later.
fn listen() -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    socket.listen(4096)
}

fn settings(dir: &TempDir) -> Settings {
    Settings {
        connections: ConnectionSettings::default(),
        cors: CorsSettings::default(),
        rate: RateSettings {
            requests: 1_000_000,
            window: Duration::from_secs(1),
            excluded_paths: Vec::new(),
            trusted_callers: Vec::new(),
            trusted_requests: 1_000_000,
        },
        logins: LoginSettings {
            attempts: 1_000_000,
            window: Duration::from_secs(1),
            trusted_callers: Vec::new(),
        },
        sessions: SessionSettings {
            secret: SecretKey::new("0123456789abcdef0123456789abcdef").expect("a key"),
            access_minutes: 15,
            refresh_days: 1,
            cap_seconds: Some(8 * HOUR),
            refresh_leeway_seconds: 10,
        },
        orders: OrderSettings { max_quantity_per_line: 500, pending_ttl_minutes: 60, max_open: 0 },
        payments: PaymentSettings::default(),
        cache: CacheSettings::default(),
        static_dir: dir.path().join("static"),
        slow_request: Duration::from_secs(60),
        access_log: AccessLog::Off,
        trusted_proxies: Vec::new(),
        redis: None,
        traces: None,
    }
}

/// Asks until there is an answer.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    wait::until(PATIENCE, ask).unwrap_or_else(|| panic!("not within {PATIENCE:?}: {what}"))
}

/// The least of several trials, no more of them than are needed to find what was expected. What background work adds to some can't
/// hide what each costs.
pub(crate) fn least_of(trials: usize, expected: u64, trial: impl Fn(usize) -> u64) -> u64 {
    let mut least = u64::MAX;
    let found = (0..trials).map(trial).find(|cost| {
        least = least.min(*cost);
        *cost <= expected
    });
    found.unwrap_or(least)
}
