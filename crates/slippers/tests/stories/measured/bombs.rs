//! What bombs and crowds of logins cost those who buy meanwhile: `script/measure-bombs`.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use serde_json::json;

use crate::memory;
use crate::picture_bombs::{bombs, giants};
use crate::pictures::form;
use crate::shop::{Caller, PASSWORD, Shop};
use crate::wire::{Line, request};

/// How long each part takes, and how often a quiet one and one with trouble take turns.
const PART: Duration = Duration::from_secs(6);
const TURNS: usize = 7;
const READERS: usize = 2;
/// Crowds that sign in while nobody reads.
const CROWDS: usize = 30;

/// (median, 99th percentile) in microseconds of a page and of one product, and how many were read.
type Reading = [(u128, u128, usize); 2];

/// What those who buy wait for their answers, until it is time.
fn read_on(shop: &Shop) -> Reading {
    let until = Instant::now() + PART;
    let reader = |number: usize| {
        let mut waits = [Vec::new(), Vec::new()];
        let mut line = Line::open(shop);
        for round in 0_usize.. {
            if Instant::now() >= until {
                break;
            }
            let product = 1 + (number * 500 + round) % 1000;
            let targets = ["/slippers/".to_owned(), format!("/slippers/{product}")];
            for (target, waits) in targets.iter().zip(&mut waits) {
                let begun = Instant::now();
                line.say(format!("GET {target} HTTP/1.1\r\nHost: shop\r\n\r\n").as_bytes());
                let status = line.hear().map(|answer| answer.status);
                waits.push(begun.elapsed().as_micros());
                assert_eq!(status, Some(200), "{target}");
            }
        }
        waits
    };
    let mut all = [Vec::new(), Vec::new()];
    for waits in crate::crowd::at_once(READERS, reader) {
        for (all, waits) in all.iter_mut().zip(waits) {
            all.extend(waits);
        }
    }
    all.map(|mut waits| {
        waits.sort_unstable();
        (waits[waits.len() / 2], waits[waits.len() * 99 / 100], waits.len())
    })
}

/// Takes of this machine only what nobody else wants: who attacks brings a machine of their own. Being nice is not enough, since
/// whoever has begun a slice of 1.4 ms keeps it, and it would be part of what the shop's readers wait.
fn be_elsewhere() {
    let thread = std::fs::read_link("/proc/thread-self").expect("a thread has its folder");
    let thread = thread.file_name().expect("which its number names");
    let moved = Command::new("chrt").args(["--idle", "--pid", "0"]).arg(thread).status();
    assert!(moved.expect("chrt is there, with util-linux").success(), "a thread may step back");
}

/// Uploads every bomb and giant, again and again.
fn throw_pictures(shop: &Shop, admin: &Caller, thrown: &AtomicU64, enough: &AtomicBool) {
    let bearer = format!("Bearer {}", admin.access);
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "multipart/form-data; boundary=----a-boundary-of-a-browser"),
    ];
    let files = [bombs(), giants()].concat();
    for (name, file) in files.iter().cycle() {
        if enough.load(Ordering::SeqCst) {
            return;
        }
        let body = form(&[("images", Some(name), file)]);
        let mut line = Line::open(shop);
        line.say(&request("POST", "/slippers/1/upload-images/", &headers, &body));
        // What a slow machine takes longer for than a story's patience is left alone.
        let status = line.hear().map_or(503, |answer| answer.status);
        assert!([200, 400, 503].contains(&status), "{name}: {status}");
        thrown.fetch_add(1, Ordering::SeqCst);
    }
}

/// Sends deep, wide and long JSON, again and again, and leaves some connections half said.
fn throw_json(shop: &Shop, thrown: &AtomicU64, enough: &AtomicBool) {
    let keys: String = (0..80_000).map(|n| format!(r#""k{n}":1,"#)).collect();
    let bodies = [
        "[".repeat(1_000_000),
        format!(r#"{{{keys}"name":1}}"#),
        format!(r#"{{"name":{}}}"#, "7".repeat(900_000)),
        format!(r#"{{"name":"{}"}}"#, r"\u0041".repeat(160_000)),
    ];
    let mut slow = Vec::new();
    for body in bodies.iter().cycle() {
        if enough.load(Ordering::SeqCst) {
            return;
        }
        let mut line = Line::open(shop);
        let headers = [("content-type", "application/json")];
        line.say(&request("POST", "/auth/login", &headers, body.as_bytes()));
        assert_eq!(line.hear().map(|answer| answer.status), Some(422));
        thrown.fetch_add(1, Ordering::SeqCst);
        let mut half = Line::open(shop);
        half.say(b"POST /auth/login HTTP/1.1\r\nHost: shop\r\nContent-Length: 50\r\n\r\n{\"name\"");
        slow.push(half);
        slow.drain(..slow.len().saturating_sub(200));
    }
}

/// A hundred sign in at once, and when the last has an answer again; answers how many got in, and for each that was refused
/// the microseconds that it took.
fn throw_logins(shop: &Shop, enough: &AtomicBool) -> (usize, Vec<u128>) {
    let (mut welcome, mut refused) = (0, Vec::new());
    while !enough.load(Ordering::SeqCst) {
        let (more_welcome, more_refused) = throw_a_hundred_logins(shop);
        welcome += more_welcome;
        refused.extend(more_refused);
    }
    (welcome, refused)
}

fn throw_a_hundred_logins(shop: &Shop) -> (usize, Vec<u128>) {
    let (mut welcome, mut refused) = (0, Vec::new());
    let body = json!({"name": "Crowd", "password": PASSWORD}).to_string();
    let login = request("POST", "/auth/login", &[("content-type", "application/json")], body.as_bytes());
    let lines = (0..100).map(|_| Line::open(shop)).collect();
    for (mut line, waited) in say_to_all(lines, &login) {
        match line.hear().map(|answer| answer.status) {
            Some(200) => welcome += 1,
            Some(503) => refused.push(waited),
            other => panic!("a login: {other:?}"),
        }
    }
    (welcome, refused)
}

/// The lines with the microseconds from what was said on each to its answer, which is still to be heard. One hand holds them
/// all: what a hundred threads cost each other on this machine is not the shop's.
fn say_to_all(lines: Vec<Line>, text: &[u8]) -> Vec<(Line, u128)> {
    let watch = epoll::create(epoll::CreateFlags::CLOEXEC).expect("a watch");
    for (place, line) in (0..).zip(&lines) {
        let once = epoll::EventFlags::IN | epoll::EventFlags::ONESHOT;
        epoll::add(&watch, line, epoll::EventData::new_u64(place), once).expect("a line can be watched");
    }
    let mut said = Vec::new();
    let mut lines: Vec<_> = lines
        .into_iter()
        .map(|mut line| {
            said.push(Instant::now());
            line.say(text);
            (line, 0)
        })
        .collect();
    let (mut left, mut ready) = (lines.len(), Vec::with_capacity(lines.len()));
    while left > 0 {
        ready.clear();
        epoll::wait(&watch, spare_capacity(&mut ready), None).expect("the watch goes on");
        let now = Instant::now();
        for event in &ready {
            let place = usize::try_from(event.data.u64()).expect("a place");
            lines[place].1 = now.duration_since(said[place]).as_micros();
        }
        left -= ready.len();
    }
    lines
}

/// A shop of 1,000 products, and its admin.
fn stocked() -> (Shop, Caller) {
    let no_limit = "2147483647";
    let shop = Shop::open_with(&[("RATE_LIMIT_REQUESTS", no_limit), ("LOGIN_RATE_LIMIT", no_limit)]);
    let admin = shop.admin();
    let (code, _, errors) = shop.run(&["seed", "--products", "1000"], "");
    assert_eq!(code, 0, "{errors}");
    (shop, admin)
}

/// Reads quiet and with trouble by turns, and prints what it took. Answers what the trouble comes to, turn by turn.
///
/// By turns, and the median of them: two cores have moods, in which the 99th percentile of the same quiet shop is three times
/// that of another minute.
#[expect(clippy::print_stdout, reason = "what was measured is for people")]
fn measure<T: Send>(shop: &Shop, trouble: impl Fn(&AtomicBool) -> T + Sync) -> Vec<T> {
    let before = memory::peak_mib(shop);
    let (mut quiet, mut troubled, mut made) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TURNS {
        quiet.push(read_on(shop));
        let enough = AtomicBool::new(false);
        let (reading, came) = std::thread::scope(|scope| {
            let making = scope.spawn(|| trouble(&enough));
            let reading = read_on(shop);
            enough.store(true, Ordering::SeqCst);
            (reading, making.join().expect("the trouble ends well"))
        });
        troubled.push(reading);
        made.push(came);
    }
    let peak = memory::peak_mib(shop);
    println!("memory: {before} MiB at most before, {peak} MiB at most meanwhile (limit 300)");
    println!("microseconds, {TURNS} turns; 99 % (limit: twice its quiet value)");
    for (place, what) in ["page", "product"].into_iter().enumerate() {
        let of = |readings: &[Reading]| {
            let half = median(readings.iter().map(|reading| reading[place].0).collect());
            (half, readings.iter().map(|reading| reading[place].1).collect::<Vec<_>>())
        };
        let [(quiet, quiet_most), (troubled, troubled_most)] = [of(&quiet), of(&troubled)];
        println!("{what:<8} median {quiet} quiet, {troubled} meanwhile");
        println!("{what:<8} 99 % {quiet_most:?} quiet, {troubled_most:?} meanwhile");
        let [quiet, troubled] = [median(quiet_most), median(troubled_most)];
        println!("{what:<8} 99 % {quiet} quiet, {troubled} meanwhile, medians: {} %", 100 * troubled / quiet);
    }
    made
}

fn median(mut of: Vec<u128>) -> u128 {
    of.sort_unstable();
    of[of.len() / 2]
}

#[test]
#[ignore = "a measurement: run script/measure-bombs"]
#[expect(clippy::print_stdout, reason = "what was measured is for people")]
fn measure_what_bombs_cost_those_who_buy() {
    let (shop, admin) = stocked();
    let (pictures, json) = (AtomicU64::new(0), AtomicU64::new(0));
    measure(&shop, |enough| {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                be_elsewhere();
                throw_pictures(&shop, &admin, &pictures, enough);
            });
            be_elsewhere();
            throw_json(&shop, &json, enough);
        });
    });
    let (pictures, json) = (pictures.into_inner(), json.into_inner());
    println!("bombs: {pictures} pictures, {json} JSON bodies");
    assert!(pictures > 10 && json > 100, "nobody was attacked");
}

#[test]
#[ignore = "a measurement: run script/measure-bombs"]
fn measure_what_100_logins_at_once_cost_those_who_buy() {
    let (shop, _) = stocked();
    shop.customer("Crowd");
    let beside = measure(&shop, |enough| throw_logins(&shop, enough));
    // Two readers who never pause leave nothing of two cores: the limit is for a shop that has a moment.
    let alone = (0..CROWDS).map(|_| throw_a_hundred_logins(&shop)).collect();
    print_refusals("beside two readers who never pause", beside);
    print_refusals("(limit 10,000)", alone);
}

#[expect(clippy::print_stdout, reason = "what was measured is for people")]
fn print_refusals(when: &str, logins: Vec<(usize, Vec<u128>)>) {
    let (welcome, refused): (Vec<_>, Vec<_>) = logins.into_iter().unzip();
    let (welcome, mut refused) = (welcome.into_iter().sum::<usize>(), refused.concat());
    refused.sort_unstable();
    let (all, at) = (refused.len(), |share: usize| refused.get(refused.len() * share / 100));
    println!("100 logins at once: {welcome} got in, {all} were refused, in microseconds {when}:");
    println!("median {:?}, 99 % {:?}, longest {:?}", at(50), at(99), refused.last());
}
