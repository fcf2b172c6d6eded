//! What all simulators share: the listener, the state behind a lock, time, randomness and faults.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Router, serve};
use futures_util::stream;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use slippers_core::types::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::faults::Faults;
use super::memory::{Kept, Memory, Notebook};
use crate::secret::hex;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A simulator that runs. It stops when this is dropped.
pub struct Running {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Running {
    /// Where it listens: `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// A simulator's rows, and what it needs to change them.
pub(super) struct World<S> {
    pub(super) rows: S,
    pub(super) faults: Faults,
    notebook: Notebook,
    port: u16,
    seed: u64,
    drawn: u64,
    ahead_seconds: i64,
}

/// A simulator, shared by its handlers.
pub(super) struct Sim<S> {
    world: Mutex<World<S>>,
    clock: Clock,
}

/// What a simulator shows of itself.
pub(super) trait Shown: Kept + Send + 'static {
    fn shown(&self) -> Value;
}

pub(super) type Shared<S> = Arc<Sim<S>>;

impl<S> World<S> {
    /// 40 hex digits that nobody else drew.
    pub(super) fn draw(&mut self) -> String {
        self.drawn += 1;
        let text = format!("{}:{}", self.seed, self.drawn);
        hex(&Sha1::digest(text))
    }

    /// A number of `digits` digits; the first is no zero.
    pub(super) fn draw_number(&mut self, digits: usize) -> String {
        let drawn = self.draw().bytes().map(|byte| char::from(b'0' + byte % 10)).collect::<String>();
        format!("1{}", &drawn[..digits - 1])
    }

    /// A UUID, version 4 by its looks.
    pub(super) fn draw_uuid(&mut self) -> String {
        let d = self.draw();
        format!("{}-{}-4{}-a{}-{}", &d[..8], &d[8..12], &d[13..16], &d[17..20], &d[20..32])
    }
}

impl<S: Kept> Sim<S> {
    pub(super) fn new(
        mut rows: S,
        (seed, port): (u64, u16),
        clock: Clock,
        memory: Option<Arc<dyn Memory>>,
    ) -> Shared<S> {
        let notebook = Notebook::open(memory, &mut rows);
        let faults = Faults::default();
        let world = World { rows, faults, notebook, port, seed, drawn: 0, ahead_seconds: 0 };
        Arc::new(Self { world: Mutex::new(world), clock })
    }

    /// Does something to the rows; nobody else does meanwhile.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut World<S>, Timestamp) -> T) -> T {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.clock)().plus_seconds(world.ahead_seconds);
        let done = act(&mut world, now);
        let World { notebook, port, rows, .. } = &mut *world;
        notebook.keep(*port, rows);
        done
    }

    /// Answers a call of the shop's: `act` does it, unless a fault comes before.
    pub(super) async fn answer(
        &self,
        at: &str,
        act: impl FnOnce(&mut World<S>, Timestamp) -> Value,
    ) -> Response {
        let before = self.with(|world, _| world.faults.take_any(at, &["reset", "http_500", "html"]));
        match before.map(|(what, _)| what) {
            Some("reset") => return cut(),
            Some("http_500") => return (StatusCode::INTERNAL_SERVER_ERROR, "oops").into_response(),
            Some(_) => return page("<html><body>Bad gateway</body></html>".to_owned()),
            None => {}
        }
        let (body, after) =
            self.with(|world, now| (act(world, now), world.faults.take_any(at, &["lost", "hang"])));
        match after {
            Some(("lost", _)) => return cut(),
            Some((_, value)) => tokio::time::sleep(Duration::from_millis(value)).await,
            None => {}
        }
        json_answer(&body)
    }
}

pub(super) fn json_answer(body: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

pub(super) fn page(html: String) -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}

pub(super) fn redirect(to: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, to.to_owned())]).into_response()
}

pub(super) fn bad_request(why: String) -> Response {
    (StatusCode::BAD_REQUEST, why).into_response()
}

/// The connection ends in the middle of the answer.
fn cut() -> Response {
    let error = io::Error::from(io::ErrorKind::ConnectionReset);
    Response::new(Body::from_stream(stream::iter([Err::<Bytes, _>(error)])))
}

pub(super) fn read_json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

async fn put_faults<S: Shown>(State(sim): State<Shared<S>>, body: Bytes) -> Response {
    match sim.with(|world, _| world.faults.put(&read_json(&body))) {
        Ok(()) => json_answer(&json!({"ok": true})),
        Err(why) => bad_request(why),
    }
}

async fn show<S: Shown>(State(sim): State<Shared<S>>) -> Response {
    let (rows, faults) = sim.with(|world, _| (world.rows.shown(), world.faults.shown()));
    json_answer(&json!({"rows": rows, "faults": faults}))
}

async fn move_clock<S: Shown>(State(sim): State<Shared<S>>, body: Bytes) -> Response {
    let seconds = read_json(&body)["seconds"].as_i64().unwrap_or(0);
    sim.with(|world, _| world.ahead_seconds = world.ahead_seconds.saturating_add(seconds));
    json_answer(&json!({"ok": true}))
}

/// Listens on its port of the loopback until the answer is dropped. Where that is any, it is the one that it remembers, if
/// nobody else has it by now.
pub(super) async fn run<S: Shown>(sim: Shared<S>, own: Router<Shared<S>>) -> io::Result<Running> {
    let bind = |port| TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, port));
    let (wanted, former) = sim.with(|world, _| (world.port, world.notebook.port()));
    let listener = match bind(if wanted == 0 { former } else { wanted }).await {
        Err(_taken) if wanted == 0 => bind(0).await?,
        bound => bound?,
    };
    let address = listener.local_addr()?;
    sim.with(|world, _| world.port = address.port());
    let router = own
        .route("/_sim/faults", post(put_faults::<S>))
        .route("/_sim/state", get(show::<S>))
        .route("/_sim/clock", post(move_clock::<S>))
        .with_state(sim);
    let (stop, stopped) = oneshot::channel::<()>();
    let until = async {
        // Dropping the sender is the sign.
        let _ = stopped.await;
    };
    tokio::spawn(async move { serve(listener, router).with_graceful_shutdown(until).await });
    Ok(Running { address, _stop: stop })
}
