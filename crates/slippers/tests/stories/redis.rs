//! Several instances with one Redis: pages and limits in common, and nothing lost when it is gone.

use std::time::Duration;

use serde_json::json;
use slippers_testbed::Redis;
use slippers_testbed::postgres::{self, Database};
use tempfile::TempDir;

use crate::shop::{Caller, Shop, eventually};

const SERVES: &str = "serves: pages and limits are shared";
const PASSED_BY: &str = "does not serve";

/// An instance on a database and a Redis.
pub(crate) fn instance(database: &Database, redis: &Redis, settings: &[(&str, &str)]) -> Shop {
    let (database, redis) = (database.url(), redis.url());
    let own = [
        ("DATABASE_URL", database.as_str()),
        ("DATABASE_POOL_SIZE", "4"),
        ("SECRET_KEY", "a-key-of-stories-that-is-not-used-anywhere-else"),
        ("REDIS_URL", redis.as_str()),
        ("SLIPPERS_LOG", "info"),
    ];
    let all: Vec<_> = own.iter().chain(settings).copied().collect();
    let shop = Shop::open_in(TempDir::new().expect("a folder"), &all);
    eventually("Redis is reached", || said(&shop, SERVES).checked_sub(1));
    shop
}

fn database() -> Database {
    postgres::shared().expect("PostgreSQL").database().expect("an empty database")
}

/// How often something was said.
fn said(shop: &Shop, what: &str) -> usize {
    shop.said().matches(what).count()
}

fn price(shop: &Shop, slipper: i64) -> Option<f64> {
    shop.get(&format!("/slippers/{slipper}")).expect(200).json()["price"].as_f64()
}

/// Changes a product on one instance and holds that it is seen there at once, and on the other one soon.
fn change(here: &Shop, there: &Shop, admin: &Caller, slipper: i64, to: i32) {
    let path = format!("/slippers/{slipper}");
    here.call(admin, "PUT", &path, &json!({"price": to})).expect(200);
    assert_eq!(price(here, slipper), Some(to.into()), "what was answered is seen");
    eventually("the other instance hears of it", || (price(there, slipper) == Some(to.into())).then_some(()));
}

#[test]
fn pages_come_from_other_instances_and_are_never_old() {
    // A cluster of its own: transactions that others leave open hold back what can be shared.
    let cluster = postgres::Postgres::start().expect("PostgreSQL");
    let database = cluster.database().expect("an empty database");
    let redis = Redis::start(&[]).expect("Redis");
    let (one, two) = (instance(&database, &redis, &[]), instance(&database, &redis, &[]));
    let admin = one.admin();
    let slipper = one.product(&admin, "Комфорт", &json!(25), 3);
    let identity = database
        .query(
            "SELECT concat_ws('-', system_identifier, oid, substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))
             FROM pg_control_system(), pg_database WHERE datname = current_database()",
        )
        .expect("the database's name");
    let version = env!("CARGO_PKG_VERSION");
    // A blank behind a page in Redis changes nothing of its sense, and shows where it has come from. Each time it is a page
    // that nobody has asked for yet.
    let mut skip = 0;
    eventually("a page of one instance is sent by the other", || {
        skip += 1;
        let path = format!("/categories/?skip={skip}&limit=5");
        let key = format!("slippers:page:{version}:{}:categories:{skip}:5", identity.trim());
        one.get(&path).expect(200);
        if redis.ask(&format!("EXISTS {key}")).expect("an answer") == ":1" {
            redis.ask(&format!("APPEND {key} \" \"")).expect("an answer");
        }
        two.get(&path).expect(200).body.ends_with(b" ").then_some(())
    });
    for round in 1..=20 {
        let (here, there) = if round % 2 == 0 { (&one, &two) } else { (&two, &one) };
        change(here, there, &admin, slipper, 100 + round);
    }
    assert_eq!(redis.ask("FLUSHALL").expect("an answer"), "+OK");
    change(&one, &two, &admin, slipper, 500);
}

#[test]
fn a_redis_that_dies_or_freezes_costs_nothing_but_help_and_comes_back() {
    let (database, mut redis) = (database(), Redis::start(&[]).expect("Redis"));
    let (one, two) = (instance(&database, &redis, &[]), instance(&database, &redis, &[]));
    let admin = one.admin();
    let slipper = one.product(&admin, "Комфорт", &json!(25), 3);
    change(&one, &two, &admin, slipper, 1);
    for round in 0..2 {
        let is_killed = round == 0;
        if is_killed { redis.kill_9() } else { redis.freeze() }.expect("gone");
        for step in 0..5 {
            change(&one, &two, &admin, slipper, 10 * (round + 1) + step);
            change(&two, &one, &admin, slipper, 100 * (round + 1) + step);
        }
        for shop in [&one, &two] {
            eventually("it is noticed", || {
                shop.get(&format!("/slippers/?skip={round}")).expect(200);
                (said(shop, PASSED_BY) > said(shop, SERVES) - 1).then_some(())
            });
        }
        let told = said(&one, PASSED_BY);
        change(&one, &two, &admin, slipper, 1000 + round);
        assert_eq!(said(&one, PASSED_BY), told, "once for each absence");
        let before = [said(&one, SERVES), said(&two, SERVES)];
        if is_killed { redis.restart() } else { redis.thaw() }.expect("back");
        for (shop, before) in [&one, &two].into_iter().zip(before) {
            eventually("it comes back", || (said(shop, SERVES) > before).then_some(()));
        }
        change(&two, &one, &admin, slipper, 2000 + round);
    }
}

/// Waits until both instances know of each other: what is counted alone, since an answer came too late, is counted against a
/// share by what an instance knows, and one that believes to be alone would take the whole limit.
fn introduced(redis: &Redis) {
    // Each tells that it is there once a second, with the time of Redis's clock, and is told then how many are.
    let now = redis.ask("EVAL \"return tonumber(redis.call('TIME')[1])\" 0").expect("the time");
    let later = format!("ZCOUNT slippers:instances ({} +inf", now.trim_start_matches(':'));
    eventually("both hear how many they are", || (redis.ask(&later).ok()? == ":2").then_some(()));
}

/// How many of so many requests pass.
fn passed(shop: &Shop, requests: usize) -> usize {
    (0..requests).filter(|_| shop.get("/categories/").status == 200).count()
}

#[test]
fn a_limit_is_one_for_all_instances_and_a_share_when_they_can_t_hear_of_each_other() {
    let (database, redis) = (database(), Redis::start(&[]).expect("Redis"));
    let limits = [("RATE_LIMIT_REQUESTS", "20"), ("RATE_LIMIT_WINDOW_SEC", "86400")];
    let one = instance(&database, &redis, &limits);
    let two = instance(&database, &redis, &limits);
    introduced(&redis);
    // An answer that comes too late on a busy machine is not waited for, and counted alone: so a few more may pass.
    let all = passed(&one, 8) + passed(&two, 60) + passed(&one, 60);
    assert!((15..=35).contains(&all), "{all} passed of 20; of two limits 40 would have");
    // Counted alone it is served, from a share of ten at most.
    let refused = (0..11).map(|_| one.get("/categories/")).find(|answer| answer.status != 200);
    let refused = refused.expect("a refusal").expect_error(429, "Too many requests");
    assert!(refused.header("retry-after").is_some() && refused.header("x-ratelimit-limit") == Some("20"));
    assert_ne!(limits_counted(&redis), ":0", "they are counted there");
    redis.kill_9().expect("killed");
    let alone = eventually("it is noticed", || Some(passed(&two, 60)).filter(|_| said(&two, PASSED_BY) > 0));
    assert!(alone <= 20, "{alone} passed: each has its share of 20");
}

#[test]
fn a_trusted_caller_s_limit_is_one_for_all_instances() {
    let (database, redis) = (database(), Redis::start(&[]).expect("Redis"));
    let limits = [
        ("RATE_LIMIT_REQUESTS", "3"),
        ("RATE_LIMIT_WINDOW_SEC", "86400"),
        ("TRUSTED_CALLERS", "127.0.0.1"),
        ("TRUSTED_CALLERS_RATE_LIMIT", "20"),
    ];
    let (one, two) = (instance(&database, &redis, &limits), instance(&database, &redis, &limits));
    introduced(&redis);
    let all = passed(&one, 8) + passed(&two, 60) + passed(&one, 60);
    // By themselves they would let 40 pass; an answer that comes too late on a busy machine is counted alone.
    assert!((15..=35).contains(&all), "{all} passed of 20");
    assert_ne!(limits_counted(&redis), ":0", "they are counted there");
}

/// How many keys there are limits for, as Redis says it.
fn limits_counted(redis: &Redis) -> String {
    redis.ask("EVAL \"return #redis.call('KEYS', 'slippers:limit:*')\" 0").expect("an answer")
}

#[test]
fn sign_ins_are_counted_in_common() {
    let (database, redis) = (database(), Redis::start(&[]).expect("Redis"));
    let limits = [("LOGIN_RATE_LIMIT", "12"), ("LOGIN_RATE_WINDOW_SEC", "86400")];
    let (one, two) = (instance(&database, &redis, &limits), instance(&database, &redis, &limits));
    introduced(&redis);
    let tries = |shop: &Shop| {
        let body = json!({"name": "Nobody", "password": "wrong-password"});
        (0..12).filter(|_| shop.post("/auth/login", &body).status != 429).count()
    };
    // By itself each would have its half, and without a share all 12; an answer that comes too late on a busy machine is
    // counted alone.
    let (first, second) = (tries(&one), tries(&two));
    assert!(first >= 9 && first + second <= 21, "{first} and {second} tries of a limit of 12");
    assert_ne!(limits_counted(&redis), ":0", "they are counted there");
}

#[test]
fn a_wrong_password_is_told_once_and_the_shop_sells_all_the_same() {
    let redis = Redis::start(&[]).expect("Redis");
    assert_eq!(redis.ask("CONFIG SET requirepass right").expect("an answer"), "+OK");
    let url = format!("redis://:hunter2@127.0.0.1:{}/", redis.port());
    let shop = Shop::open_with(&[("REDIS_URL", &url), ("SLIPPERS_LOG", "info")]);
    eventually("it is noticed", || said(&shop, PASSED_BY).checked_sub(1));
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Комфорт", &json!(25), 3);
    assert_eq!(shop.stock(slipper), 3);
    // Several more attempts go by.
    let later = std::time::Instant::now() + Duration::from_millis(1500);
    while std::time::Instant::now() < later {
        shop.get("/slippers/").expect(200);
    }
    assert_eq!((said(&shop, PASSED_BY), said(&shop, SERVES)), (1, 0), "{}", shop.said());
    assert!(!shop.said().contains("hunter2"));
}

/// A Redis with a certificate for 127.0.0.1, and a file that vouches for it.
fn encrypted(folder: &TempDir) -> (Redis, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let redis = Redis::start_encrypted(&made.cert.pem(), &made.signing_key.serialize_pem());
    (redis.expect("Redis with TLS"), authority(folder, "authority.pem", &made.cert.pem()))
}

#[expect(clippy::disallowed_methods, reason = "a story may wait for the disk")]
fn authority(folder: &TempDir, name: &str, pem: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, pem).expect("a file");
    path.display().to_string()
}

#[test]
fn a_redis_behind_tls_helps_like_any_other_and_comes_back() {
    let folder = TempDir::new().expect("a folder");
    let (mut redis, trusted) = encrypted(&folder);
    let url = redis.encrypted_url("127.0.0.1").expect("it speaks TLS");
    let shop = Shop::open_with(&[("REDIS_URL", &url), ("SSL_CERT_FILE", &trusted), ("SLIPPERS_LOG", "info")]);
    // On a busy machine the first answer can come too late.
    let last = |what: &str| shop.said().rfind(what);
    for _ in 0..2 {
        eventually("it is reached", || (last(SERVES) > last(PASSED_BY)).then_some(()));
        // One whose answer comes too late on a busy machine is counted alone.
        eventually("a sign-in is counted there", || {
            shop.post("/auth/login", &json!({"name": "Nobody", "password": "wrong-password"}));
            (limits_counted(&redis) != ":0").then_some(())
        });
        redis.kill_9().expect("killed");
        eventually("it is noticed", || (last(PASSED_BY) > last(SERVES)).then_some(()));
        redis.restart().expect("back");
    }
}

#[test]
fn a_redis_whose_certificate_is_not_trusted_hears_no_password() {
    let folder = TempDir::new().expect("a folder");
    let (redis, trusted) = encrypted(&folder);
    let stranger = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let other = authority(&folder, "other.pem", &stranger.cert.pem());
    // Of an authority that nobody knows, and of one that is known, for another name.
    for (host, authority) in [("127.0.0.1", &other), ("localhost", &trusted)] {
        let url = redis.encrypted_url(&format!(":hunter2@{host}")).expect("it speaks TLS");
        let shop =
            Shop::open_with(&[("REDIS_URL", &url), ("SSL_CERT_FILE", authority), ("SLIPPERS_LOG", "info")]);
        eventually("it is noticed", || said(&shop, PASSED_BY).checked_sub(1));
        let told = shop.said();
        assert!(told.contains("certificate") && !told.contains("hunter2"), "{told}");
        let admin = shop.admin();
        let slipper = shop.product(&admin, "Комфорт", &json!(25), 3);
        assert_eq!((shop.stock(slipper), said(&shop, SERVES)), (3, 0));
    }
    let greetings = "EVAL \"local said = redis.call('INFO', 'commandstats') return (said:find('cmdstat_auth') or said:find('cmdstat_hello')) or 0\" 0";
    assert_eq!(redis.ask(greetings).expect("an answer"), ":0");
}
