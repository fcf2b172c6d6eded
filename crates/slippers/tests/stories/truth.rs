//! Writes under read load: every read that starts after a write was answered sees it, where it was written; elsewhere soon.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use slippers_testbed::Redis;
use slippers_testbed::postgres::{Database, Postgres};

use crate::crowd::at_once;
use crate::redis::instance;
use crate::shop::{Caller, Shop, eventually, within};

/// The longest that all writes take, on a machine that does much else.
const WRITING: Duration = Duration::from_secs(300);

/// Of every day; what was promised is held with [`ALL`] by `script/measure-truth`.
const SOME: i64 = 1_000;
const FEW: i64 = 300;
const ALL: i64 = 10_000;
/// How old what another instance shows may be.
const PROMISED: Duration = Duration::from_secs(1);
/// On a machine that does many other things at once.
const BUSY: Duration = Duration::from_secs(20);
/// Threads that read.
const READERS: usize = 3;

/// Instances on one database. Each has a product that is changed there and nowhere else.
struct Trial {
    shops: Vec<Shop>,
    admin: Caller,
    slippers: Vec<i64>,
    /// Of each product: when which value was acknowledged. Values count up from 1.
    acknowledged: Vec<Mutex<Vec<(Instant, i64)>>>,
    writing: AtomicUsize,
    written: AtomicI64,
    reads: AtomicU64,
    /// Nanoseconds of the longest time after which another instance still showed what was before.
    oldest: AtomicU64,
}

/// Tells the readers that a writer has ended, also by a failure.
struct Done<'w>(&'w AtomicUsize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Trial {
    fn new(shops: Vec<Shop>) -> Self {
        let admin = shops[0].admin();
        let product = |_: &Shop| {
            let id = shops[0].product(&admin, "Mu", &json!(1), 1);
            (id, Mutex::new(vec![(Instant::now(), 1)]))
        };
        let (slippers, acknowledged) = shops.iter().map(product).unzip();
        let trial = Self {
            writing: AtomicUsize::new(shops.len()),
            shops,
            admin,
            slippers,
            acknowledged,
            written: AtomicI64::new(0),
            reads: AtomicU64::new(0),
            oldest: AtomicU64::new(0),
        };
        for (number, shop) in trial.shops.iter().enumerate() {
            eventually("every instance knows the products", || {
                (shop.get(&format!("/slippers/{}", trial.slippers[number])).status == 200).then_some(())
            });
        }
        trial
    }

    /// So many writes in all, `meanwhile` beside them.
    fn run(&self, writes: i64, limit: Duration, meanwhile: impl Fn() + Sync) {
        let writers = self.shops.len();
        let each = writes / i64::try_from(writers).expect("a few");
        at_once(writers + READERS + 1, |hand| {
            if hand < writers {
                let _done = Done(&self.writing);
                (2..each + 2).for_each(|value| self.write(hand, value, limit));
            } else if hand < writers + READERS {
                let mut turn = hand;
                while self.is_writing() {
                    turn += 1;
                    self.read(turn % writers, (turn / 2) % writers, turn.is_multiple_of(3), limit);
                }
            } else {
                meanwhile();
            }
        });
        assert_eq!(self.written.load(Ordering::Relaxed), each * i64::try_from(writers).expect("a few"));
    }

    fn is_writing(&self) -> bool {
        self.writing.load(Ordering::Relaxed) > 0
    }

    /// Waits until so many were written, or will never be.
    fn wait_for(&self, writes: i64) {
        within(WRITING, "so many writes", || {
            let is_enough = self.written.load(Ordering::Relaxed) >= writes || !self.is_writing();
            is_enough.then_some(())
        });
    }

    fn write(&self, hand: usize, value: i64, limit: Duration) {
        let (shop, slipper) = (&self.shops[hand], self.slippers[hand]);
        let change = json!({"price": value, "quantity": value});
        shop.call(&self.admin, "PUT", &format!("/slippers/{slipper}"), &change).expect(200);
        self.acknowledged[hand].lock().expect("no poison").push((Instant::now(), value));
        self.written.fetch_add(1, Ordering::Relaxed);
        self.read(hand, hand, value % 2 == 0, limit);
    }

    /// Reads a product on an instance, in its own page or in the list.
    fn read(&self, at: usize, product: usize, in_list: bool, limit: Duration) {
        let slipper = self.slippers[product];
        let asked = Instant::now();
        let shown = if in_list { self.listed(at, slipper) } else { self.own_page(at, slipper) };
        self.reads.fetch_add(1, Ordering::Relaxed);
        let (price, shown) = (shown["price"].as_f64(), shown["quantity"].as_i64().expect("a quantity"));
        assert_eq!(price, i32::try_from(shown).ok().map(f64::from), "both or none of a change");
        // When the value behind the shown one was acknowledged, if that was before the question.
        let acknowledged = self.acknowledged[product].lock().expect("no poison");
        let next = acknowledged.get(usize::try_from(shown).expect("at least 1")).map(|(at, _)| *at);
        drop(acknowledged);
        let Some(age) = next.and_then(|next| asked.checked_duration_since(next)) else { return };
        assert_ne!(
            at, product,
            "{shown} was shown {age:?} after the next was answered here, list: {in_list}"
        );
        assert!(age <= limit, "{shown} was shown {age:?} after the next was answered elsewhere");
        self.oldest.fetch_max(u64::try_from(age.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn own_page(&self, at: usize, slipper: i64) -> Value {
        self.shops[at].get(&format!("/slippers/{slipper}")).expect(200).json()
    }

    fn listed(&self, at: usize, slipper: i64) -> Value {
        let page = self.shops[at].get("/slippers/?limit=100").expect(200).json();
        let items = page["items"].as_array().expect("items");
        items.iter().find(|item| item["id"] == slipper).expect("it is listed").clone()
    }

    #[expect(clippy::print_stdout, reason = "what was measured is for people")]
    fn tell(&self, what: &str) {
        println!(
            "{what}: {} writes, {} reads, none stale where it was written; the oldest elsewhere {:?}",
            self.written.load(Ordering::Relaxed),
            self.reads.load(Ordering::Relaxed),
            Duration::from_nanos(self.oldest.load(Ordering::Relaxed)),
        );
    }
}

#[test]
fn a_read_that_starts_after_a_write_was_answered_sees_it() {
    Trial::new(vec![Shop::open()]).run(SOME, Duration::ZERO, || ());
}

#[test]
#[ignore = "a measurement: run script/measure-truth"]
fn measure_ten_thousand_writes_on_one_instance() {
    let trial = Trial::new(vec![Shop::open()]);
    trial.run(ALL, Duration::ZERO, || ());
    trial.tell("one instance");
}

/// Two instances, whose Redis is killed and whose ears are cut off in the second third of the writes.
fn two_instances(writes: i64, limit: Duration) -> Trial {
    let cluster = Postgres::start().expect("PostgreSQL");
    let database = cluster.database().expect("an empty database");
    let redis = Redis::start(&[]).expect("Redis");
    let trial = Trial::new(vec![instance(&database, &redis, &[]), instance(&database, &redis, &[])]);
    let redis = Mutex::new(redis);
    trial.run(writes, limit, || {
        let mut redis = redis.lock().expect("no poison");
        trial.wait_for(writes / 3);
        eventually("somebody listens", || (cut_ears(&database) > 0).then_some(()));
        redis.kill_9().expect("killed");
        assert!(trial.is_writing(), "nothing was written without them");
        while trial.written.load(Ordering::Relaxed) < writes * 2 / 3 && trial.is_writing() {
            cut_ears(&database);
        }
        redis.restart().expect("it is back");
    });
    trial
}

/// Ends every connection on which somebody waits for word; answers how many.
fn cut_ears(database: &Database) -> usize {
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = 'slippers-listen'";
    database.query(cut).expect("an answer").trim().parse().expect("a number")
}

#[test]
fn between_instances_nothing_is_old_for_long_also_without_redis_and_without_a_word() {
    two_instances(FEW, BUSY);
}

#[test]
#[ignore = "a measurement: run script/measure-truth"]
fn between_instances_measure_ten_thousand_writes() {
    two_instances(ALL, PROMISED).tell("two instances, Redis killed and LISTEN cut in the middle");
}
