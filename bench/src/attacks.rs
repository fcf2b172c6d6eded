//! What shoppers notice of attacks from everywhere: each request of an attack comes from a network of its own, so that no limit
//! stops it.
//!
//!   `slippers-bench attacks SLIPPERS [postgres]`
//!
//! 144 people browse and order, at first alone and then while somebody scans from two thousand new addresses a second, guesses 200
//! passwords a second, or makes 500 searches a second that nobody has made before. None of the shoppers may be refused, and what
//! 99 of 100 wait may at most double. The attackers' own work is done by the same processors, some 20 us a request.
//!
//! An order waits for the disk, and a disk that is not ours alone has its moments: a page that is written and synced every
//! 50 ms, on the disk of the database, tells how long it took meanwhile without a shop.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use slippers_testbed::postgres::Postgres;

use crate::Outcome;
use crate::buyers::register;
use crate::client::Client;
use crate::open_loop::Waits;
use crate::shop::Shop;

/// Quiet and attacked take turns.
const ROUNDS: usize = 3;
const PART: Duration = Duration::from_secs(12);
/// People who browse without an account, and people who order: together more than a thousand orders, so that a 99th of 100
/// is more than one late write.
const BROWSERS: usize = 48;
const BUYERS: usize = 96;
/// How often the disk is asked.
const DISK_PACE: Duration = Duration::from_millis(50);
/// Each does something so often: somewhat less than the limit of 100 in 60 s, which holds.
const PACE: Duration = Duration::from_millis(650);
const PRODUCTS: u64 = 10_000;
/// Connections of an attack: more than hashes can wait for their turn, so that guesses come as often as they are meant to.
const HANDS: usize = 96;
const MOST: f64 = 2.0;
/// What the disk did without a shop, among what shoppers did.
const DISK: &str = "(disk)";

/// How long each request of the shoppers took, from the moment at which it was meant to be sent, in microseconds.
type Visits = BTreeMap<&'static str, Vec<u64>>;

/// An attacker's request by its number: the method, the target and the body.
type Shot = fn(u64) -> (&'static str, String, String);

struct Attack {
    name: &'static str,
    each_second: u32,
    shot: Shot,
}

const ATTACKS: [Attack; 3] = [
    Attack {
        name: "address scan",
        each_second: 2_000,
        shot: |number| ("GET", format!("/slippers/{}", 1 + number % PRODUCTS), String::new()),
    },
    Attack {
        name: "login flood",
        each_second: 200,
        shot: |number| {
            // A name each: one that is tried from everywhere has a limit of its own, and costs no hash beyond it.
            let body = format!(r#"{{"name":"Buyer {number}","password":"guess {number}"}}"#);
            ("POST", "/auth/login".into(), body)
        },
    },
    Attack {
        name: "search flood",
        each_second: 500,
        shot: |number| {
            // Parts of words that are there, with something that is not, each once; every third finds something.
            let (sort, skip) =
                (["price_desc", "name_asc"][usize::from(number.is_multiple_of(2))], number % 9_000);
            let target = match number % 3 {
                0 => format!("/slippers/?search=ta&sort={sort}&skip={skip}&limit={}", 1 + number / 9_000),
                1 => format!("/slippers/?search=comf{number:x}&sort={sort}"),
                _ => format!("/slippers/?search={}%D0%BE&sort={sort}", number % 1_000_000),
            };
            ("GET", target, String::new())
        },
    },
];

pub(crate) fn run(arguments: &[String]) -> Outcome<()> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let server = Postgres::builder().fsync(true);
    let (program, server) = match arguments[..] {
        [program] => (Path::new(program), None),
        [program, "postgres"] => (Path::new(program), Some(server.start()?)),
        _ => return Err("usage: slippers-bench attacks SLIPPERS [postgres]".into()),
    };
    let mut is_missed = false;
    for attack in &ATTACKS {
        is_missed |= measure(program, server.as_ref(), attack)?;
    }
    if is_missed {
        Err("what 99 of 100 requests of shoppers wait has more than doubled".into())
    } else {
        Ok(())
    }
}

/// Whether the shoppers waited too long.
fn measure(program: &Path, server: Option<&Postgres>, attack: &Attack) -> Outcome<bool> {
    let settings = [
        ("RATE_LIMIT_REQUESTS", "100"),
        ("RATE_LIMIT_WINDOW_SEC", "60"),
        ("LOGIN_RATE_LIMIT", "5"),
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
        // Who prepares the measurement.
        ("TRUSTED_CALLERS", "127.0.0.0/8"),
        ("TRUSTED_CALLERS_RATE_LIMIT", "2147483647"),
        ("CACHE_MAX_BYTES", "67108864"),
    ];
    let shop = match server {
        Some(server) => Shop::on(program, server, PRODUCTS, &settings)?,
        None => Shop::on_a_file(program, PRODUCTS, &settings)?,
    };
    shop.execute(&["UPDATE slippers SET quantity = 1000000, is_paused = false"])?;
    let mut heads = register(&shop, BUYERS)?;
    heads.extend((0..BROWSERS).map(|number| format!("X-Forwarded-For: 198.51.100.{number}\r\n")));
    all_shop(&shop, &heads)?;
    let (mut quiet, mut attacked, mut shots) = (Visits::new(), Visits::new(), BTreeMap::new());
    for _ in 0..ROUNDS {
        add(&mut quiet, all_shop(&shop, &heads)?);
        let enough = AtomicBool::new(false);
        let (visits, counts) = std::thread::scope(|scope| {
            let attacking = scope.spawn(|| all_attack(&shop, attack, &enough));
            let visits = all_shop(&shop, &heads);
            enough.store(true, Ordering::SeqCst);
            let died = |_| io::Error::other("an attacker's thread panicked");
            io::Result::Ok((visits?, attacking.join().map_err(died)??))
        })?;
        add(&mut attacked, visits);
        counts.into_iter().for_each(|(status, count)| *shots.entry(status).or_default() += count);
    }
    Ok(tell(attack, &shots, quiet, attacked))
}

fn tell(attack: &Attack, shots: &BTreeMap<u16, u64>, quiet: Visits, mut attacked: Visits) -> bool {
    let length = PART * u32::try_from(ROUNDS).unwrap_or(1);
    let made =
        f64::from(u32::try_from(shots.values().sum::<u64>()).unwrap_or(u32::MAX)) / length.as_secs_f64();
    println!(
        "\n{}, {made:.0} a second of {} that were tried; by status: {shots:?}. No shopper was refused.\n",
        attack.name, attack.each_second
    );
    println!("| us | requests | p50 quiet | p50 | p99 quiet | p99 | ratio |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let all = |visits: &Visits| {
        let shoppers = visits.iter().filter(|(what, _)| **what != DISK);
        shoppers.flat_map(|(_, waits)| waits).copied().collect::<Vec<_>>()
    };
    let whole = ("all", all(&quiet), all(&attacked));
    let mut ratio = 0.0;
    let each =
        quiet.into_iter().map(|(what, waits)| (what, waits, attacked.remove(what).unwrap_or_default()));
    for (what, quiet, attacked) in each.chain([whole]) {
        let (quiet, attacked) = (Waits::of(quiet), Waits::of(attacked));
        let (before, meanwhile) = (quiet.within(990), attacked.within(990));
        let float = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        ratio = float(meanwhile) / float(before).max(1.0);
        println!(
            "| {what} | {} | {} | {} | {before} | {meanwhile} | {ratio:.2} |",
            attacked.count(),
            quiet.within(500),
            attacked.within(500),
        );
    }
    ratio > MOST
}

fn add(to: &mut Visits, more: Visits) {
    more.into_iter().for_each(|(what, waits)| to.entry(what).or_default().extend(waits));
}

fn all_shop(shop: &Shop, heads: &[String]) -> io::Result<Visits> {
    let visits = hands(heads.len() + 1, |number| match heads.get(number) {
        Some(head) => shop_on(shop, number, head),
        None => ask_disk(shop.folder()),
    })?;
    let mut all = Visits::new();
    visits.into_iter().for_each(|visit| add(&mut all, visit));
    Ok(all)
}

/// One person's visit: what they do in turn, until it is time. None of it is refused.
fn shop_on(shop: &Shop, number: usize, head: &str) -> io::Result<Visits> {
    let (mut visits, mut client) = (Visits::new(), Client::open(shop.address)?);
    let of_all = u32::try_from(BROWSERS + BUYERS).unwrap_or(1);
    let begun = Instant::now() + PACE / of_all * u32::try_from(number).unwrap_or(0);
    for round in 0_u32.. {
        let due = begun + PACE * round;
        if due.saturating_duration_since(begun) >= PART {
            break;
        }
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let turn = usize::try_from(round).unwrap_or(0);
        let product = 1 + (number * 631 + turn * 17) % 10_000;
        let (what, method, target, body) = match (turn % 4, number < BUYERS) {
            (0, _) => ("list", "GET", format!("/slippers/?skip={}", turn % 50 * 20), String::new()),
            (1, _) => ("product", "GET", format!("/slippers/{product}"), String::new()),
            (2, true) => {
                ("cart", "POST", "/cart/items".into(), format!(r#"{{"slipper_id":{product},"quantity":1}}"#))
            }
            (_, true) => ("order", "POST", "/orders/from-cart?clear_cart=true".into(), "{}".into()),
            (2, false) => ("search", "GET", "/slippers/?search=42".into(), String::new()),
            (_, false) => {
                ("list", "GET", format!("/slippers/?sort=price_asc&skip={}", turn % 9 * 20), String::new())
            }
        };
        client.ask(method, &target, head, &body)?;
        visits.entry(what).or_default().push(u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    Ok(visits)
}

/// How long a page took each time that was written and synced, over a part.
fn ask_disk(folder: &Path) -> io::Result<Visits> {
    let file = File::create(folder.join("page"))?;
    let (begun, mut waits) = (Instant::now(), Vec::new());
    for due in (0..).map(|number| begun + DISK_PACE * number).take_while(|due| *due < begun + PART) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        file.write_all_at(&[0; 4096], 0)?;
        file.sync_data()?;
        waits.push(u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    Ok(Visits::from([(DISK, waits)]))
}

/// Answers how many were answered with which status.
fn all_attack(shop: &Shop, attack: &Attack, enough: &AtomicBool) -> io::Result<BTreeMap<u16, u64>> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let (first, begun) = (NEXT.load(Ordering::SeqCst), Instant::now());
    let counts = hands(HANDS, |_| {
        let (mut counts, mut client) = (BTreeMap::<u16, u64>::new(), Client::open(shop.address)?);
        while !enough.load(Ordering::SeqCst) {
            let number = NEXT.fetch_add(1, Ordering::SeqCst);
            let due =
                Duration::from_secs(1) / attack.each_second * u32::try_from(number - first).unwrap_or(0);
            std::thread::sleep((begun + due).saturating_duration_since(Instant::now()));
            let (method, target, body) = (attack.shot)(number);
            let (high, low) = (number >> 16, number & 0xffff);
            let from = format!(
                "X-Forwarded-For: 2001:db8:{high:x}:{low:x}::1\r\nContent-Type: application/json\r\n"
            );
            match client.exchange(method, &target, &from, &body) {
                Ok((status, _, _)) => *counts.entry(status).or_default() += 1,
                // A refusal may end the connection.
                Err(_) => client = Client::open(shop.address)?,
            }
        }
        Ok(counts)
    })?;
    let mut all = BTreeMap::new();
    counts.into_iter().flatten().for_each(|(status, count)| *all.entry(status).or_default() += count);
    Ok(all)
}

/// Does something so many times at once, each on a thread of its own that is told its number.
fn hands<T: Send>(count: usize, work: impl Fn(usize) -> io::Result<T> + Sync) -> io::Result<Vec<T>> {
    let work = &work;
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..count).map(|number| scope.spawn(move || work(number))).collect();
        let end = |hand: std::thread::ScopedJoinHandle<'_, io::Result<T>>| {
            hand.join().unwrap_or_else(|_| Err(io::Error::other("a client's thread panicked")))
        };
        all.into_iter().map(end).collect()
    })
}
