//! The cart: one a person, always shown as it is after the change.

use serde_json::{Value, json};

use crate::shop::{Answer, Caller, Shop};

/// A shop with two products (25 soum, and 19.99) and a buyer.
fn shop_with_shelf() -> (Shop, Caller, Caller, [i64; 2]) {
    let shop = Shop::open();
    let admin = shop.admin();
    let products = [
        shop.product(&admin, "Cozy Home", &json!(25), 3),
        shop.product(&admin, "Тапочки", &json!(19.99), 100),
    ];
    let buyer = shop.customer("Dilnoza");
    (shop, admin, buyer, products)
}

fn add(shop: &Shop, caller: &Caller, body: &Value) -> Answer {
    shop.call(caller, "POST", "/cart/items", body)
}

fn pairs(slipper: i64, quantity: i64) -> Value {
    json!({"slipper_id": slipper, "quantity": quantity})
}

fn cart(shop: &Shop, caller: &Caller) -> Value {
    shop.call(caller, "GET", "/cart", &Value::Null).expect(200).json()
}

/// (type, field) of the only fault that a 422 tells.
#[track_caller]
fn fault(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 422, "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["detail"].as_array().map(Vec::len), Some(1), "{body}");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    (text(&body["detail"][0]["type"]), text(&body["detail"][0]["loc"][1]))
}

#[test]
fn the_first_look_makes_an_empty_cart() {
    let (shop, _, buyer, _) = shop_with_shelf();
    let first = shop.call(&buyer, "GET", "/cart", &Value::Null).expect(200);
    assert_eq!(first.text(), r#"{"id":1,"items":[],"total_items":0,"total_quantity":0,"total_amount":0.0}"#);
    for path in ["/cart", "/cart/", "/cart?_nc=1730000000000&_t=1"] {
        assert_eq!(shop.call(&buyer, "GET", path, &Value::Null).expect(200).text(), first.text());
    }
}

#[test]
fn totals_are_zeros_without_a_cart_and_make_none() {
    let (shop, _, buyer, [cozy, _]) = shop_with_shelf();
    let total = shop.call(&buyer, "GET", "/cart/total", &Value::Null).expect(200);
    assert_eq!(total.text(), r#"{"total_items":0,"total_quantity":0,"total_amount":0.0}"#);
    shop.call(&buyer, "POST", "/orders/from-cart", &Value::Null).expect_error(400, "Cart is empty");
    assert_eq!(
        shop.rows().number("SELECT count(*) FROM carts"),
        0,
        "neither the totals nor an order makes a cart"
    );
    shop.put_in_cart(&buyer, cozy, 2);
    let total = shop.call(&buyer, "GET", "/cart/total/", &Value::Null).expect(200);
    assert_eq!(total.text(), r#"{"total_items":1,"total_quantity":2,"total_amount":50.0}"#);
}

#[test]
fn e54_every_answer_shows_the_cart_after_the_change() {
    let (shop, _, buyer, [cozy, other]) = shop_with_shelf();
    let first = add(&shop, &buyer, &pairs(cozy, 2)).expect(200);
    assert_eq!(
        first.text(),
        format!(
            r#"{{"id":1,"items":[{{"id":1,"slipper_id":{cozy},"quantity":2,"name":"Cozy Home","price":25.0,"total_price":50.0}}],"total_items":1,"total_quantity":2,"total_amount":50.0}}"#
        )
    );
    let second = add(&shop, &buyer, &pairs(other, 3)).expect(200).json();
    assert_eq!(second["items"][1]["name"], "Тапочки");
    assert_eq!(second["items"][1]["total_price"].to_string(), "59.97");
    assert_eq!((&second["total_items"], &second["total_quantity"]), (&json!(2), &json!(5)));
    assert_eq!(second["total_amount"].to_string(), "109.97");

    let changed = shop.call(&buyer, "PUT", "/cart/items/1", &json!({"quantity": 6})).expect(200).json();
    assert_eq!(changed["total_quantity"], 9);
    let ids = |cart: &Value| {
        cart["items"].as_array().expect("lines").iter().map(|line| line["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&changed), [json!(1), json!(2)], "a line that was changed keeps its place");
    assert_eq!(cart(&shop, &buyer), changed);

    let removed = shop.call(&buyer, "PUT", "/cart/items/1", &json!({"quantity": 0})).expect(200).json();
    assert_eq!(ids(&removed), [json!(2)]);
    let empty = shop.call(&buyer, "DELETE", "/cart/items/2", &Value::Null).expect(200).json();
    assert_eq!((&empty["id"], &empty["items"], &empty["total_items"]), (&json!(1), &json!([]), &json!(0)));
    add(&shop, &buyer, &pairs(cozy, 1)).expect(200);
    let cleared = shop.call(&buyer, "DELETE", "/cart/clear", &Value::Null).expect(200);
    assert_eq!(
        cleared.text(),
        r#"{"id":1,"items":[],"total_items":0,"total_quantity":0,"total_amount":0.0}"#
    );
    assert_eq!(cart(&shop, &buyer), cleared.json());
}

#[test]
fn pairs_of_one_product_add_up_in_one_line_whatever_the_stock_is() {
    let (shop, _, buyer, [cozy, _]) = shop_with_shelf();
    for _ in 0..2 {
        add(&shop, &buyer, &pairs(cozy, 60)).expect(200);
    }
    let cart = add(&shop, &buyer, &json!({"slipper_id": cozy})).expect(200).json();
    assert_eq!(cart["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(cart["items"][0]["quantity"], 121, "one pair when no number is given");
    assert_eq!(shop.stock(cozy), 3, "a cart takes nothing from the shelf");
}

#[test]
fn e57_a_line_and_a_request_have_their_bounds() {
    let (shop, _, buyer, [cozy, _]) = shop_with_shelf();
    for quantity in [json!(1), json!(999), json!("3"), json!(3.0), json!("+4")] {
        add(&shop, &buyer, &json!({"slipper_id": cozy.to_string(), "quantity": quantity})).expect(200);
    }
    assert_eq!(cart(&shop, &buyer)["total_quantity"], 1 + 999 + 3 + 3 + 4);
    for (quantity, kind) in [
        (json!(0), "greater_than_equal"),
        (json!(-1), "greater_than_equal"),
        (json!(1000), "less_than_equal"),
        (json!(9e99), "less_than_equal"),
        (json!(1.5), "int_from_float"),
        (json!("many"), "int_parsing"),
        (json!(""), "int_parsing"),
        (Value::Null, "int_type"),
        (json!([1]), "int_type"),
    ] {
        let answer = add(&shop, &buyer, &json!({"slipper_id": cozy, "quantity": quantity}));
        assert_eq!(fault(&answer), (kind.to_owned(), "quantity".to_owned()), "{quantity}");
    }
    assert_eq!(cart(&shop, &buyer)["total_quantity"], 1010, "what was refused changed nothing");
    for quantity in [json!(-1), json!(1000), Value::Null] {
        let answer = shop.call(&buyer, "PUT", "/cart/items/1", &json!({"quantity": quantity}));
        assert_eq!(fault(&answer).1, "quantity");
    }
    let answer = shop.call(&buyer, "PUT", "/cart/items/1", &json!({}));
    assert_eq!(fault(&answer), ("missing".into(), "quantity".into()));
    shop.call(&buyer, "PUT", "/cart/items/1", &json!({"quantity": "999"})).expect(200);
    // Lines have an end, so that no sum can overflow.
    for _ in 0..49 {
        add(&shop, &buyer, &pairs(cozy, 999)).expect(200);
    }
    add(&shop, &buyer, &pairs(cozy, 999)).expect(409);
    assert_eq!(cart(&shop, &buyer)["total_quantity"], 50 * 999);
}

#[test]
fn what_does_not_exist_can_not_be_put_in_or_changed() {
    let (shop, _, buyer, [cozy, _]) = shop_with_shelf();
    for slipper in [999, 2_147_483_648, i64::MAX] {
        add(&shop, &buyer, &pairs(slipper, 1)).expect_error(404, "Slipper not found");
    }
    for slipper in [json!(0), json!(-5)] {
        let answer = add(&shop, &buyer, &json!({"slipper_id": slipper}));
        assert_eq!(fault(&answer), ("greater_than_equal".into(), "slipper_id".into()));
    }
    assert_eq!(fault(&add(&shop, &buyer, &json!({"quantity": 1}))), ("missing".into(), "slipper_id".into()));
    add(&shop, &buyer, &pairs(cozy, 1)).expect(200);
    for line in ["999", "0", "-1", "99999999999999999999"] {
        let path = format!("/cart/items/{line}");
        shop.call(&buyer, "PUT", &path, &json!({"quantity": 1})).expect_error(404, "Cart item not found");
        shop.call(&buyer, "DELETE", &path, &Value::Null).expect_error(404, "Cart item not found");
    }
    for method in ["PUT", "DELETE"] {
        let answer = shop.call(&buyer, method, "/cart/items/abc", &json!({"quantity": 1}));
        assert_eq!(fault(&answer), ("int_parsing".into(), "cart_item_id".into()));
    }
    shop.call(&buyer, "DELETE", "/cart/items/1/", &Value::Null).expect(200);
    shop.call(&buyer, "DELETE", "/cart/items/1", &Value::Null).expect_error(404, "Cart item not found");
}

#[test]
fn nobody_sees_or_changes_another_ones_cart() {
    let (shop, admin, buyer, [cozy, other]) = shop_with_shelf();
    let neighbour = shop.customer("Neighbour");
    add(&shop, &buyer, &pairs(cozy, 2)).expect(200);
    add(&shop, &neighbour, &pairs(other, 5)).expect(200);
    let before = cart(&shop, &buyer);
    for caller in [&neighbour, &admin] {
        shop.call(caller, "PUT", "/cart/items/1", &json!({"quantity": 9}))
            .expect_error(404, "Cart item not found");
        shop.call(caller, "PUT", "/cart/items/1", &json!({"quantity": 0}))
            .expect_error(404, "Cart item not found");
        shop.call(caller, "DELETE", "/cart/items/1", &Value::Null).expect_error(404, "Cart item not found");
        shop.call(caller, "DELETE", "/cart/clear", &Value::Null).expect(200);
    }
    assert_eq!(cart(&shop, &buyer), before);
    assert_ne!(cart(&shop, &neighbour)["id"], before["id"]);
    assert_eq!(cart(&shop, &admin)["items"], json!([]), "an admin has a cart of their own");
}

#[test]
fn a_cart_follows_its_products() {
    let (shop, admin, buyer, [cozy, other]) = shop_with_shelf();
    add(&shop, &buyer, &pairs(cozy, 2)).expect(200);
    add(&shop, &buyer, &pairs(other, 1)).expect(200);
    let change = json!({"price": 30.5, "name": "Cozier Home"});
    shop.call(&admin, "PUT", &format!("/slippers/{cozy}"), &change).expect(200);
    let now = cart(&shop, &buyer);
    assert_eq!((&now["items"][0]["name"], &now["items"][0]["price"]), (&json!("Cozier Home"), &json!(30.5)));
    assert_eq!(now["total_amount"].to_string(), "80.99");
    shop.call(&admin, "DELETE", &format!("/slippers/{cozy}"), &Value::Null).expect(200);
    let now = cart(&shop, &buyer);
    assert_eq!(now["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(now["total_amount"].to_string(), "19.99");
}

#[test]
fn without_a_token_there_is_no_cart_and_a_broken_body_is_told_first() {
    let (shop, _, buyer, [cozy, _]) = shop_with_shelf();
    add(&shop, &buyer, &pairs(cozy, 1)).expect(200);
    let json = [("content-type", "application/json")];
    for (method, path, body) in [
        ("GET", "/cart", None),
        ("GET", "/cart/total", None),
        ("POST", "/cart/items", Some("{}")),
        ("PUT", "/cart/items/1", Some("{}")),
        ("PUT", "/cart/items/abc", Some("{\"quantity\":\"x\"}")),
        ("DELETE", "/cart/items/1", None),
        ("DELETE", "/cart/clear", None),
    ] {
        let answer = shop.send(method, path, &json, body.map(str::as_bytes));
        let answer = answer.expect_error(401, "Could not validate credentials");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{method} {path}");
    }
    let broken = shop.send("POST", "/cart/items", &json, Some(b"{")).expect(422).json();
    assert_eq!(broken["detail"][0]["type"], "json_invalid");
    assert_eq!(cart(&shop, &buyer)["total_quantity"], 1);
    let listing =
        shop.call(&buyer, "GET", "/cart/items", &Value::Null).expect_error(405, "Method Not Allowed");
    assert_eq!(listing.header("allow"), Some("POST"));
}

#[test]
fn a_payment_page_that_clears_in_a_loop_does_no_harm() {
    let (shop, _, buyer, [cozy, _]) = shop_with_shelf();
    add(&shop, &buyer, &pairs(cozy, 1)).expect(200);
    for _ in 0..241 {
        let answer = shop.call(&buyer, "DELETE", "/cart/clear", &Value::Null).expect(200);
        assert_eq!(answer.json()["items"], json!([]));
    }
}
