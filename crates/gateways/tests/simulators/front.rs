//! A shop in memory that listens on loopback, as the server will wire it: webhooks in, calls out, reconciliation.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::IntoResponse as _;
use serde_json::{Value, json};
use slippers_core::orders::OrderStatus;
use slippers_core::payments::ledger::{Balances, expected};
use slippers_core::payments::rules::Answer;
use slippers_core::payments::{
    Attempt, AttemptStatus, Currency, Gateway, PaymentEvent, RefundStatus, Report,
};
use slippers_core::types::{Money, Timestamp};
use slippers_gateways::click::{Click, ClickSettings};
use slippers_gateways::octo::{Octo, OctoSettings};
use slippers_gateways::payme::{Payme, PaymeSettings};
use slippers_gateways::simulator::{
    ClickSimulator, ClickSimulatorSettings, Clock, OctoSimulator, OctoSimulatorSettings, PaymeSimulator,
    PaymeSimulatorSettings, Running, send,
};
use slippers_gateways::{
    Call, CallError, Outcome, Protocol, Received, Request, Response, Secret, Start, Webhook,
};

use crate::shop::{NOW, Shop};

const SECRET: &str = "a-secret-for-tests";

/// The shop, the gateway that it deals with, and the time of both.
pub(crate) struct Street {
    pub(crate) shop: Arc<Front>,
    pub(crate) gateway: Running,
    pub(crate) url: String,
    _stop: tokio::sync::oneshot::Sender<()>,
}

pub(crate) struct Front {
    shop: Mutex<Shop>,
    protocol: Mutex<Option<Arc<dyn Protocol>>>,
}

fn clock(front: &Arc<Front>) -> Clock {
    let front = Arc::clone(front);
    Arc::new(move || front.shop().now)
}

impl Street {
    async fn listen(front: &Arc<Front>) -> (String, tokio::sync::oneshot::Sender<()>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(hear).with_state(Arc::clone(front));
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let until = async {
            stopped.await.ok();
        };
        tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(until).await });
        (url, stop)
    }

    fn front() -> Arc<Front> {
        Arc::new(Front { shop: Mutex::new(Shop::new()), protocol: Mutex::new(None) })
    }

    fn open(
        front: Arc<Front>,
        gateway: Running,
        url: String,
        stop: tokio::sync::oneshot::Sender<()>,
        protocol: Arc<dyn Protocol>,
    ) -> Self {
        *front.protocol.lock().expect("no test fails in here") = Some(protocol);
        Self { shop: front, gateway, url, _stop: stop }
    }

    pub(crate) async fn with_octo() -> Self {
        Self::with_octo_that(true).await
    }

    /// Whether it takes money at once, or holds it first.
    pub(crate) async fn with_octo_that(auto_capture: bool) -> Self {
        let front = Self::front();
        let settings = OctoSimulatorSettings {
            shop_id: "27".to_owned(),
            secret: Secret::new(SECRET),
            unique_key: Secret::new("a-unique-key"),
            least_refund: Money::from_minor(1_250_000),
            seed: 7,
            port: 0,
        };
        let gateway = OctoSimulator::start(settings, clock(&front)).await.expect("it starts");
        let (url, stop) = Self::listen(&front).await;
        let octo = Octo::new(OctoSettings {
            base: gateway.url(),
            shop_id: "27".to_owned(),
            secret: Secret::new(SECRET),
            unique_key: Some(Secret::new("a-unique-key")),
            notify_url: format!("{url}/payments/octo/notify"),
            return_url: "http://shop.example/?a=1".to_owned(),
            language: "ru".to_owned(),
            currency: Currency::Uzs,
            auto_capture,
            is_test: true,
            usd_rate: Some(Money::from_minor(1_250_000)),
            extra: serde_json::Map::from_iter([("ttl".to_owned(), json!(15))]),
        });
        Self::open(front, gateway, url, stop, Arc::new(octo))
    }

    pub(crate) async fn with_payme() -> Self {
        let front = Self::front();
        let (url, stop) = Self::listen(&front).await;
        let settings = PaymeSimulatorSettings {
            login: "Paycom".to_owned(),
            key: Secret::new(SECRET),
            endpoint: format!("{url}/payments/payme"),
            seed: 7,
            port: 0,
        };
        let gateway = PaymeSimulator::start(settings, clock(&front)).await.expect("it starts");
        let payme = Payme::new(PaymeSettings {
            merchant_id: "587f72c72cac0d162c722ae2".to_owned(),
            login: "Paycom".to_owned(),
            key: Secret::new(SECRET),
            checkout: gateway.url(),
            return_url: "http://shop.example/".to_owned(),
            language: "ru".to_owned(),
        });
        Self::open(front, gateway, url, stop, Arc::new(payme))
    }

    pub(crate) async fn with_click() -> Self {
        let front = Self::front();
        let (url, stop) = Self::listen(&front).await;
        let settings = ClickSimulatorSettings {
            service_id: "31".to_owned(),
            merchant_user_id: "123".to_owned(),
            secret: Secret::new(SECRET),
            prepare_url: format!("{url}/payments/click/prepare"),
            complete_url: format!("{url}/payments/click/complete"),
            seed: 7,
            port: 0,
        };
        let gateway = ClickSimulator::start(settings, clock(&front)).await.expect("it starts");
        let click = Click::new(ClickSettings {
            service_id: "31".to_owned(),
            merchant_id: "7".to_owned(),
            merchant_user_id: "123".to_owned(),
            secret: Secret::new(SECRET),
            pay: format!("{}/services/pay", gateway.url()),
            api: gateway.url(),
            return_url: "http://shop.example/".to_owned(),
        });
        Self::open(front, gateway, url, stop, Arc::new(click))
    }

    /// Posts JSON to the simulator's own door.
    pub(crate) async fn sim(&self, path: &str, body: Value) -> Value {
        let url = format!("{}/_sim/{path}", self.gateway.url());
        let answer = send("POST", &url, &[], &body.to_string()).await.expect("the simulator answers");
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap_or_default()
    }

    pub(crate) async fn fault(&self, at: &str, what: &str) {
        self.sim("faults", json!([{"at": at, "what": what}])).await;
    }

    pub(crate) async fn state(&self) -> Value {
        let url = format!("{}/_sim/state", self.gateway.url());
        let answer = send("GET", &url, &[], "").await.expect("the simulator answers");
        serde_json::from_str::<Value>(&answer.body).expect("JSON")["rows"].clone()
    }

    /// What a buyer's browser does with a page.
    pub(crate) async fn browse(&self, method: &str, url: &str) -> slippers_gateways::simulator::Answer {
        send(method, url, &[], "").await.expect("the page answers")
    }

    pub(crate) fn order(&self) -> OrderStatus {
        self.shop.shop().book.orders[0].facts.status
    }

    pub(crate) fn attempt(&self) -> Attempt {
        self.shop.shop().attempt().clone()
    }

    pub(crate) fn wait(&self, seconds: i64) {
        let now = self.shop.shop().now;
        self.shop.shop().now = now.plus_seconds(seconds);
    }

    /// The money of the shop's rows and of its ledger is the same.
    pub(crate) fn check_books(&self) {
        let shop = self.shop.shop();
        let posted = Balances::of(&shop.book.postings);
        assert_eq!(posted, expected(&shop.book.attempts, &shop.book.refunds));
        assert_eq!(posted.sum(), 0);
        assert!(shop.book.attempts.iter().filter(|attempt| attempt.settles).count() <= 1);
    }
}

impl Front {
    pub(crate) fn shop(&self) -> MutexGuard<'_, Shop> {
        self.shop.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn protocol(&self) -> Arc<dyn Protocol> {
        let protocol = self.protocol.lock().unwrap_or_else(PoisonError::into_inner);
        protocol.clone().expect("the street is open")
    }

    fn now(&self) -> Timestamp {
        self.shop().now
    }

    async fn call(&self, request: &Request) -> Option<Response> {
        let headers: Vec<(&str, &str)> =
            request.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let body = request.body.as_deref().unwrap_or_default();
        let answer = send(request.method.as_str(), &request.url, &headers, body).await.ok()?;
        Some(Response { status: answer.status, body: answer.body.into_bytes() })
    }

    fn apply(&self, event: PaymentEvent) -> Outcome {
        self.shop().ask(&Call::Event(Box::new(event)))
    }

    /// Opens an attempt, or takes the open one, and gets its link; `None` = the gateway gave no answer.
    pub(crate) async fn create(&self) -> Option<Attempt> {
        let (attempt, now) = {
            let mut shop = self.shop();
            (shop.open(self.protocol().gateway()), shop.now)
        };
        if attempt.link.is_some() {
            return Some(attempt);
        }
        match self.protocol().start(&attempt, now) {
            Start::Link(link) => Some(Attempt { link: Some(link), ..attempt }),
            Start::Call(request) => {
                let response = self.call(&request).await?;
                match self.protocol().read_started(&attempt, &response) {
                    Ok(event) => self.apply(event),
                    Err(CallError::Refused { .. }) => {
                        self.apply(PaymentEvent::own(Gateway::Octo, attempt.id, Report::Failed))
                    }
                    Err(CallError::Unknown(_) | CallError::TooOften) => return None,
                };
                self.shop().book.attempts.last().cloned().filter(|attempt| attempt.link.is_some())
            }
        }
    }

    /// Asks the gateway about an attempt.
    async fn ask_about(&self, attempt: &Attempt) -> Option<Outcome> {
        let (protocol, now) = (self.protocol(), self.now());
        let own = |report| PaymentEvent::own(attempt.gateway, attempt.id, report);
        let Some(request) = protocol.status(attempt, now) else {
            return Some(self.apply(own(Report::TimedOut)));
        };
        let response = self.call(&request).await?;
        let event = protocol.read_status(attempt, &response).ok()?;
        let outcome = self.apply(event);
        if let Outcome::Applied(applied) = &outcome
            && let Some(request) = match applied.answer {
                Answer::Capture => protocol.decide_hold(attempt, true),
                Answer::Release => protocol.decide_hold(attempt, false),
                _ => None,
            }
        {
            self.call(&request).await?;
        }
        Some(outcome)
    }

    /// One round over all that is not decided.
    pub(crate) async fn reconcile(&self) {
        let (attempts, refunds) = {
            let shop = self.shop();
            (shop.book.attempts.clone(), shop.book.refunds.clone())
        };
        let is_watched = |attempt: &&Attempt| attempt.status.is_open() && attempt.review.is_none();
        for attempt in attempts.iter().filter(is_watched) {
            self.ask_about(attempt).await;
        }
        for (at, refund) in refunds.iter().enumerate() {
            let attempt = attempts.iter().find(|attempt| attempt.id == refund.payment).expect("it is there");
            if refund.status != RefundStatus::Pending {
                continue;
            }
            let now = self.now();
            let Some(request) = self.protocol().refund(attempt, refund, now) else { continue };
            let Some(response) = self.call(&request).await else { continue };
            if let Ok(told) = self.protocol().read_refund(&response) {
                self.shop().book.resolve_refund(at, told.status, now);
            }
        }
        // The state that a refund ends in shows in the status too.
        let paid: Vec<Attempt> = self.shop().book.attempts.clone();
        for attempt in paid.iter().filter(|attempt| attempt.status == AttemptStatus::Paid) {
            if attempt.gateway == Gateway::Octo {
                self.ask_about(attempt).await;
            }
        }
    }

    pub(crate) fn begin_refund(&self) {
        let mut shop = self.shop();
        let now = shop.now;
        let bounds = self.protocol().refund_bounds();
        shop.book.begin_refund_within(0, None, true, bounds, now);
    }
}

/// Every webhook of the shop.
async fn hear(
    State(front): State<Arc<Front>>,
    method: Method,
    _: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> axum::response::Response {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let protocol = front.protocol();
    let webhook = Webhook {
        method: method.as_str(),
        content_type: text(header::CONTENT_TYPE),
        authorization: text(header::AUTHORIZATION),
        body: &body,
    };
    let read = protocol.read(webhook, front.now());
    let reply = match read {
        Err(reply) => reply,
        Ok(Received { call, context }) => {
            let mut outcome = front.shop().ask(&call);
            if let Outcome::Applied(applied) = &outcome
                && applied.answer == Answer::Ask
                && let Some(attempt) = applied.attempt.clone()
                && let Some(told) = front.ask_about(&attempt).await
            {
                outcome = told;
            }
            protocol.reply(&context, &outcome)
        }
    };
    let status = StatusCode::from_u16(reply.status).expect("a status");
    (status, [(header::CONTENT_TYPE, "application/json")], reply.body).into_response()
}

/// The time of every street when it opens.
pub(crate) const OPENED: Timestamp = NOW;
