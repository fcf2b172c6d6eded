//! What gateways that are down cost those who browse, fill carts and order. No story: it is run by
//! `script/measure-gateways` against a release build, on a machine that does nothing else.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::crowd::at_once;
use crate::shop::Caller;
use crate::till::{At, PRICE, Till};
use crate::valve::Valve;
use crate::wire::Line;

/// How long each part takes; gateways are up and down by turns.
const PART: Duration = Duration::from_secs(6);
const ROUNDS: usize = 8;
const BUYERS: usize = 2;
/// People who try to pay, each once in [`PACE`]: an answer of a gateway that is down takes less.
const PAYERS: usize = 16;
const PACE: Duration = Duration::from_secs(4);
const PRODUCTS: usize = 900;
/// What a gateway that is up takes for an answer, in milliseconds.
const DELAY: u64 = 150;

const WHAT: [&str; 4] = ["page", "product", "cart", "order"];

/// How long each kind of request took, in microseconds.
type Waits = [Vec<u128>; 4];

/// Somebody who buys, on a connection of their own.
struct Buyer<'t> {
    till: &'t Till,
    line: Line,
    bearer: String,
    waits: Waits,
}

impl<'t> Buyer<'t> {
    fn new(till: &'t Till, caller: &Caller) -> Self {
        let bearer = format!("Bearer {}", caller.access);
        Self { till, line: Line::open(&till.shop), bearer, waits: Default::default() }
    }

    fn ask(&mut self, kind: usize, method: &str, target: &str, body: &Value) {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let (bearer, length) = (&self.bearer, text.len());
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: shop\r\nAuthorization: {bearer}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{text}"
        );
        let begun = Instant::now();
        self.line.say(request.as_bytes());
        let answer = self.line.hear().expect("an answer");
        self.waits[kind].push(begun.elapsed().as_micros());
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    }

    /// One purchase after the other, until it is time.
    fn buy(&mut self, until: Instant) {
        for round in 0_usize.. {
            if Instant::now() >= until {
                return;
            }
            for look in 0..4 {
                let number = (round * 4 + look) % PRODUCTS;
                self.ask(0, "GET", &format!("/slippers/?limit=20&skip={number}"), &Value::Null);
                self.ask(1, "GET", &format!("/slippers/{}", 1 + number), &Value::Null);
            }
            let item = json!({"slipper_id": self.till.slipper, "quantity": 1});
            self.ask(2, "POST", "/cart/items", &item);
            self.ask(3, "POST", "/orders/from-cart?clear_cart=true", &Value::Null);
        }
    }
}

/// Wants to pay a new order every few seconds, at each gateway by turns, and takes whatever is said.
fn try_to_pay(
    till: &Till,
    caller: &Caller,
    (part, number): (usize, usize),
    told: &[AtomicU64; 2],
    enough: &AtomicBool,
) {
    let mut next = Instant::now() + PACE * u32::try_from(number).expect("few") / 16;
    for round in 0_usize.. {
        while Instant::now() < next {
            if enough.load(Ordering::SeqCst) {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        next += PACE;
        let gateway = ["octo", "octo", "click", "payme"][(number + round) % 4];
        let item = json!({"slipper_id": till.slipper, "quantity": 1, "notes": format!("{part}-{round}")});
        let path = format!("/payments/{gateway}/create");
        let status = till.shop.call(caller, "POST", &path, &json!({"items": [item]})).status;
        assert!([200, 400, 503].contains(&status), "{gateway}: {status}");
        told[usize::from(status != 200)].fetch_add(1, Ordering::SeqCst);
    }
}

fn shown(waits: &mut [u128]) -> (u128, u128, usize) {
    waits.sort_unstable();
    (waits[waits.len() / 2], waits[waits.len() * 99 / 100], waits.len())
}

#[test]
#[ignore = "a measurement: run script/measure-gateways"]
#[expect(clippy::print_stdout, reason = "what was measured is for people")]
fn measure_what_gateways_that_are_down_cost_those_who_buy() {
    let (octo, click) = (Valve::closed(), Valve::closed());
    let no_limit = "2147483647";
    let till = Till::open_with(&[
        ("OCTO_API_BASE", &octo.url()),
        ("CLICK_API_BASE", &click.url()),
        ("RATE_LIMIT_REQUESTS", no_limit),
        ("ORDER_MAX_OPEN", "0"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "600"),
    ]);
    for number in 0..PRODUCTS {
        till.shop.product(&till.admin, &format!("Cozy Home {number}"), &json!(PRICE), 1_000_000);
    }
    let stock = json!({"quantity": 1_000_000});
    till.shop.call(&till.admin, "PUT", &format!("/slippers/{}", till.slipper), &stock).expect(200);
    let slow = json!([{"at": "prepare_payment", "what": "hang", "value": DELAY, "times": 1_000_000}]);
    till.sim(At::Octo, "faults", &slow);
    let people = |kind: &str, count: usize| {
        (0..count).map(|number| till.shop.customer(&format!("{kind} {number}"))).collect::<Vec<_>>()
    };
    let (buyers, payers) = (people("Buyer", BUYERS), people("Payer", PAYERS));
    let (enough, told) = (AtomicBool::new(false), [[(); 2]; 2].map(|row| row.map(|()| AtomicU64::new(0))));
    let mut all: [Waits; 2] = Default::default();
    for part in 0..2 * ROUNDS {
        // Up, down, down, up, and so on: what drifts falls on both.
        let is_down = usize::from([false, true, true, false][part % 4]);
        if is_down == 1 {
            octo.close();
            click.close();
        } else {
            octo.lead_to(&till.url(At::Octo));
            click.lead_to(&till.url(At::Click));
        }
        enough.store(false, Ordering::SeqCst);
        let waits = std::thread::scope(|scope| {
            for (number, payer) in payers.iter().enumerate() {
                let (till, told, enough) = (&till, &told[is_down], &enough);
                scope.spawn(move || try_to_pay(till, payer, (part, number), told, enough));
            }
            let until = Instant::now() + PART;
            let waits = at_once(BUYERS, |number| {
                let mut buyer = Buyer::new(&till, &buyers[number]);
                buyer.buy(until);
                buyer.waits
            });
            enough.store(true, Ordering::SeqCst);
            waits
        });
        for waits in waits {
            for (kept, new) in all[is_down].iter_mut().zip(waits) {
                kept.extend(new);
            }
        }
    }
    for (name, told) in ["up", "down"].into_iter().zip(&told) {
        let [links, refused] = [&told[0], &told[1]].map(|count| count.load(Ordering::SeqCst));
        println!("gateways {name}: {links} got a link, {refused} were told to come back");
    }
    let heads =
        ["up 50 %", "down 50 %", "up 99 %", "down 99 %", "requests"].map(|head| format!("{head:>10}"));
    println!("{:<12} {}", "microseconds", heads.join(" "));
    let [mut up, mut down] = all;
    for ((what, up), down) in WHAT.into_iter().zip(&mut up).zip(&mut down) {
        let ((up_half, up_most, count), (half, most, more)) = (shown(up), shown(down));
        println!("{what:<12} {up_half:>10} {half:>10} {up_most:>10} {most:>10} {:>10}", count + more);
    }
}
