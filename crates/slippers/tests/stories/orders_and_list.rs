//! Orders at full speed and the list of products beside them: what is sold out is never shown as available.
//! `script/measure-orders-and-list` measures that the list stays fast.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::crowd::at_once;
use crate::faults::Over;
use crate::shop::{Caller, Shop};

/// Who buys beside the product that is looked at.
const BUYERS: usize = 3;
const STOCK: i64 = 1_000_000;

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
