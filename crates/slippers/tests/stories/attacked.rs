//! What shoppers notice of attacks from everywhere. No story: it is run by `script/measure-attacks` against a release build,
//! on a machine that does nothing else. Each attack comes from other addresses all the time, so that no limit stops it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::crowd::at_once;
use crate::faults::pause;
use crate::shop::{Caller, Shop};
use crate::wire::Line;

/// How long each part takes.
const PART: Duration = Duration::from_secs(20);
/// People who browse without an account, and people who order.
const BROWSERS: usize = 48;
const BUYERS: usize = 16;
/// Each does something so often: somewhat less than the limit of 100 in 60 s, which holds.
const PACE: Duration = Duration::from_millis(750);
const PRODUCTS: usize = 10_000;
/// Connections of an attack.
const HANDS: usize = 8;

/// How long each request of the shoppers took, from the moment at which it was meant to be sent, in microseconds.
type Waits = BTreeMap<&'static str, Vec<u128>>;

fn send(line: &mut Line, method: &str, target: &str, headers: &str, body: &str) -> u16 {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    line.say(format!("{method} {target} HTTP/1.1\r\nHost: shop\r\n{headers}{length}\r\n{body}").as_bytes());
    line.hear().map_or(0, |answer| answer.status)
}

/// One person's visit: what they do in turn, until it is time. None of it is refused.
fn shop_on(shop: &Shop, number: usize, buyer: Option<&Caller>) -> Waits {
    let (mut waits, mut line) = (Waits::new(), Line::open(shop));
    let who = buyer.map_or_else(
        || format!("X-Forwarded-For: 198.51.100.{number}\r\n"),
        |buyer| format!("Authorization: Bearer {}\r\nContent-Type: application/json\r\n", buyer.access),
    );
    let begun = Instant::now() + PACE.mul_f64(share(number, BROWSERS + BUYERS));
    for round in 0_u32.. {
        let due = begun + PACE * round;
        if due.saturating_duration_since(begun) >= PART {
            break;
        }
        pause(due.saturating_duration_since(Instant::now()));
        let turn = usize::try_from(round).expect("small");
        let product = 1 + (number * 631 + turn * 17) % PRODUCTS;
        let (what, method, target, body) = match (turn % 4, buyer) {
            (0, _) => ("list", "GET", format!("/slippers/?skip={}", turn % 50 * 20), String::new()),
            (1, _) => ("product", "GET", format!("/slippers/{product}"), String::new()),
            (2, Some(_)) => {
                ("cart", "POST", "/cart/items".into(), format!(r#"{{"slipper_id":{product},"quantity":1}}"#))
            }
            (_, Some(_)) => ("order", "POST", "/orders/from-cart".into(), "{}".into()),
            (2, None) => ("search", "GET", "/slippers/?search=42".into(), String::new()),
            (_, None) => {
                ("list", "GET", format!("/slippers/?sort=price_asc&skip={}", turn % 9 * 20), String::new())
            }
        };
        let status = send(&mut line, method, &target, &who, &body);
        assert_eq!(status, 200, "{method} {target} of shopper {number}");
        waits.entry(what).or_default().push(due.elapsed().as_micros());
    }
    waits
}

fn share(part: usize, of: usize) -> f64 {
    let number = |n: usize| f64::from(u32::try_from(n).expect("small"));
    number(part) / number(of)
}

fn all_shop(shop: &Shop, buyers: &[Caller]) -> Waits {
    let visits = at_once(BROWSERS + BUYERS, |number| shop_on(shop, number, buyers.get(number)));
    let mut all = Waits::new();
    for (what, waits) in visits.into_iter().flatten() {
        all.entry(what).or_default().extend(waits);
    }
    all.values_mut().for_each(|waits| waits.sort_unstable());
    all
}

/// An attacker's request by its number: the method, the target and the body.
type Shot = fn(u64) -> (&'static str, String, String);

/// Each from an address of a network of its own.
fn attack(shop: &Shop, each_second: u32, shot: Shot, enough: &AtomicBool) -> BTreeMap<u16, u64> {
    let (next, begun) = (AtomicU64::new(0), Instant::now());
    let counts = at_once(HANDS, |_| {
        let (mut counts, mut line) = (BTreeMap::<u16, u64>::new(), Line::open(shop));
        while !enough.load(Ordering::SeqCst) {
            let number = next.fetch_add(1, Ordering::SeqCst);
            let due = Duration::from_secs(1).mul_f64(f64::from(u32::try_from(number).expect("small")))
                / each_second;
            pause((begun + due).saturating_duration_since(Instant::now()));
            let (method, target, body) = shot(number);
            let from = format!(
                "X-Forwarded-For: 2001:db8:{:x}:{:x}::1\r\nContent-Type: application/json\r\n",
                number >> 16,
                number & 0xffff
            );
            let status = send(&mut line, method, &target, &from, &body);
            *counts.entry(status).or_default() += 1;
            if status == 0 {
                line = Line::open(shop);
            }
        }
        counts
    });
    let mut all = BTreeMap::new();
    counts.into_iter().flatten().for_each(|(status, count)| *all.entry(status).or_default() += count);
    all
}

#[expect(clippy::print_stdout, reason = "what was measured is for people")]
fn measure(name: &str, each_second: u32, shot: Shot) {
    let settings = [
        ("RATE_LIMIT_REQUESTS", "100"),
        ("RATE_LIMIT_WINDOW_SEC", "60"),
        ("LOGIN_RATE_LIMIT", "5"),
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
        ("ORDER_MAX_OPEN", "0"),
    ];
    let shop = Shop::open_with(&settings);
    let (code, _, errors) = shop.run(&["seed", "--products", &PRODUCTS.to_string()], "");
    assert_eq!(code, 0, "{errors}");
    let buyers: Vec<Caller> = (0..BUYERS).map(|number| shop.customer(&format!("Buyer {number}"))).collect();
    let quiet = all_shop(&shop, &buyers);
    let enough = AtomicBool::new(false);
    let (attacked, shots) = std::thread::scope(|scope| {
        let attacking = scope.spawn(|| attack(&shop, each_second, shot, &enough));
        let attacked = all_shop(&shop, &buyers);
        enough.store(true, Ordering::SeqCst);
        (attacked, attacking.join().expect("the attack ends well"))
    });
    println!("{name}, {each_second} a second wanted, by status: {shots:?}; no shopper was refused");
    println!(
        "{:<10} {:>6} {:>12} {:>12} {:>12} {:>12} {:>6}",
        "us", "count", "p50 quiet", "p50", "p99 quiet", "p99", "ratio"
    );
    let at = |waits: &[u128], percent: usize| waits[(waits.len() * percent / 100).min(waits.len() - 1)];
    let all = |waits: &Waits| {
        let mut all: Vec<u128> = waits.values().flatten().copied().collect();
        all.sort_unstable();
        all
    };
    let whole = ("all", all(&quiet), all(&attacked));
    let each = quiet.iter().map(|(what, quiet)| (*what, quiet.clone(), attacked[what].clone()));
    for (what, quiet, attacked) in each.chain([whole]) {
        let (before, meanwhile) = (at(&quiet, 99), at(&attacked, 99));
        let ratio = meanwhile * 100 / before.max(1);
        println!(
            "{what:<10} {:>6} {:>12} {:>12} {before:>12} {meanwhile:>12} {:>4}.{:02}",
            attacked.len(),
            at(&quiet, 50),
            at(&attacked, 50),
            ratio / 100,
            ratio % 100
        );
    }
}

#[test]
#[ignore = "a measurement: run script/measure-attacks"]
fn measure_a_scan_from_everywhere() {
    measure("address scan", 2_000, |number| {
        ("GET", format!("/slippers/{}", 1 + number % 10_000), String::new())
    });
}

#[test]
#[ignore = "a measurement: run script/measure-attacks"]
fn measure_a_flood_of_logins() {
    measure("login flood", 200, |number| {
        let body = format!(r#"{{"name":"Buyer {}","password":"guess {number}"}}"#, number % 16);
        ("POST", "/auth/login".into(), body)
    });
}

#[test]
#[ignore = "a measurement: run script/measure-attacks"]
fn measure_a_flood_of_searches() {
    measure("search flood", 500, |number| {
        // Words that are found and words that are not, each once.
        let word = ["ta", "о", "comf", "тап", "4"][usize::try_from(number % 5).expect("small")];
        (
            "GET",
            format!("/slippers/?search={word}{number:x}&sort=price_desc&skip={}", number % 7 * 100),
            String::new(),
        )
    });
}
