//! Placing orders and reading them. What becomes of an order afterwards is in `order_changes.rs`, how calls that come
//! twice are recognised in `order_repeats.rs`.

use serde_json::{Value, json};
use slippers_core::types::Timestamp;
use slippers_server::{Clock as _, SystemClock};

use crate::shop::{Answer, Caller, Shop};

fn place(shop: &Shop, caller: &Caller) -> Answer {
    shop.call(caller, "POST", "/orders/from-cart", &Value::Null)
}

/// Puts pairs in the cart and orders all of it; answers the order's number.
fn order(shop: &Shop, caller: &Caller, slipper: i64, quantity: i64) -> i64 {
    shop.put_in_cart(caller, slipper, quantity);
    let placed =
        shop.call(caller, "POST", "/orders/from-cart?clear_cart=true", &Value::Null).expect(200).json();
    placed["order_id"].as_str().and_then(|id| id.parse().ok()).expect("a number as text")
}

fn list(shop: &Shop, caller: &Caller, query: &str) -> (Vec<i64>, String) {
    let answer = shop.call(caller, "GET", &format!("/orders/{query}"), &Value::Null).expect(200);
    let body = answer.json();
    let orders = body.as_array().expect("a bare array");
    let ids = orders.iter().map(|order| order["id"].as_i64().expect("an id")).collect();
    (ids, answer.header("x-total-count").expect("a total").to_owned())
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// Whether an order shows a moment as the present minute on a clock in Tashkent.
#[track_caller]
fn assert_now_in_tashkent(shown: &Value) {
    let now = SystemClock.now();
    let minutes = [now, now.plus_seconds(-60)].map(Timestamp::tashkent_minute);
    assert!(minutes.iter().any(|minute| shown == minute.as_str()), "{shown} is not {minutes:?}");
}

#[test]
fn an_order_answers_what_was_bought_and_keeps_the_cart() {
    let shop = Shop::open();
    let admin = shop.admin();
    let cozy = shop.product(&admin, "Cozy Home", &json!(26.5), 10);
    let other = shop.product(&admin, "Тапочки", &json!(15), 10);
    let buyer = shop.customer("Dilnoza");
    shop.put_in_cart(&buyer, cozy, 2);
    shop.put_in_cart(&buyer, other, 3);
    // As the front-end does: no body, but a content type.
    let headers =
        [("authorization", format!("Bearer {}", buyer.access)), ("content-type", "application/json".into())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let placed =
        shop.send("POST", "/orders/from-cart?clear_cart=false", &headers, Some(b"")).expect(200).json();
    assert_eq!(keys(&placed), ["order_id", "status", "total_amount", "notes", "created_at", "items"]);
    assert_eq!(placed["order_id"], "1", "a text, of digits only");
    assert_eq!((&placed["status"], &placed["notes"]), (&json!("PENDING"), &Value::Null));
    assert_eq!(placed["total_amount"].to_string(), "98.0", "the sum of its own lines");
    assert_now_in_tashkent(&placed["created_at"]);
    assert_eq!(
        placed["items"][0].to_string(),
        format!(
            r#"{{"slipper_id":{cozy},"quantity":2,"unit_price":26.5,"total_price":53.0,"notes":null,"name":"Cozy Home","size":"39","image":""}}"#
        )
    );
    assert_eq!(placed["items"][1]["total_price"].to_string(), "45.0");
    assert_eq!(placed["items"].as_array().map(Vec::len), Some(2));
    let cart = shop.call(&buyer, "GET", "/cart", &Value::Null).json();
    assert_eq!(cart["total_quantity"], 5, "the cart stays");
    assert_eq!((shop.stock(cozy), shop.stock(other)), (8, 7));
}

#[test]
fn a_cart_is_emptied_when_asked_and_an_empty_one_is_told() {
    let shop = Shop::open();
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Cozy Home", &json!(25), 10);
    let buyer = shop.customer("Dilnoza");
    place(&shop, &buyer).expect_error(400, "Cart is empty");
    shop.call(&buyer, "GET", "/cart", &Value::Null).expect(200);
    place(&shop, &buyer).expect_error(400, "Cart is empty");
    shop.put_in_cart(&buyer, slipper, 1);
    let path = "/orders/from-cart/?clear_cart=Yes";
    shop.call(&buyer, "POST", path, &Value::Null).expect(200);
    assert_eq!(shop.call(&buyer, "GET", "/cart", &Value::Null).json()["items"], json!([]));
    let wrong =
        shop.call(&buyer, "POST", "/orders/from-cart?clear_cart=maybe", &Value::Null).expect(422).json();
    assert_eq!(wrong["detail"][0]["loc"], json!(["query", "clear_cart"]));
    assert_eq!(list(&shop, &buyer, "").1, "1");
}

#[test]
fn c31_too_little_stock_is_409_that_names_the_product_and_changes_nothing() {
    let shop = Shop::open();
    let admin = shop.admin();
    let plenty = shop.product(&admin, "Plenty", &json!(10), 100);
    let rare = shop.product(&admin, "Rare Mule", &json!(10), 2);
    let buyer = shop.customer("Dilnoza");
    shop.put_in_cart(&buyer, plenty, 5);
    shop.put_in_cart(&buyer, rare, 3);
    let refused = place(&shop, &buyer).expect(409);
    assert!(refused.detail().contains("Rare Mule"), "{}", refused.detail());
    assert!(!refused.detail().contains("Plenty"), "{}", refused.detail());
    assert_eq!((shop.stock(plenty), shop.stock(rare)), (100, 2));
    assert_eq!(shop.call(&buyer, "GET", "/cart", &Value::Null).json()["total_quantity"], 8);
    assert_eq!(list(&shop, &buyer, "").1, "0");
    let line = shop.call(&buyer, "GET", "/cart", &Value::Null).json()["items"][1]["id"].to_string();
    shop.call(&buyer, "PUT", &format!("/cart/items/{line}"), &json!({"quantity": 2})).expect(200);
    place(&shop, &buyer).expect(200);
    assert_eq!((shop.stock(plenty), shop.stock(rare)), (95, 0));
    let listed = shop.get(&format!("/slippers/{rare}")).json();
    assert_eq!((&listed["quantity"], &listed["is_available"]), (&json!(0), &json!(false)));
}

#[test]
fn a_paused_product_is_not_sold() {
    let shop = Shop::open();
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Winter Felt", &json!(10), 100);
    let buyer = shop.customer("Dilnoza");
    shop.put_in_cart(&buyer, slipper, 1);
    let pause = |available: bool| {
        shop.call(&admin, "PUT", &format!("/slippers/{slipper}/"), &json!({"is_available": available}))
            .expect(200);
    };
    pause(false);
    let refused = place(&shop, &buyer).expect(409);
    assert!(refused.detail().contains("Winter Felt"), "{}", refused.detail());
    assert_eq!(shop.stock(slipper), 100);
    pause(true);
    place(&shop, &buyer).expect(200);
}

#[test]
fn c33_a_line_of_the_cart_counts_for_five_hundred_pairs_at_most() {
    let shop = Shop::open();
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Cozy Home", &json!(2), 600);
    let buyer = shop.customer("Dilnoza");
    shop.put_in_cart(&buyer, slipper, 999);
    let placed = place(&shop, &buyer).expect(200).json();
    assert_eq!(placed["items"][0]["quantity"], 500);
    assert_eq!(placed["total_amount"].to_string(), "1000.0");
    assert_eq!(shop.stock(slipper), 100);
}

#[test]
fn an_order_outlives_what_becomes_of_its_products() {
    let shop = Shop::open();
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Cozy Home", &json!(26.5), 10);
    let buyer = shop.customer("Dilnoza");
    let id = order(&shop, &buyer, slipper, 2);
    let path = format!("/orders/{id}");
    let before = shop.call(&buyer, "GET", &path, &Value::Null).expect(200).json();
    let change = json!({"price": 99, "name": "Renamed", "size": "45"});
    shop.call(&admin, "PUT", &format!("/slippers/{slipper}"), &change).expect(200);
    assert_eq!(shop.call(&buyer, "GET", &path, &Value::Null).json(), before);
    shop.call(&admin, "DELETE", &format!("/slippers/{slipper}"), &Value::Null).expect(200);
    assert_eq!(shop.call(&buyer, "GET", &path, &Value::Null).json(), before);
    let listed = shop.call(&buyer, "GET", "/orders/", &Value::Null).json();
    assert_eq!(listed[0]["items"][0]["name"], "Cozy Home");
    assert_eq!(listed[0]["total_amount"], before["total_amount"]);
}

#[test]
fn an_order_on_its_own_is_shown_to_its_owner_and_to_admins() {
    let shop = Shop::open();
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Cozy Home", &json!(25), 10);
    let (buyer, stranger) = (shop.customer("Dilnoza"), shop.customer("Stranger"));
    let id = order(&shop, &buyer, slipper, 2);
    let get = |caller: &Caller, id: &str| shop.call(caller, "GET", &format!("/orders/{id}"), &Value::Null);
    let shown = get(&buyer, &id.to_string()).expect(200).json();
    let expected =
        ["id", "order_id", "user_id", "status", "total_amount", "notes", "created_at", "updated_at", "items"];
    assert_eq!(keys(&shown), expected);
    assert_eq!((&shown["id"], &shown["order_id"]), (&json!(id), &json!(id.to_string())));
    let line =
        ["id", "slipper_id", "quantity", "unit_price", "total_price", "notes", "name", "size", "image"];
    assert_eq!(keys(&shown["items"][0]), line);
    assert_now_in_tashkent(&shown["created_at"]);
    assert_now_in_tashkent(&shown["updated_at"]);
    assert_eq!(get(&admin, &id.to_string()).expect(200).json(), shown);
    assert_eq!(get(&buyer, &format!("{id}/?_nc=1")).expect(200).json(), shown);
    get(&stranger, &id.to_string()).expect_error(403, "Not authorized to access this order");
    for missing in ["999", "0", "-1", "2147483648", "99999999999999999999"] {
        get(&stranger, missing).expect_error(404, "Order not found");
    }
    for wrong in ["abc", "1.5", "from-carts"] {
        let body = get(&buyer, wrong).expect(422).json();
        assert_eq!(body["detail"][0]["loc"], json!(["path", "order_id"]), "{wrong}");
    }
}

#[test]
fn a_list_holds_ones_own_orders_and_an_admins_everybodys_newest_first() {
    let shop = Shop::open();
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Cozy Home", &json!(25), 100);
    let (buyer, other) = (shop.customer("Dilnoza"), shop.customer("Other"));
    assert_eq!(list(&shop, &buyer, ""), (vec![], "0".into()));
    let ids: Vec<_> =
        [&buyer, &other, &buyer].iter().map(|caller| order(&shop, caller, slipper, 2)).collect();
    assert_eq!(list(&shop, &buyer, ""), (vec![ids[2], ids[0]], "2".into()));
    assert_eq!(list(&shop, &other, ""), (vec![ids[1]], "1".into()));
    assert_eq!(list(&shop, &admin, ""), (vec![ids[2], ids[1], ids[0]], "3".into()));
    // Parameters of old front-ends and of none.
    assert_eq!(
        list(&shop, &admin, "?_nc=1&limit=1&skip=2&user_id=1&status=CREATED&page=9"),
        (vec![ids[2], ids[1], ids[0]], "3".into())
    );
    let listed = shop.call(&admin, "GET", "/orders", &Value::Null).expect(200).json();
    let expected = [
        "id",
        "order_id",
        "user_id",
        "user_name",
        "status",
        "total_amount",
        "created_at",
        "updated_at",
        "items",
    ];
    assert_eq!(keys(&listed[0]), expected);
    let line = ["slipper_id", "quantity", "unit_price", "total_price", "name", "size", "image"];
    assert_eq!(keys(&listed[0]["items"][0]), line);
    assert_eq!(listed[0]["user_name"], "Dilnoza Buyer");
    assert_eq!(listed[1]["user_name"], "Other Buyer");
    assert_eq!(listed[0]["total_amount"].to_string(), "50.0");
    assert_now_in_tashkent(&listed[0]["created_at"]);
}

#[test]
fn c43_a_long_list_is_read_in_parts() {
    let shop = Shop::open_with(&[("ORDER_MAX_OPEN", "0")]);
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Cozy Home", &json!(25), 100);
    let (buyer, other) = (shop.customer("Dilnoza"), shop.customer("Other"));
    let ids: Vec<_> = (0..7)
        .map(|_| {
            order(&shop, &other, slipper, 1);
            order(&shop, &buyer, slipper, 1)
        })
        .collect();
    let mut seen = Vec::new();
    let mut query = "?max=3".to_owned();
    loop {
        let (part, total) = list(&shop, &buyer, &query);
        assert_eq!(total, "7", "whatever part is asked for");
        assert!(part.len() <= 3);
        let Some(last) = part.last() else { break };
        query = format!("?max=3&before={last}");
        seen.extend(part);
    }
    assert_eq!(seen, ids.iter().rev().copied().collect::<Vec<_>>());
    assert_eq!(list(&shop, &admin, "?max=1").0.len(), 1);
    assert_eq!(list(&shop, &buyer, "?before=99999999999999999999").0.len(), 7);
    for query in ["?max=0", "?max=1001", "?max=x", "?before=x"] {
        let body = shop.call(&buyer, "GET", &format!("/orders/{query}"), &Value::Null).expect(422).json();
        assert_eq!(body["detail"][0]["loc"][0], "query", "{query}");
    }
}

#[test]
fn c32_the_finance_filter_shows_what_was_paid_or_refunded() {
    let shop = Shop::open();
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Cozy Home", &json!(25), 100);
    let (buyer, other) = (shop.customer("Dilnoza"), shop.customer("Other"));
    let set = |id: i64, status: &str| {
        shop.call(&admin, "PUT", &format!("/orders/{id}"), &json!({"status": status})).expect(200);
    };
    let ids: Vec<_> = (0..4).map(|_| order(&shop, &buyer, slipper, 1)).collect();
    let foreign = order(&shop, &other, slipper, 1);
    for id in [ids[0], ids[1], foreign] {
        set(id, "PAID");
    }
    set(ids[1], "REFUNDED");
    set(ids[2], "CANCELLED");
    for word in ["paid_refunded", "PAID_REFUNDED", "Paid_Refunded"] {
        let query = format!("?finance={word}");
        assert_eq!(list(&shop, &buyer, &query), (vec![ids[1], ids[0]], "2".into()));
        assert_eq!(list(&shop, &admin, &query), (vec![foreign, ids[1], ids[0]], "3".into()));
    }
    let listed = shop.call(&buyer, "GET", "/orders/?finance=paid_refunded", &Value::Null).json();
    assert_eq!(keys(&listed[0])[3..7], ["user_name", "status", "payment_status", "total_amount"]);
    let state = |order: &Value| (order["status"].clone(), order["payment_status"].clone());
    assert_eq!(state(&listed[0]), (json!("REFUNDED"), json!("refunded")));
    assert_eq!(state(&listed[1]), (json!("PAID"), json!("success")));
    for word in ["", "paid", "all", "paid_refunded_"] {
        assert_eq!(list(&shop, &buyer, &format!("?finance={word}")).1, "4", "{word}");
    }
    let plain = shop.call(&buyer, "GET", "/orders/", &Value::Null).json();
    assert!(plain.as_array().expect("a list").iter().all(|order| order.get("payment_status").is_none()));
    assert_eq!(list(&shop, &buyer, "?finance=paid_refunded&max=1"), (vec![ids[1]], "2".into()));
}

#[test]
fn without_a_token_there_are_no_orders() {
    let shop = Shop::open();
    for (method, path) in [
        ("GET", "/orders/"),
        ("GET", "/orders"),
        ("GET", "/orders/1"),
        ("GET", "/orders/abc"),
        ("POST", "/orders/from-cart"),
        ("PUT", "/orders/1"),
        ("DELETE", "/orders/1"),
    ] {
        let body = (method == "PUT").then_some(&br#"{"status":"PAID"}"#[..]);
        let answer = shop.send(method, path, &[("content-type", "application/json")], body);
        let answer = answer.expect_error(401, "Could not validate credentials");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{method} {path}");
    }
}
