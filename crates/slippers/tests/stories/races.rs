//! Crowds: what many do at once comes out as if they had come one by one.

use serde_json::{Value, json};

use crate::crowd::{a_few_at_a_time, at_once};
use crate::shop::{Answer, Caller, PASSWORD, Shop};
use crate::wire::{self, Line};

fn place(shop: &Shop, caller: &Caller) -> Answer {
    shop.call(caller, "POST", "/orders/from-cart", &Value::Null)
}

fn number_of(shop: &Shop, table: &str) -> i64 {
    shop.rows().number(&format!("SELECT count(*) FROM {table}"))
}

#[test]
fn sixty_buyers_race_for_thirty_seven_pairs() {
    let shop = Shop::open();
    let admin = shop.admin();
    let slipper = shop.product(&admin, "The Last Mules", &json!(25), 37);
    let buyers = a_few_at_a_time(60, |number| {
        let buyer = shop.customer(&format!("Buyer {number}"));
        shop.put_in_cart(&buyer, slipper, 1);
        buyer
    });
    let answers = at_once(buyers.len(), |number| place(&shop, &buyers[number]));
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((won.len(), lost.len()), (37, 23));
    for answer in lost {
        assert_eq!(answer.status, 409, "{}", answer.text());
        assert!(answer.detail().contains("The Last Mules"), "{}", answer.detail());
    }
    assert_eq!(shop.stock(slipper), 0);
    let orders = shop.call(&admin, "GET", "/orders/", &Value::Null).expect(200).json();
    let sold: i64 = orders
        .as_array()
        .expect("orders")
        .iter()
        .map(|order| order["items"][0]["quantity"].as_i64().expect("pairs"))
        .sum();
    assert_eq!(sold, 37);
    // Who lost can still have what another gives back.
    let id = orders[0]["id"].to_string();
    shop.call(&admin, "PUT", &format!("/orders/{id}"), &json!({"status": "CANCELLED"})).expect(200);
    let again = at_once(buyers.len(), |number| place(&shop, &buyers[number]).status);
    // 36 are answered their order again; of those without one exactly one gets the pair.
    assert_eq!(again.iter().filter(|status| **status == 200).count(), 37);
    assert!(again.iter().all(|status| [200, 409].contains(status)), "{again:?}");
    assert_eq!(shop.stock(slipper), 0);
}

#[test]
fn a_cart_that_is_sent_six_times_at_once_is_one_order() {
    let shop = Shop::open();
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Cozy Home", &json!(25), 1000);
    let buyer = shop.customer("Impatient");
    for (round, path) in ["/orders/from-cart", "/orders/from-cart?clear_cart=true"].into_iter().enumerate() {
        shop.put_in_cart(&buyer, slipper, 3);
        let before = shop.stock(slipper);
        let answers = at_once(6, |_| shop.call(&buyer, "POST", path, &Value::Null).expect(200).json());
        let quantity = answers[0]["items"][0]["quantity"].as_i64().expect("pairs");
        assert!(answers.iter().all(|answer| answer["order_id"] == answers[0]["order_id"]), "{answers:?}");
        assert_eq!(shop.stock(slipper), before - quantity);
        let listed = shop.call(&buyer, "GET", "/orders/", &Value::Null);
        assert_eq!(listed.header("x-total-count"), Some((round + 1).to_string().as_str()));
    }
}

#[test]
fn one_key_at_once_is_one_order() {
    let shop = Shop::open();
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Cozy Home", &json!(25), 1000);
    let buyer = shop.customer("Impatient");
    shop.put_in_cart(&buyer, slipper, 3);
    let bearer = format!("Bearer {}", buyer.access);
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "once")];
    let answers = at_once(8, |_| {
        // Each changes the cart, so that only the key makes them one.
        shop.put_in_cart(&buyer, slipper, 1);
        shop.send("POST", "/orders/from-cart", &headers, None).expect(200).json()
    });
    assert!(answers.iter().all(|answer| answer["order_id"] == answers[0]["order_id"]), "{answers:?}");
    assert_eq!(number_of(&shop, "orders"), 1);
}

#[test]
fn e55_the_first_look_of_fifty_at_once_makes_one_cart() {
    let shop = Shop::open();
    let buyer = shop.customer("Everywhere");
    let carts = at_once(50, |_| shop.call(&buyer, "GET", "/cart", &Value::Null).expect(200).json());
    assert!(carts.iter().all(|cart| cart == &carts[0]), "{carts:?}");
    assert_eq!(number_of(&shop, "carts"), 1);
}

#[test]
fn a_thousand_that_put_something_into_a_new_cart_make_one_cart() {
    const CROWD: usize = 1000;
    // All wait for one row: as long as the story has patience.
    let shop = Shop::open_with(&[("DATABASE_POOL_TIMEOUT", "25")]);
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Cozy Home", &json!(25), 10);
    let buyer = shop.customer("Dilnoza");
    let bearer = format!("Bearer {}", buyer.access);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let body = json!({"slipper_id": slipper, "quantity": 1}).to_string();
    let request = wire::request("POST", "/cart/items", &headers, body.as_bytes());
    // All are connected and all but the last byte is sent before the first is let go.
    let (all_but_one, last) = request.split_at(request.len() - 1);
    let mut lines: Vec<Line> = (0..CROWD).map(|_| Line::open(&shop)).collect();
    lines.iter_mut().for_each(|line| line.say(all_but_one));
    lines.iter_mut().for_each(|line| line.say(last));
    let statuses: Vec<u16> =
        lines.iter_mut().map(|line| line.hear().map_or(0, |answer| answer.status)).collect();
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    let taken = statuses.iter().filter(|status| **status == 200).count();
    assert!(taken > CROWD / 2, "{taken}");
    assert_eq!(number_of(&shop, "carts"), 1);
    let cart = shop.call(&buyer, "GET", "/cart", &Value::Null).expect(200).json();
    assert_eq!(cart["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(cart["items"][0]["quantity"], taken, "what was answered was added, once each");
}

#[test]
fn e56_pairs_that_are_added_at_once_add_up_in_one_line() {
    let shop = Shop::open();
    let admin = shop.admin();
    let slippers = [0, 1].map(|number| shop.product(&admin, &format!("Model {number}"), &json!(25), 10));
    let buyer = shop.customer("Everywhere");
    at_once(40, |number| shop.put_in_cart(&buyer, slippers[number % 2], 3));
    let cart = shop.call(&buyer, "GET", "/cart", &Value::Null).expect(200).json();
    let lines = cart["items"].as_array().expect("lines");
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line["quantity"] == 60), "{cart}");
    assert_eq!(number_of(&shop, "carts"), 1);
}

#[test]
fn b13_one_name_and_one_phone_registered_at_once_are_one_person() {
    let shop = Shop::open();
    let register = |name: &str, phone: &str| {
        let body = json!({"name": name, "surname": "Doe", "phone_number": phone,
            "password": PASSWORD, "confirm_password": PASSWORD});
        shop.post("/auth/register", &body)
    };
    for round in 0..2 {
        let answers = at_once(8, |number| match round {
            0 => register("Same Name", &format!("+99890111000{number}")),
            _ => register(&format!("Name {number}"), "+998902220000"),
        });
        let taken =
            ["User with this name already exists", "User with this phone number already exists"][round];
        let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!((made.len(), refused.len()), (1, 7));
        for answer in refused {
            answer.expect_error(400, taken);
        }
    }
    shop.login("Same Name", PASSWORD);
    assert_eq!(number_of(&shop, "users"), 2);
}

#[test]
fn an_order_that_is_cancelled_by_many_at_once_gives_its_stock_back_once() {
    let shop = Shop::open();
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Cozy Home", &json!(25), 10);
    let buyer = shop.customer("Undecided");
    shop.put_in_cart(&buyer, slipper, 4);
    let order = place(&shop, &buyer).expect(200).json()["order_id"].as_str().expect("text").to_owned();
    let path = format!("/orders/{order}");
    let statuses = at_once(12, |number| match number % 3 {
        0 => shop.call(&buyer, "PUT", &path, &json!({"status": "CANCELLED"})).status,
        1 => shop.call(&admin, "PUT", &path, &json!({"status": "CANCELLED"})).status,
        _ => shop.call(&buyer, "DELETE", &path, &Value::Null).status,
    });
    assert!(statuses.iter().all(|status| [200, 404].contains(status)), "{statuses:?}");
    assert_eq!(shop.stock(slipper), 10);
}

#[test]
fn a_refresh_token_used_by_many_at_once_without_a_leeway_ends_the_session() {
    let shop = Shop::open_with(&[("REFRESH_REUSE_LEEWAY_SEC", "0")]);
    let caller = shop.customer("Stolen");
    let answers = at_once(6, |_| shop.post("/auth/refresh", &json!({"refresh_token": caller.refresh})));
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 5));
    for answer in lost {
        answer.expect_error(401, "Invalid refresh token");
    }
    let winner = Caller::from_answer("Stolen", &won[0]);
    shop.call(&winner, "GET", "/cart", &Value::Null).expect_error(401, "Could not validate credentials");
}
