//! A primary whose replicas are behind: who has written reads what they wrote, wherever they ask; who only looks around
//! is answered by the replicas.

use std::time::Duration;

use serde_json::{Value, json};
use slippers_testbed::postgres::{Database, Postgres};
use tempfile::TempDir;

use crate::shop::{Answer, Caller, Shop, eventually};

const HEADER: &str = "x-slippers-consistency";
const KEY: &str = "a-key-of-stories-that-is-not-used-anywhere-else";
/// How far behind the replicas are.
const DELAY: Duration = Duration::from_millis(1500);

pub(crate) struct Stage {
    pub(crate) shops: Vec<Shop>,
    pub(crate) admin: Caller,
    pub(crate) replicas: Vec<Postgres>,
    // In this order: a database is removed while its server runs.
    pub(crate) database: Database,
    pub(crate) primary: Postgres,
}

/// So many instances of a shop, on a primary with replicas of these delays.
pub(crate) fn stage(instances: usize, delays: &[Duration]) -> Stage {
    let primary = Postgres::start().expect("a primary");
    let database = primary.database().expect("a database");
    let replicas: Vec<_> = delays.iter().map(|delay| primary.replica(*delay).expect("a replica")).collect();
    let urls: Vec<String> = replicas.iter().map(|replica| replica.url_of(database.name())).collect();
    let (url, urls) = (database.url(), urls.join(","));
    let settings = [
        ("DATABASE_URL", url.as_str()),
        ("DATABASE_REPLICA_URLS", urls.as_str()),
        ("DATABASE_POOL_SIZE", "10"),
        ("SECRET_KEY", KEY),
        ("ORDER_MAX_OPEN", "0"),
        // Each page is asked of the database, and none is only kept.
        ("CACHE_MAX_BYTES", "0"),
    ];
    let open = |_| Shop::on_a_file(TempDir::new().expect("a folder"), &settings, &[]);
    let shops: Vec<Shop> = (0..instances).map(open).collect();
    let admin = shops[0].admin();
    let stage = Stage { shops, admin, replicas, database, primary };
    for shop in &stage.shops {
        for name in 0..delays.len() {
            eventually("the replica is used", || (stage.standing(shop, name) == "in_use").then_some(()));
        }
    }
    stage
}

impl Stage {
    pub(crate) fn standing(&self, shop: &Shop, replica: usize) -> String {
        let answer = shop.call(&self.admin, "GET", "/admin/db-pool-status", &Value::Null);
        if answer.status == 503 {
            // While there is no primary nobody can be known to be an admin.
            return "nobody knows".to_owned();
        }
        let status = answer.expect(200).json();
        let name = format!("127.0.0.1:{}", self.replicas[replica].port());
        let all = status["replicas"].as_array().expect("replicas");
        let found = all.iter().find(|found| found["name"] == name.as_str()).expect("the replica");
        found["standing"].as_str().expect("a text").to_owned()
    }

    /// Rows that a replica has read of the table of products, as it counts them some time later.
    pub(crate) fn reads_of(&self, replica: usize) -> i64 {
        let sql = "SELECT coalesce(seq_scan, 0) + coalesce(idx_scan, 0) FROM pg_stat_user_tables
                   WHERE relname = 'slippers'";
        let rows = self.replicas[replica].query(self.database.name(), sql).expect("a count");
        rows.trim().parse().expect("a number")
    }
}

/// Asks as the caller, who sends back what they were told or does not.
fn ask(shop: &Shop, caller: &Caller, path: &str, told: Option<&str>) -> Value {
    let bearer = format!("Bearer {}", caller.access);
    let mut headers = vec![("authorization", bearer.as_str())];
    headers.extend(told.map(|told| (HEADER, told)));
    // A look at the replicas that takes most of a second on a busy machine is not waited for.
    let mut answers = (0..3).map(|_| shop.send("GET", path, &headers, None));
    let answer = answers.find(|answer| answer.status != 503);
    answer.expect("one of three is served").expect(200).json()
}

fn told(answer: &Answer) -> String {
    answer.header(HEADER).unwrap_or_else(|| panic!("no position: {answer:?}")).to_owned()
}

#[test]
fn who_has_written_reads_it_a_thousand_times_wherever_they_ask() {
    let stage = stage(2, &[DELAY]);
    let [here, there] = &stage.shops[..] else { panic!("two instances") };
    let product = here.product(&stage.admin, "Clog", &json!(10), 100_000);
    let buyer = here.customer("Nodira");
    let mut right = 0;
    // The same instance; another that is told; another that is not.
    let mut hold = |path: &str, caller: &Caller, told: &str, is_right: &dyn Fn(&Value) -> bool| {
        for (shop, told) in [(here, None), (there, Some(told)), (there, None)] {
            let seen = ask(shop, caller, path, told);
            assert!(is_right(&seen), "{path} after {right} right ones: {seen}");
            right += 1;
        }
    };
    for round in 1..=250_i64 {
        let add = json!({"slipper_id": product, "quantity": round % 3 + 1});
        let added = here.call(&buyer, "POST", "/cart/items", &add).expect(200);
        let wanted = added.json()["items"].clone();
        hold("/cart", &buyer, &told(&added), &|cart| cart["items"] == wanted);

        let path = format!("/slippers/{product}");
        let name = format!("Clog {round}");
        let changed = here.call(&stage.admin, "PUT", &path, &json!({"name": name})).expect(200);
        hold(&path, &stage.admin, &told(&changed), &|slipper| slipper["name"] == name.as_str());

        let placed = here.call(&buyer, "POST", "/orders/from-cart?clear_cart=true", &Value::Null);
        let order = placed.expect(200);
        let (order, told_of) = (order.json()["order_id"].as_str().expect("a text").to_owned(), told(&order));
        hold("/orders/", &buyer, &told_of, &|orders| orders[0]["order_id"] == order.as_str());
        let cancel = json!({"status": "CANCELLED"});
        let path = format!("/orders/{order}");
        let cancelled = here.call(&buyer, "PUT", &path, &cancel).expect(200);
        hold(&path, &buyer, &told(&cancelled), &|order| order["status"] == "CANCELLED");
    }
    assert_eq!(right, 3 * 1000, "a thousand in each of the ways");
}

#[test]
fn who_writes_now_here_and_now_there_reads_it_too() {
    let stage = stage(2, &[DELAY]);
    let [here, there] = &stage.shops[..] else { panic!("two instances") };
    let product = here.product(&stage.admin, "Clog", &json!(10), 100_000);
    let buyer = here.customer("Nodira");
    let mut total = 0;
    for round in 0..40 {
        let (one, other) = if round % 2 == 0 { (here, there) } else { (there, here) };
        one.put_in_cart(&buyer, product, 1);
        total += 1;
        for shop in [other, one] {
            assert_eq!(ask(shop, &buyer, "/cart", None)["items"][0]["quantity"], total, "round {round}");
        }
    }
}

#[test]
fn who_looks_around_is_answered_by_the_replicas_and_never_by_one_that_lacks_a_change_made_here() {
    let stage = stage(1, &[Duration::ZERO, DELAY]);
    let shop = &stage.shops[0];
    let products: Vec<i64> =
        (0..10).map(|number| shop.product(&stage.admin, &format!("Clog {number}"), &json!(10), 10)).collect();
    // Different pages are asked of different replicas; both get some once the late one has them all.
    eventually("both replicas answer", || {
        for id in &products {
            shop.get(&format!("/slippers/{id}")).expect(200);
        }
        (stage.reads_of(0) > 50 && stage.reads_of(1) > 50).then_some(())
    });
    for round in 0..30 {
        for id in &products {
            let name = format!("Slide {round}");
            let path = format!("/slippers/{id}");
            shop.call(&stage.admin, "PUT", &path, &json!({"name": name})).expect(200);
            assert_eq!(shop.get(&path).expect(200).json()["name"], name.as_str(), "{path}");
        }
    }
}

#[test]
fn where_one_instance_is_alone_replicas_answer_people_too_and_never_too_early() {
    let stage = stage(1, &[Duration::from_millis(300)]);
    let shop = &stage.shops[0];
    let product = shop.product(&stage.admin, "Clog", &json!(10), 100_000);
    let buyer = shop.customer("Nodira");
    shop.put_in_cart(&buyer, product, 1);
    let carts = "SELECT coalesce(seq_scan, 0) + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = 'carts'";
    let asked = || stage.replicas[0].query(stage.database.name(), carts).expect("a count");
    eventually("a replica answers for the cart", || {
        ask(shop, &buyer, "/cart", None);
        (asked().trim() != "0").then_some(())
    });
    for round in 2..60 {
        shop.put_in_cart(&buyer, product, 1);
        assert_eq!(ask(shop, &buyer, "/cart", None)["items"][0]["quantity"], round);
    }
}

#[test]
fn a_killed_replica_is_not_noticed_and_is_used_again_when_it_is_back() {
    let mut stage = stage(1, &[Duration::ZERO, Duration::ZERO]);
    let products: Vec<i64> = (0..8)
        .map(|number| stage.shops[0].product(&stage.admin, &format!("Clog {number}"), &json!(10), 10))
        .collect();
    let look_around = |shop: &Shop| {
        for id in &products {
            shop.get(&format!("/slippers/{id}")).expect(200);
        }
    };
    look_around(&stage.shops[0]);
    stage.replicas[0].server().kill_9().expect("killed");
    eventually("it is taken out", || {
        look_around(&stage.shops[0]);
        (stage.standing(&stage.shops[0], 0) == "out").then_some(())
    });
    stage.replicas[0].restart().expect("it is back");
    eventually("it is used again", || {
        look_around(&stage.shops[0]);
        (stage.standing(&stage.shops[0], 0) == "in_use").then_some(())
    });
}
