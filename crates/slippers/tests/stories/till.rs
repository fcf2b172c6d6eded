//! A shop whose buyers can pay: simulators of its gateways, and a door through which they find the shop wherever it
//! listens after a restart.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use slippers_core::types::Money;
use slippers_gateways::Secret;
use slippers_gateways::simulator::{
    ClickSimulator, ClickSimulatorSettings, OctoSimulator, OctoSimulatorSettings, PaymeSimulator,
    PaymeSimulatorSettings, Running,
};
use slippers_server::{Clock as _, SystemClock};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::run_logs;
use crate::shop::{Answer, Caller, PATIENCE, Shop, eventually};

pub(crate) const OCTO_SECRET: &str = "octo-secret-of-stories";
pub(crate) const UNIQUE_KEY: &str = "octo-unique-key-of-stories";
pub(crate) const PAYME_KEY: &str = "payme-key-of-stories";
pub(crate) const CLICK_KEY: &str = "click-key-of-stories";

/// A card as a gateway might send it by mistake, and the starts of every card that simulators tell of, masked or not: no log holds them.
/// Six digits alone are found in the time of a line, once in a million.
pub(crate) const CARD: &str = "8600495473316478";
pub(crate) const STARTS_OF_CARDS: [&str; 2] = ["860049*", "86004954"];

/// A shop, its gateways, and one kind of slippers in it.
pub(crate) struct Till {
    pub(crate) shop: Shop,
    pub(crate) admin: Caller,
    pub(crate) slipper: i64,
    octo: Running,
    payme: Running,
    click: Running,
    door: Door,
    agent: ureq::Agent,
    // After the simulators, which run on it.
    _runtime: Runtime,
}

/// Pairs that there are at the beginning.
pub(crate) const STOCK: i64 = 1000;
/// What a pair costs, in soum.
pub(crate) const PRICE: i64 = 25_000;

/// Whose simulator.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At {
    Octo,
    Payme,
    Click,
}

impl Till {
    pub(crate) fn open() -> Self {
        Self::open_with(&[])
    }

    /// The same with settings of its own.
    pub(crate) fn open_with(settings: &[(&str, &str)]) -> Self {
        run_logs::plant(CARD);
        let door = Door::open();
        let runtime = Runtime::new().expect("threads");
        let clock = || -> slippers_gateways::simulator::Clock { Arc::new(|| SystemClock.now()) };
        let octo = OctoSimulatorSettings {
            shop_id: "27".into(),
            secret: Secret::new(OCTO_SECRET),
            unique_key: Secret::new(UNIQUE_KEY),
            least_refund: Money::from_minor(1_250_000),
            seed: 7,
            port: 0,
        };
        let payme = PaymeSimulatorSettings {
            login: "Paycom".into(),
            key: Secret::new(PAYME_KEY),
            endpoint: door.url("/payments/payme"),
            seed: 7,
            port: 0,
        };
        let click = ClickSimulatorSettings {
            service_id: "31".into(),
            merchant_user_id: "123".into(),
            secret: Secret::new(CLICK_KEY),
            prepare_url: door.url("/payments/click/prepare"),
            complete_url: door.url("/payments/click/complete"),
            seed: 7,
            port: 0,
        };
        let (octo, payme, click) = runtime.block_on(async {
            (
                OctoSimulator::start(octo, clock()).await.expect("OCTO"),
                PaymeSimulator::start(payme, clock()).await.expect("Payme"),
                ClickSimulator::start(click, clock()).await.expect("Click"),
            )
        });
        let own = [
            ("OCTO_API_BASE", octo.url()),
            ("OCTO_SHOP_ID", "27".into()),
            ("OCTO_SECRET", OCTO_SECRET.into()),
            ("OCTO_UNIQUE_KEY", UNIQUE_KEY.into()),
            ("OCTO_NOTIFY_URL", door.url("/payments/octo/notify")),
            ("OCTO_RETURN_URL", "http://front.example/payment".into()),
            ("PAYME_MERCHANT_ID", "587f72c72cac0d162c722ae2".into()),
            ("PAYME_KEY", PAYME_KEY.into()),
            ("PAYME_ALLOWED_IPS", "127.0.0.1".into()),
            ("PAYME_CHECKOUT_URL", payme.url()),
            ("CLICK_SERVICE_ID", "31".into()),
            ("CLICK_MERCHANT_ID", "27".into()),
            ("CLICK_MERCHANT_USER_ID", "123".into()),
            ("CLICK_SECRET_KEY", CLICK_KEY.into()),
            ("CLICK_PAY_URL", format!("{}/services/pay", click.url())),
            ("CLICK_API_BASE", click.url()),
        ];
        let own = own.iter().map(|(name, value)| (*name, value.as_str()));
        let settings: Vec<_> = own.chain(settings.iter().copied()).collect();
        let shop = Shop::open_in(TempDir::new().expect("a folder"), &settings);
        door.lead_to(shop.address());
        let admin = shop.admin();
        let slipper = shop.product(&admin, "Cozy Home", &json!(PRICE), STOCK);
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        let agent = config.timeout_global(Some(PATIENCE)).build().into();
        Self { shop, admin, slipper, octo, payme, click, door, agent, _runtime: runtime }
    }

    /// Starts the shop again; the gateways find it.
    pub(crate) fn restart(&mut self) {
        self.shop.restart();
        self.door.lead_to(self.shop.address());
    }

    /// Where a simulator listens.
    pub(crate) fn url(&self, at: At) -> String {
        match at {
            At::Octo => self.octo.url(),
            At::Payme => self.payme.url(),
            At::Click => self.click.url(),
        }
    }

    /// Tells a simulator something; answers what it says.
    pub(crate) fn sim(&self, at: At, verb: &str, body: &Value) -> Value {
        let answer = self.post(&format!("{}/_sim/{verb}", self.url(at)), &body.to_string());
        assert_eq!(answer.status, 200, "{verb}: {}", answer.text());
        answer.json()
    }

    /// Puts a fault into a simulator.
    pub(crate) fn fault(&self, gateway: At, at: &str, what: &str, times: u64) {
        self.sim(gateway, "faults", &json!([{"at": at, "what": what, "times": times}]));
    }

    /// What a gateway knows.
    pub(crate) fn known(&self, at: At) -> Value {
        let mut answer = self.agent.get(format!("{}/_sim/state", self.url(at))).call().expect("it answers");
        let text = answer.body_mut().read_to_string().expect("text");
        serde_json::from_str::<Value>(&text).expect("JSON")["rows"].clone()
    }

    /// What a browser does with a form without fields.
    pub(crate) fn post(&self, url: &str, body: &str) -> Answer {
        let mut response = self.agent.post(url).send(body).unwrap_or_else(|error| panic!("{url}: {error}"));
        let status = response.status().as_u16();
        let location = response.headers().get("location").and_then(|value| value.to_str().ok());
        let headers = location.map(|to| ("location".to_owned(), to.to_owned())).into_iter().collect();
        Answer { status, headers, body: response.body_mut().read_to_vec().expect("a body") }
    }

    /// OCTO's page of a payment.
    pub(crate) fn page(&self, uuid: &str) -> String {
        format!("{}/pay/{uuid}", self.octo.url())
    }

    /// Presses a button of OCTO's page: `pay`, `cancel` or `leave`.
    pub(crate) fn press(&self, link: &str, button: &str) {
        let answer = self.post(&format!("{link}/{button}"), "");
        assert!(answer.status < 400, "{link}/{button}: {} {}", answer.status, answer.text());
    }

    /// Somebody with this many pairs ordered; answers them and the order's number.
    pub(crate) fn order(&self, name: &str, pairs: i64) -> (Caller, i64) {
        let buyer = self.shop.customer(name);
        self.shop.put_in_cart(&buyer, self.slipper, pairs);
        let placed = self.shop.call(&buyer, "POST", "/orders/from-cart", &Value::Null).expect(200).json();
        (buyer, placed["order_id"].as_str().expect("a number").parse().expect("a number"))
    }

    pub(crate) fn create(&self, buyer: &Caller, body: &Value) -> Answer {
        self.shop.call(buyer, "POST", "/payments/octo/create", body)
    }

    /// The link to pay an order.
    pub(crate) fn link(&self, buyer: &Caller, order: i64) -> String {
        let made = self.create(buyer, &json!({"order_id": order})).expect(200).json();
        made["redirect_url"].as_str().expect("a link").to_owned()
    }

    /// The link to pay an order at Payme or Click.
    pub(crate) fn link_at(&self, at: At, buyer: &Caller, order: i64) -> String {
        let name = match at {
            At::Octo => "octo",
            At::Payme => "payme",
            At::Click => "click",
        };
        let path = format!("/payments/{name}/create");
        let made = self.shop.call(buyer, "POST", &path, &json!({"order_id": order})).expect(200).json();
        assert_eq!(made["order_id"], order);
        made["redirect_url"].as_str().expect("a link").to_owned()
    }

    /// Pays an order on Payme's page; answers what the page says or where it leads.
    pub(crate) fn pay_at_payme(&self, buyer: &Caller, order: i64) -> String {
        let page = self.post(&format!("{}?pay", self.link_at(At::Payme, buyer, order)), "");
        page.header("location").map_or_else(|| page.text(), str::to_owned)
    }

    /// An order that was paid at OCTO; answers its buyer and its number.
    pub(crate) fn paid(&self, name: &str, pairs: i64) -> (Caller, i64) {
        let (buyer, order) = self.order(name, pairs);
        self.press(&self.link(&buyer, order), "pay");
        self.await_status(order, "PAID");
        (buyer, order)
    }

    pub(crate) fn status(&self, order: i64) -> String {
        let order = self.shop.call(&self.admin, "GET", &format!("/orders/{order}"), &Value::Null);
        order.expect(200).json()["status"].as_str().expect("a status").to_owned()
    }

    #[track_caller]
    pub(crate) fn await_status(&self, order: i64, status: &str) {
        eventually(&format!("order {order} is {status}"), || (self.status(order) == status).then_some(()));
    }

    /// The payments of an order, newest first.
    pub(crate) fn payments(&self, order: i64) -> Vec<Value> {
        let path = format!("/payments/?order_id={order}");
        let all = self.shop.call(&self.admin, "GET", &path, &Value::Null).expect(200).json();
        all.as_array().expect("a list").clone()
    }

    #[track_caller]
    pub(crate) fn await_payment(&self, order: i64, status: &str) -> Value {
        eventually(&format!("a payment of order {order} is {status}"), || {
            self.payments(order).into_iter().find(|payment| payment["status"] == status)
        })
    }

    pub(crate) fn refund(&self, order: i64) -> Answer {
        self.shop.call(&self.admin, "POST", "/payments/octo/refund", &json!({"order_id": order}))
    }

    /// What must hold whatever happened: each order was paid at most once and no more went back than came; the pairs that
    /// are there and those that were sold are all; every soum is where the ledger says.
    #[track_caller]
    pub(crate) fn assert_sound(&self) {
        let rows = self.shop.rows();
        let none = |what: &str, sql: &str| assert_eq!(rows.ask(sql), Vec::<Vec<String>>::new(), "{what}");
        rows.assert_whole();
        none(
            "an order is settled twice",
            "SELECT order_id FROM payments WHERE settles GROUP BY order_id HAVING count(*) > 1",
        );
        none(
            "more went back than came",
            "SELECT p.id FROM payments p JOIN refunds r ON r.payment_id = p.id AND r.status <> 'FAILED'
             GROUP BY p.id, p.received_minor HAVING sum(r.amount_minor) > p.received_minor",
        );
        none(
            "an order says what its payments don't",
            "SELECT o.id FROM orders o WHERE (o.status IN ('PAID', 'REFUNDED'))
                 <> EXISTS (SELECT 1 FROM payments p WHERE p.order_id = o.id AND p.settles)",
        );
        let sold = "SELECT coalesce(sum(i.quantity), 0) FROM order_items i JOIN orders o ON o.id = i.order_id
                    WHERE o.status IN ('PENDING', 'PAID')";
        assert_eq!(self.shop.stock(self.slipper) + rows.number(sold), STOCK, "no pair appears or vanishes");
        for gateway in ["octo", "payme", "click", "manual"] {
            let booked = rows.number(&format!(
                "SELECT coalesce(sum(CASE WHEN debit = '{gateway}' THEN amount_minor ELSE 0 END)
                      - sum(CASE WHEN credit = '{gateway}' THEN amount_minor ELSE 0 END), 0) FROM ledger_postings"
            ));
            let there = rows.number(&format!(
                "SELECT coalesce((SELECT sum(received_minor) FROM payments WHERE gateway = '{gateway}'), 0)
                      - coalesce((SELECT sum(r.amount_minor) FROM refunds r JOIN payments p ON p.id = r.payment_id
                                  WHERE p.gateway = '{gateway}' AND r.status = 'SUCCEEDED'), 0)"
            ));
            assert_eq!(booked, there, "what {gateway} has");
        }
        let sales = rows.number(
            "SELECT coalesce(sum(CASE WHEN credit = 'sales' THEN amount_minor ELSE 0 END)
                  - sum(CASE WHEN debit = 'sales' THEN amount_minor ELSE 0 END), 0) FROM ledger_postings",
        );
        let paid = rows.number(
            "SELECT coalesce((SELECT sum(received_minor) FROM payments WHERE settles), 0)
                  - coalesce((SELECT sum(r.amount_minor) FROM refunds r JOIN payments p ON p.id = r.payment_id
                              WHERE p.settles AND r.status <> 'FAILED'), 0)",
        );
        assert_eq!(sales, paid, "what pays orders");
    }
}

/// The signature that OCTO puts on a callback.
pub(crate) fn signature(uuid: &str, status: &str) -> String {
    let digest = Sha1::digest([UNIQUE_KEY, uuid, status].concat());
    digest.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// A port that leads to the shop.
struct Door {
    address: SocketAddr,
    target: Arc<Mutex<SocketAddr>>,
}

impl Door {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let target = Arc::new(Mutex::new(address));
        let leads_to = Arc::clone(&target);
        std::thread::spawn(move || {
            for inside in listener.incoming().map_while(Result::ok) {
                let to = *leads_to.lock().unwrap_or_else(PoisonError::into_inner);
                // A shop that is gone: the caller's connection is closed.
                let Ok(outside) = TcpStream::connect(to) else { continue };
                pass(&inside, &outside);
                pass(&outside, &inside);
            }
        });
        Self { address, target }
    }

    fn lead_to(&self, shop: SocketAddr) {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = shop;
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// Passes on what one side says, in a thread of its own.
fn pass(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().expect("a handle"), to.try_clone().expect("a handle"));
    std::thread::spawn(move || {
        let mut piece = [0; 8192];
        while let Ok(length) = from.read(&mut piece)
            && length > 0
            && to.write_all(&piece[..length]).is_ok()
        {}
        let _ = to.shutdown(Shutdown::Write);
    });
}
