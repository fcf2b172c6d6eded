//! Orders at full speed and the list of products beside them: what is sold out is never shown as available, and the list
//! stays fast.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::crowd::at_once;
use crate::faults::Over;
use crate::shop::{Caller, Shop};

/// Who buys beside the product that is looked at.
const BUYERS: usize = 3;
/// The same for the measurement: so many can place 500 orders a second where an order takes less than 30 ms.
const MANY_BUYERS: usize = 16;
const STOCK: i64 = 1_000_000;
/// Kept pages and orders of a measurement's round.
const ROUND: Duration = Duration::from_secs(5);
const ROUNDS: usize = 5;
const ORDERS_PER_SECOND: u32 = 500;

struct Market {
    shop: Shop,
    admin: Caller,
    buyers: Vec<Caller>,
    /// What everybody buys.
    popular: i64,
    /// What is sold out again and again.
    scarce: i64,
}

impl Market {
    fn open(buyers: usize) -> Self {
        let shop = Shop::open_with(&[("ORDER_MAX_OPEN", "0"), ("RATE_LIMIT_REQUESTS", "1000000000")]);
        let admin = shop.admin();
        let products: Vec<i64> =
            (0..20).map(|number| shop.product(&admin, &format!("Mu {number}"), &json!(10), STOCK)).collect();
        let buyers = (0..=buyers).map(|number| shop.customer(&format!("Buyer {number}"))).collect();
        Self { shop, admin, buyers, popular: products[18], scarce: products[19] }
    }

    fn order(&self, buyer: &Caller, slipper: i64) -> Value {
        self.shop.put_in_cart(buyer, slipper, 1);
        self.shop.call(buyer, "POST", "/orders/from-cart?clear_cart=true", &Value::Null).expect(200).json()
    }

    fn listed(&self) -> Value {
        let page = self.shop.get("/slippers/").expect(200).json();
        let items = page["items"].as_array().expect("items");
        items.iter().find(|item| item["id"] == self.scarce).expect("it is listed").clone()
    }

    /// Two pairs come, and go one by one; of an order in two, the last is given back.
    fn sell_out(&self, buyer: &Caller, round: usize) {
        let path = format!("/slippers/{}", self.scarce);
        self.shop.call(&self.admin, "PUT", &path, &json!({"quantity": 2})).expect(200);
        assert_eq!(self.listed()["is_available"], true, "round {round}");
        for left in [1, 0] {
            let order = self.order(buyer, self.scarce);
            assert_eq!(self.shop.stock(self.scarce), left, "round {round}: its own page never lags");
            assert_eq!(self.listed()["is_available"], left > 0, "round {round}");
            if left == 0 && round.is_multiple_of(2) {
                let path = format!("/orders/{}", order["order_id"].as_str().expect("an id"));
                self.shop.call(buyer, "PUT", &path, &json!({"status": "CANCELLED"})).expect(200);
                assert_eq!(self.listed()["is_available"], true, "round {round}: one is back");
            }
        }
    }
}

#[test]
fn a_sold_out_product_is_never_shown_as_available_however_many_orders_come() {
    let market = Market::open(BUYERS);
    let over = AtomicBool::new(false);
    at_once(BUYERS + 1, |hand| {
        let buyer = &market.buyers[hand];
        if hand < BUYERS {
            while !over.load(Ordering::SeqCst) {
                market.order(buyer, market.popular);
            }
        } else {
            let _over = Over(&over);
            (0..50).for_each(|round| market.sell_out(buyer, round));
        }
    });
}

/// Kept lists a second that `wrk` gets meanwhile.
fn lists_per_second(market: &Market) -> f64 {
    let url = format!("http://{}/slippers/", market.shop.address());
    let duration = format!("-d{}s", ROUND.as_secs());
    let ran = Command::new("wrk").args(["-t1", "-c64", &duration, &url]).output();
    let said = ran.expect("wrk runs; Fix: sudo apt-get install wrk").stdout;
    let said = String::from_utf8_lossy(&said);
    assert!(!said.contains("Non-2xx"), "{said}");
    let rate = said.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:"));
    rate.and_then(|rate| rate.trim().parse().ok()).unwrap_or_else(|| panic!("no rate: {said}"))
}

/// The same while 500 orders a second are placed and a product is sold out; answers also the orders a second, and how often
/// it was sold out.
fn lists_per_second_beside_orders(market: &Market) -> (f64, f64, usize) {
    let (over, placed, begun) = (AtomicBool::new(false), AtomicU32::new(0), Instant::now());
    let all = at_once(MANY_BUYERS + 2, |hand| {
        if hand == MANY_BUYERS + 1 {
            let _over = Over(&over);
            return (lists_per_second(market), begun.elapsed().as_secs_f64(), 0);
        }
        let buyer = &market.buyers[hand];
        let mut rounds = 0;
        while !over.load(Ordering::SeqCst) {
            if hand == MANY_BUYERS {
                market.sell_out(buyer, rounds);
                rounds += 1;
            } else {
                let due = begun
                    + Duration::from_secs(1) / ORDERS_PER_SECOND * placed.fetch_add(1, Ordering::SeqCst);
                #[expect(
                    clippy::disallowed_methods,
                    reason = "orders come at their times, whatever became of others"
                )]
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                market.order(buyer, market.popular);
            }
        }
        (0.0, 0.0, rounds)
    });
    let (rate, took, _) = all[MANY_BUYERS + 1];
    (rate, f64::from(placed.load(Ordering::SeqCst)) / took, all[MANY_BUYERS].2)
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// Of a machine that does nothing else; `script/measure-orders-and-list` runs it against a release build.
#[test]
#[ignore = "a measurement: run script/measure-orders-and-list"]
#[expect(clippy::print_stdout, reason = "what was measured is for people")]
fn measure_the_list_beside_five_hundred_orders_a_second() {
    let market = Market::open(MANY_BUYERS);
    let (mut alone, mut beside, mut orders, mut rounds) = (vec![], vec![], vec![], 0);
    for _ in 0..ROUNDS {
        alone.push(lists_per_second(&market));
        let (rate, placed, sold_out) = lists_per_second_beside_orders(&market);
        println!("alone {:.0}/s, beside {placed:.0} orders/s {rate:.0}/s", alone[alone.len() - 1]);
        beside.push(rate);
        orders.push(placed);
        rounds += sold_out;
    }
    let (alone, beside, orders) = (median(alone), median(beside), median(orders));
    println!(
        "kept lists a second: {alone:.0} alone, {beside:.0} beside {orders:.0} orders a second, ratio {:.2} (limit 0.5); a product was \
         sold out {rounds} times and never shown as available after",
        beside / alone
    );
    assert!(orders >= f64::from(ORDERS_PER_SECOND) * 0.98, "{orders} orders a second");
    assert!(beside >= alone * 0.5, "{beside} of {alone}");
    assert!(rounds > 0, "nothing was sold out");
}
