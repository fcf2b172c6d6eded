//! Calls that come twice: by themselves, with a key, and too many of them.

use serde_json::{Value, json};

use crate::shop::{Answer, Caller, Shop};

/// A shop with a hundred pairs of one product and a buyer.
fn shop_with(settings: &[(&str, &str)]) -> (Shop, Caller, Caller, i64) {
    let shop = Shop::open_with(settings);
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Cozy Home", &json!(25), 100);
    let buyer = shop.customer("Dilnoza");
    (shop, admin, buyer, slipper)
}

fn place(shop: &Shop, caller: &Caller, clear_cart: bool, key: Option<(&str, &str)>) -> Answer {
    let bearer = format!("Bearer {}", caller.access);
    let mut headers = vec![("authorization", bearer.as_str())];
    headers.extend(key);
    shop.send("POST", &format!("/orders/from-cart?clear_cart={clear_cart}"), &headers, None)
}

/// The number of the order that is placed or answered again.
#[track_caller]
fn number(answer: Answer) -> String {
    answer.expect(200).json()["order_id"].as_str().expect("text").to_owned()
}

fn cancel(shop: &Shop, caller: &Caller, order: &str) {
    shop.call(caller, "PUT", &format!("/orders/{order}"), &json!({"status": "CANCELLED"})).expect(200);
}

fn count(shop: &Shop, caller: &Caller) -> usize {
    shop.call(caller, "GET", "/orders/", &Value::Null).expect(200).json().as_array().map_or(0, Vec::len)
}

#[test]
fn c37_the_same_cart_is_ordered_once_however_often_it_is_sent() {
    let (shop, _, buyer, slipper) = shop_with(&[]);
    shop.put_in_cart(&buyer, slipper, 2);
    let first = place(&shop, &buyer, false, None).expect(200);
    for _ in 0..5 {
        assert_eq!(place(&shop, &buyer, false, None).expect(200).json(), first.json());
    }
    assert_eq!((shop.stock(slipper), count(&shop, &buyer)), (98, 1));
    // A look at the cart is no change of it, and neither is setting what is already there.
    let cart = shop.call(&buyer, "GET", "/cart", &Value::Null).json();
    let line = format!("/cart/items/{}", cart["items"][0]["id"]);
    shop.call(&buyer, "PUT", &line, &json!({"quantity": 2})).expect(200);
    assert_eq!(place(&shop, &buyer, false, None).expect(200).json(), first.json());
}

#[test]
fn a_cart_that_was_changed_makes_another_order_even_if_it_looks_the_same() {
    let (shop, _, buyer, slipper) = shop_with(&[]);
    shop.put_in_cart(&buyer, slipper, 2);
    let first = number(place(&shop, &buyer, false, None));
    shop.put_in_cart(&buyer, slipper, 1);
    let second = number(place(&shop, &buyer, false, None));
    assert_ne!(first, second);
    let cart = shop.call(&buyer, "GET", "/cart", &Value::Null).json();
    let line = format!("/cart/items/{}", cart["items"][0]["id"]);
    shop.call(&buyer, "PUT", &line, &json!({"quantity": 4})).expect(200);
    shop.call(&buyer, "PUT", &line, &json!({"quantity": 3})).expect(200);
    let third = number(place(&shop, &buyer, false, None));
    assert!(third != first && third != second, "bought three pairs twice");
    assert_eq!((shop.stock(slipper), count(&shop, &buyer)), (100 - 2 - 3 - 3, 3));
}

#[test]
fn an_order_that_is_no_longer_pending_is_not_answered_again() {
    let (shop, admin, buyer, slipper) = shop_with(&[]);
    shop.put_in_cart(&buyer, slipper, 2);
    let first = number(place(&shop, &buyer, false, None));
    cancel(&shop, &buyer, &first);
    let second = number(place(&shop, &buyer, false, None));
    assert_ne!(first, second);
    shop.call(&admin, "PUT", &format!("/orders/{second}"), &json!({"status": "PAID"})).expect(200);
    let third = number(place(&shop, &buyer, false, None));
    assert!(third != first && third != second);
    shop.call(&buyer, "DELETE", &format!("/orders/{third}"), &Value::Null).expect(200);
    let fourth = number(place(&shop, &buyer, false, None));
    assert_ne!(fourth, third);
    assert_eq!(shop.stock(slipper), 96);
}

#[test]
fn a_repeat_after_the_cart_was_cleared_gets_its_order_and_not_an_empty_cart() {
    let (shop, _, buyer, slipper) = shop_with(&[]);
    shop.put_in_cart(&buyer, slipper, 2);
    let first = number(place(&shop, &buyer, true, None));
    for clear in [true, false] {
        assert_eq!(number(place(&shop, &buyer, clear, None)), first);
    }
    assert_eq!(shop.stock(slipper), 98);
    cancel(&shop, &buyer, &first);
    place(&shop, &buyer, true, None).expect_error(400, "Cart is empty");
}

#[test]
fn a_repeat_that_asks_to_clear_the_cart_clears_it() {
    let (shop, _, buyer, slipper) = shop_with(&[]);
    shop.put_in_cart(&buyer, slipper, 2);
    let first = number(place(&shop, &buyer, false, None));
    assert_eq!(number(place(&shop, &buyer, true, None)), first);
    assert_eq!(shop.call(&buyer, "GET", "/cart", &Value::Null).json()["items"], json!([]));
    assert_eq!((shop.stock(slipper), count(&shop, &buyer)), (98, 1));
}

#[test]
fn a_key_answers_its_order_again_whatever_became_of_the_cart() {
    let (shop, _, buyer, slipper) = shop_with(&[]);
    shop.put_in_cart(&buyer, slipper, 2);
    let key = Some(("idempotency-key", "8e03978e-40d5-43dd-bc93-6894a57f9324"));
    let first = number(place(&shop, &buyer, true, key));
    shop.put_in_cart(&buyer, slipper, 5);
    assert_eq!(number(place(&shop, &buyer, true, key)), first);
    let other_spelling = Some(("x-idempotency-key", "8e03978e-40d5-43dd-bc93-6894a57f9324"));
    assert_eq!(number(place(&shop, &buyer, true, other_spelling)), first);
    assert_eq!(shop.call(&buyer, "GET", "/cart", &Value::Null).json()["total_quantity"], 5, "the cart stays");
    cancel(&shop, &buyer, &first);
    let again = place(&shop, &buyer, true, key).expect(200).json();
    assert_eq!((&again["order_id"], &again["status"]), (&json!(first), &json!("CANCELLED")), "as it is now");
    assert_ne!(number(place(&shop, &buyer, true, Some(("idempotency-key", "another")))), first);
    assert_eq!(shop.stock(slipper), 95);
}

#[test]
fn a_key_belongs_to_one_request_of_one_person() {
    let (shop, _, buyer, slipper) = shop_with(&[]);
    let other = shop.customer("Other");
    let key = Some(("idempotency-key", "one"));
    for caller in [&buyer, &other] {
        shop.put_in_cart(caller, slipper, 2);
    }
    let first = number(place(&shop, &buyer, false, key));
    let reused = place(&shop, &buyer, true, key);
    reused.expect_error(422, "Idempotency-Key was already used for another request");
    assert_eq!(shop.call(&buyer, "GET", "/cart", &Value::Null).json()["total_quantity"], 2);
    assert_ne!(number(place(&shop, &other, false, key)), first, "another person's key of the same name");
    assert_eq!(shop.stock(slipper), 96);
}

#[test]
fn a_key_that_is_none_is_told_and_a_refused_call_does_not_use_one_up() {
    let (shop, admin, buyer, slipper) = shop_with(&[]);
    let key = Some(("idempotency-key", "later"));
    place(&shop, &buyer, false, key).expect_error(400, "Cart is empty");
    shop.put_in_cart(&buyer, slipper, 200);
    place(&shop, &buyer, false, key).expect(409);
    shop.call(&admin, "PUT", &format!("/slippers/{slipper}"), &json!({"quantity": 200})).expect(200);
    let first = number(place(&shop, &buyer, false, key));
    assert_eq!(number(place(&shop, &buyer, false, key)), first);
    for text in ["", " ", "two words", &"x".repeat(256)] {
        let answer = place(&shop, &buyer, false, Some(("idempotency-key", text)));
        answer.expect_error(400, "Idempotency-Key must be 1 to 255 visible ASCII characters");
    }
    number(place(&shop, &buyer, false, Some(("idempotency-key", &"x".repeat(255)))));
    assert_eq!((shop.stock(slipper), count(&shop, &buyer)), (0, 1));
}

#[test]
fn nobody_locks_the_stock_with_open_orders() {
    let (shop, admin, buyer, slipper) = shop_with(&[("ORDER_MAX_OPEN", "2")]);
    let order = |key: Option<(&str, &str)>| {
        shop.put_in_cart(&buyer, slipper, 1);
        place(&shop, &buyer, true, key)
    };
    let first = number(order(None));
    let second = number(order(Some(("idempotency-key", "second"))));
    let refused = order(None).expect(409);
    assert!(refused.detail().contains("unpaid orders"), "{}", refused.detail());
    assert_eq!(shop.stock(slipper), 98);
    assert_eq!(shop.call(&buyer, "GET", "/cart", &Value::Null).json()["total_quantity"], 1, "the cart stays");
    // A call that was answered before is no new order.
    assert_eq!(number(place(&shop, &buyer, true, Some(("idempotency-key", "second")))), second);
    cancel(&shop, &buyer, &first);
    let third = number(place(&shop, &buyer, true, None));
    order(None).expect(409);
    // A paid order is not open any more, and others have their own share.
    shop.call(&admin, "PUT", &format!("/orders/{third}"), &json!({"status": "PAID"})).expect(200);
    number(place(&shop, &buyer, true, None));
    let other = shop.customer("Other");
    shop.put_in_cart(&other, slipper, 1);
    number(place(&shop, &other, true, None));
}

#[test]
fn ten_open_orders_are_the_usual_bound_and_zero_is_none() {
    for (settings, bound) in [(&[][..], 10), (&[("ORDER_MAX_OPEN", "0")][..], 12)] {
        let (shop, _, buyer, slipper) = shop_with(settings);
        for number in 1..=12 {
            shop.put_in_cart(&buyer, slipper, 1);
            place(&shop, &buyer, true, None).expect(if number <= bound { 200 } else { 409 });
        }
        assert_eq!(count(&shop, &buyer), bound);
    }
}
