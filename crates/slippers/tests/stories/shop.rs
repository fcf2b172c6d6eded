//! A shop of one's own for each story: the real binary on a fresh data directory and a free port.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use slippers_testbed::wait;
use tempfile::TempDir;

use crate::program::{Running, run_in};
use crate::rows::Rows;
use crate::run_logs;

/// How long anything may take before a story gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const ADMIN_PASSWORD: &str = "correct horse battery";
pub(crate) const PASSWORD: &str = "slippers-are-soft";
const CUSTOMERS_PHONES: &str = "99890100";
const ADMINS_PHONE: &str = "998900000001";
/// What phone numbers begin with: more digits than a second's fraction has in a log, where fewer are found by chance.
pub(crate) const PHONES: [&str; 2] = [CUSTOMERS_PHONES, ADMINS_PHONE];

/// A running shop. It is killed when the story ends, however it ends.
pub(crate) struct Shop {
    // First, so that it is ended before its folder is taken away.
    running: Running,
    dir: TempDir,
    rows: Rows,
    settings: Vec<(String, String)>,
    arguments: Vec<String>,
    agent: ureq::Agent,
}

/// An answer, as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Shop {
    /// An empty shop with an admin, whose limits don't get in the way.
    pub(crate) fn open() -> Self {
        Self::open_with(&[])
    }

    /// The same with settings of its own.
    pub(crate) fn open_with(settings: &[(&str, &str)]) -> Self {
        let dir = TempDir::new().expect("a data directory");
        Self::open_in(dir, settings)
    }

    /// A shop on a data directory that may hold something already.
    pub(crate) fn open_in(dir: TempDir, settings: &[(&str, &str)]) -> Self {
        Self::serve(dir, settings, &[])
    }

    /// The same with further arguments of `serve`.
    pub(crate) fn serve(dir: TempDir, settings: &[(&str, &str)], arguments: &[&str]) -> Self {
        let rows = Rows::of_stories(dir.path());
        Self::on(rows, dir, settings, arguments)
    }

    /// The same for a story that is about files.
    pub(crate) fn on_a_file(dir: TempDir, settings: &[(&str, &str)], arguments: &[&str]) -> Self {
        let rows = Rows::File(dir.path().join("shop.db"));
        Self::on(rows, dir, settings, arguments)
    }

    fn on(rows: Rows, dir: TempDir, settings: &[(&str, &str)], arguments: &[&str]) -> Self {
        let defaults = [("RATE_LIMIT_REQUESTS", "1000000"), ("LOGIN_RATE_LIMIT", "1000000")];
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        // Later ones beat earlier ones: a story has the last word.
        let settings: Vec<_> = defaults
            .iter()
            .chain(run_logs::settings())
            .map(owned)
            .chain(rows.settings())
            .chain(settings.iter().map(owned))
            .collect();
        let arguments: Vec<_> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let running = Running::start(dir.path(), &settings, &arguments);
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            // What is large is worked on by a thread that takes only what others leave.
            .timeout_global(Some(PATIENCE * 4))
            .user_agent("")
            .accept("")
            .accept_encoding("");
        Self { running, dir, rows, settings, arguments, agent: config.build().into() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// What the running program has said, on stdout and stderr.
    pub(crate) fn said(&self) -> String {
        self.running.said()
    }

    /// The rows behind the running program.
    pub(crate) fn rows(&self) -> &Rows {
        &self.rows
    }

    pub(crate) fn data_dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.running.child.id()
    }

    /// Runs another command of the program on the same data directory; answers (exit code, stdout, stderr). What it has written is
    /// on all replicas then.
    pub(crate) fn run(&self, arguments: &[&str], stdin: &str) -> (i32, String, String) {
        let ended = run_in(self.dir.path(), &self.settings, arguments, stdin);
        self.rows.wait_for_replicas();
        ended
    }

    /// Starts it again on the same data.
    pub(crate) fn restart(&mut self) {
        self.running = Running::start(self.dir.path(), &self.settings, &self.arguments);
    }

    /// Asks it to end (SIGTERM) and waits; answers its exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        self.signal("TERM");
        self.wait()
    }

    pub(crate) fn signal(&self, name: &str) {
        let status =
            Command::new("kill").args([&format!("-{name}"), &self.process_id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Waits for its end; answers its exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.running.wait()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], Some(body.to_string().as_bytes()))
    }

    /// A call of somebody who is signed in; `Value::Null` sends no body.
    pub(crate) fn call(&self, caller: &Caller, method: &str, path: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {}", caller.access);
        let text = body.to_string();
        let mut headers = vec![("authorization", bearer.as_str())];
        if !body.is_null() {
            headers.push(("content-type", "application/json"));
        }
        self.send(method, path, &headers, (!body.is_null()).then_some(text.as_bytes()))
    }

    /// Any request at all that a proper client would send; for improper ones there is [`Self::raw`].
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Answer {
        // A look at the replicas that takes most of a second on a busy machine is not waited for.
        let tries = if method == "GET" && self.rows.has_replicas() { 3 } else { 1 };
        for _ in 1..tries {
            match self.try_send(method, path, headers, body) {
                Ok(answer) if answer.status == 503 => {}
                Ok(answer) => return answer,
                Err(error) => panic!("{method} {path}: {error}"),
            }
        }
        self.try_send(method, path, headers, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// The same for a program that may be gone.
    pub(crate) fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, ureq::Error> {
        let uri = format!("http://{}{path}", self.address());
        let mut request = ureq::http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let agent = &self.agent;
        // A browser says that nothing comes where something could.
        let body = body.or_else(|| ["POST", "PUT", "PATCH"].contains(&method).then_some(&[][..]));
        run_logs::plant_of_body(body.unwrap_or_default());
        let response = match body {
            Some(body) => {
                let request = agent.configure_request(request.body(body)?).allow_non_standard_methods(true);
                agent.run(request.build())?
            }
            None => {
                let request = agent.configure_request(request.body(())?).allow_non_standard_methods(true);
                agent.run(request.build())?
            }
        };
        let (parts, mut body) = response.into_parts();
        let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let body = body.with_config().limit(64 << 20).read_to_vec()?;
        run_logs::plant_of_body(&body);
        Ok(Answer {
            status: parts.status.as_u16(),
            headers: parts
                .headers
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), text(value)))
                .collect(),
            body,
        })
    }

    /// Sends bytes as they are and answers everything that comes back until the server closes or `until` is seen.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address()).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.write_all(bytes).expect("it takes the request");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    }

    /// The admin, made by the command line as a shop owner would.
    pub(crate) fn admin(&self) -> Caller {
        let phone = format!("+{ADMINS_PHONE}");
        let arguments = ["admin", "create", "--name", "Admin", "--phone", &phone, "--password-stdin"];
        let (code, _, errors) = self.run(&arguments, &format!("{ADMIN_PASSWORD}\n"));
        assert_eq!(code, 0, "{errors}");
        self.login("Admin", ADMIN_PASSWORD)
    }

    pub(crate) fn login(&self, name: &str, password: &str) -> Caller {
        let answer = self.post("/auth/login", &json!({"name": name, "password": password}));
        Caller::from_answer(name, &answer)
    }

    /// Registers somebody new.
    pub(crate) fn customer(&self, name: &str) -> Caller {
        static NEXT_PHONE: AtomicU32 = AtomicU32::new(0);
        let phone = format!("+{CUSTOMERS_PHONES}{:04}", NEXT_PHONE.fetch_add(1, Ordering::Relaxed));
        let body = json!({"name": name, "surname": "Buyer", "phone_number": phone,
            "password": PASSWORD, "confirm_password": PASSWORD});
        Caller::from_answer(name, &self.post("/auth/register", &body))
    }

    /// A product; answers its id. The price is a JSON literal.
    pub(crate) fn product(&self, admin: &Caller, name: &str, price: &Value, quantity: i64) -> i64 {
        let body = json!({"name": name, "size": "39", "price": price, "quantity": quantity});
        let answer = self.call(admin, "POST", "/slippers/", &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["id"].as_i64().expect("an id")
    }

    /// A category; answers its id.
    pub(crate) fn category(&self, admin: &Caller, name: &str) -> i64 {
        let answer = self.call(admin, "POST", "/categories/", &json!({"name": name})).expect(200);
        answer.json()["id"].as_i64().expect("an id")
    }

    /// Puts pairs of a product into somebody's cart.
    pub(crate) fn put_in_cart(&self, caller: &Caller, slipper: i64, quantity: i64) {
        let answer =
            self.call(caller, "POST", "/cart/items", &json!({"slipper_id": slipper, "quantity": quantity}));
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// What is left of a product.
    pub(crate) fn stock(&self, slipper: i64) -> i64 {
        self.get(&format!("/slippers/{slipper}")).json()["quantity"].as_i64().expect("a quantity")
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value; the first when there are several.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// All values of a header, as one list.
    pub(crate) fn header_list(&self, name: &str) -> Vec<&str> {
        let lines = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        lines.flat_map(|(_, value)| value.split(',').map(str::trim)).collect()
    }

    /// The entries of a 422, each as (type, loc).
    #[track_caller]
    pub(crate) fn faults(&self) -> Vec<(String, Value)> {
        assert_eq!(self.status, 422, "{} {}", self.status, self.text());
        let body = self.json();
        let entries = body["detail"].as_array().unwrap_or_else(|| panic!("detail is no array: {body}"));
        entries.iter().map(|e| (e["type"].as_str().unwrap_or("").to_owned(), e["loc"].clone())).collect()
    }

    /// `detail` of an error, which must be a text.
    pub(crate) fn detail(&self) -> String {
        self.json()["detail"].as_str().unwrap_or_else(|| panic!("detail is no text: {self:?}")).to_owned()
    }

    /// Asserts the status and answers itself, for chains.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} {}", self.status, self.text());
        self
    }

    /// Asserts an error's status and text.
    #[track_caller]
    pub(crate) fn expect_error(self, status: u16, detail: &str) -> Self {
        assert_eq!((self.status, self.detail().as_str()), (status, detail));
        self
    }
}

impl Caller {
    #[track_caller]
    pub(crate) fn from_answer(name: &str, answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{} can't sign in: {}", name, answer.text());
        let body = answer.json();
        let text = |key: &str| body[key].as_str().expect("a token").to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token") }
    }
}

/// The entry of a 422 that has just one.
#[track_caller]
pub(crate) fn only_fault(answer: &Answer) -> Value {
    assert_eq!(answer.faults().len(), 1, "{}", answer.text());
    answer.json()["detail"][0].clone()
}

/// The keys of an object, in the order in which they came.
#[track_caller]
pub(crate) fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap_or_else(|| panic!("no object: {object}")).keys().map(String::as_str).collect()
}

/// Asks until there is an answer.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, what, ask)
}

/// Asks until there is an answer, at most so long.
#[track_caller]
pub(crate) fn within<T>(limit: Duration, what: &str, ask: impl FnMut() -> Option<T>) -> T {
    wait::until(limit, ask).unwrap_or_else(|| panic!("not within {limit:?}: {what}"))
}
