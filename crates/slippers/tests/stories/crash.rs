//! Power cuts: what was acknowledged stays, what was not is whole or absent.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::shop::{Caller, Shop, eventually};

const STOCK: i64 = 100_000;
const BUYERS: usize = 4;

/// Fills carts and orders until the program is gone; notes every order that was acknowledged.
fn buy_until_it_dies(
    shop: &Shop,
    buyer: &Caller,
    slipper: i64,
    acknowledged: &Mutex<Vec<String>>,
    gone: &AtomicBool,
) {
    let bearer = format!("Bearer {}", buyer.access);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let body = json!({"slipper_id": slipper, "quantity": 3}).to_string();
    while !gone.load(Ordering::SeqCst) {
        let _ = shop.try_send("POST", "/cart/items", &headers, Some(body.as_bytes()));
        if let Ok(answer) = shop.try_send("POST", "/orders/from-cart?clear_cart=true", &headers, None)
            && answer.status == 200
        {
            let id = answer.json()["order_id"].as_str().expect("a number").to_owned();
            acknowledged.lock().expect("no poison").push(id);
        }
    }
}

#[test]
fn c38_ten_crashes_among_orders_lose_nothing_that_was_acknowledged() {
    let mut shop = Shop::open_with(&[("ORDER_MAX_OPEN", "0")]);
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Cozy Home", &json!(25), STOCK);
    let buyers: Vec<_> = (0..BUYERS).map(|number| shop.customer(&format!("Buyer {number}"))).collect();
    let acknowledged = Mutex::new(Vec::new());
    for round in 0..10 {
        let gone = AtomicBool::new(false);
        let enough = acknowledged.lock().expect("no poison").len() + 10 + 3 * round;
        std::thread::scope(|scope| {
            for buyer in &buyers {
                scope.spawn(|| buy_until_it_dies(&shop, buyer, slipper, &acknowledged, &gone));
            }
            eventually("orders are acknowledged", || {
                (acknowledged.lock().expect("no poison").len() >= enough).then_some(())
            });
            shop.signal("KILL");
            gone.store(true, Ordering::SeqCst);
        });
        assert_eq!(shop.wait(), None, "it was killed");
        shop.rows().wait_for_the_dead();
        shop.restart();
        check(&shop, slipper, &acknowledged.lock().expect("no poison"));
    }
    assert!(shop.stock(slipper) < STOCK);
    // The same people go on where they were.
    shop.put_in_cart(&buyers[0], slipper, 1);
    shop.call(&buyers[0], "POST", "/orders/from-cart", &serde_json::Value::Null).expect(200);
}

/// The whole shop as the database holds it, seen beside the running program.
fn check(shop: &Shop, slipper: i64, acknowledged: &[String]) {
    let number = |sql: &str| shop.rows().number(sql);
    shop.rows().assert_whole();

    let sold = number(
        "SELECT coalesce(sum(i.quantity), 0) FROM order_items i JOIN orders o ON o.id = i.order_id WHERE o.status = 'PENDING'",
    );
    assert_eq!(shop.stock(slipper) + sold, STOCK, "no pair appears or vanishes");
    let orders = number("SELECT count(*) FROM orders");
    assert_eq!(
        number("SELECT count(DISTINCT order_id) FROM order_items"),
        orders,
        "no order without its lines"
    );
    assert_eq!(
        number(
            "SELECT count(*) FROM orders o WHERE total_minor <> (SELECT sum(total_minor) FROM order_items WHERE order_id = o.id)"
        ),
        0
    );
    for id in acknowledged {
        let found = number(&format!("SELECT count(*) FROM orders WHERE id = {id} AND status = 'PENDING'"));
        assert_eq!(found, 1, "order {id} was acknowledged and is lost");
    }
    // At most one for each buyer and crash was made without being acknowledged.
    let unacknowledged = orders - i64::try_from(acknowledged.len()).expect("few");
    assert!((0..=40).contains(&unacknowledged), "{unacknowledged} orders that nobody was told of");
}

#[test]
fn a_second_program_on_the_same_folder_does_no_harm() {
    let shop = Shop::open();
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Cozy Home", &json!(25), 10);
    let buyer = shop.customer("Dilnoza");
    shop.put_in_cart(&buyer, slipper, 1);
    // Commands open the database beside the running shop.
    let (code, _, errors) = shop.run(&["migrate", "up"], "");
    assert_eq!(code, 0, "{errors}");
    shop.call(&buyer, "POST", "/orders/from-cart", &serde_json::Value::Null).expect(200);
    assert_eq!(shop.stock(slipper), 9);
}
