//! What becomes of an order: who may change it, and what happens to money and stock.

use serde_json::{Value, json};

use crate::shop::{Answer, Caller, Shop};

const OWNER_MAY_NOT: &str = "You can only change the notes of a pending order, or cancel it";

/// A shop with ten pairs of one product, of which a buyer has ordered four.
struct Scene {
    shop: Shop,
    admin: Caller,
    buyer: Caller,
    slipper: i64,
    order: i64,
}

fn scene() -> Scene {
    let shop = Shop::open();
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Cozy Home", &json!(24.5), 10);
    let buyer = shop.customer("Dilnoza");
    shop.put_in_cart(&buyer, slipper, 4);
    let placed = shop.call(&buyer, "POST", "/orders/from-cart", &Value::Null).expect(200).json();
    let order = placed["order_id"].as_str().and_then(|id| id.parse().ok()).expect("a number");
    assert_eq!(shop.stock(slipper), 6);
    Scene { shop, admin, buyer, slipper, order }
}

impl Scene {
    fn put(&self, caller: &Caller, body: &Value) -> Answer {
        self.shop.call(caller, "PUT", &format!("/orders/{}", self.order), body)
    }

    fn delete(&self, caller: &Caller) -> Answer {
        self.shop.call(caller, "DELETE", &format!("/orders/{}", self.order), &Value::Null)
    }

    fn get(&self) -> Value {
        self.shop
            .call(&self.admin, "GET", &format!("/orders/{}", self.order), &Value::Null)
            .expect(200)
            .json()
    }

    fn set(&self, caller: &Caller, status: &str) -> Answer {
        self.put(caller, &json!({"status": status}))
    }

    #[track_caller]
    fn assert_stands(&self, status: &str, stock: i64) {
        assert_eq!(self.get()["status"], status);
        assert_eq!(self.shop.stock(self.slipper), stock);
    }
}

#[test]
fn an_owner_writes_notes_while_the_order_is_pending() {
    let scene = scene();
    let noted =
        scene.put(&scene.buyer, &json!({"notes": "Qo‘ng‘iroq qiling", "unknown": 1})).expect(200).json();
    assert_eq!(noted["notes"], "Qo‘ng‘iroq qiling");
    assert_eq!(noted, scene.get(), "answered as GET shows it");
    let longest = "ж".repeat(500);
    assert_eq!(scene.put(&scene.buyer, &json!({"notes": longest})).expect(200).json()["notes"], longest);
    let fault = scene.put(&scene.buyer, &json!({"notes": "ж".repeat(501)})).expect(422).json();
    assert_eq!(fault["detail"][0]["type"], "string_too_long");
    assert_eq!(scene.get()["notes"], longest);
    scene.put(&scene.buyer, &json!({})).expect(200);
    assert_eq!(scene.get()["notes"], longest, "what is not sent stays");
    assert_eq!(scene.put(&scene.buyer, &json!({"notes": null})).expect(200).json()["notes"], Value::Null);
    scene.set(&scene.admin, "PAID").expect(200);
    scene.put(&scene.buyer, &json!({"notes": "late"})).expect_error(403, OWNER_MAY_NOT);
    assert_eq!(scene.get()["notes"], Value::Null);
    assert_eq!(scene.put(&scene.admin, &json!({"notes": "sent"})).expect(200).json()["notes"], "sent");
}

#[test]
fn c23_an_owner_never_says_that_it_was_paid() {
    let scene = scene();
    for status in ["PAID", "REFUNDED"] {
        scene.set(&scene.buyer, status).expect_error(403, OWNER_MAY_NOT);
        let with_notes =
            json!({"status": status, "notes": "Payment completed via OCTO. Payment ID: undefined"});
        scene.put(&scene.buyer, &with_notes).expect_error(403, OWNER_MAY_NOT);
    }
    assert_eq!(scene.get()["notes"], Value::Null);
    scene.assert_stands("PENDING", 6);
}

#[test]
fn c24_nobody_sets_a_total() {
    let scene = scene();
    for total in [json!(1), json!(0.0), json!("98.0"), json!(98)] {
        for caller in [&scene.buyer, &scene.admin] {
            let answer = scene.put(caller, &json!({"total_amount": total})).expect(403);
            assert!(answer.detail().contains("total"), "{}", answer.detail());
        }
    }
    assert_eq!(scene.get()["total_amount"].to_string(), "98.0");
    scene.assert_stands("PENDING", 6);
}

#[test]
fn the_double_slash_of_the_payment_page_is_no_order() {
    let scene = scene();
    let (id, token) = (scene.order, &scene.buyer.access);
    let body = r#"{"status":"PAID","notes":"Payment completed via OCTO. Payment ID: undefined"}"#;
    for path in [
        format!("//orders/{id}"),
        format!("/orders//{id}"),
        format!("/orders//{id}/"),
        format!("/orders/{id}//"),
    ] {
        let request = format!(
            "PUT {path} HTTP/1.1\r\nhost: shop\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
             connection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = String::from_utf8_lossy(&scene.shop.raw(request.as_bytes())).into_owned();
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
        assert!(answer.contains(r#""detail":"Not Found""#), "{path}: {answer}");
    }
    let order = scene.get();
    assert_eq!((&order["status"], &order["notes"]), (&json!("PENDING"), &Value::Null));
}

#[test]
fn an_owner_cancels_once_and_the_stock_comes_back_once() {
    let scene = scene();
    assert_eq!(scene.set(&scene.buyer, "CANCELLED").expect(200).json()["status"], "CANCELLED");
    scene.assert_stands("CANCELLED", 10);
    scene.set(&scene.buyer, "CANCELLED").expect(200);
    scene.set(&scene.admin, "CANCELLED").expect(200);
    scene.assert_stands("CANCELLED", 10);
    scene.set(&scene.buyer, "PENDING").expect_error(403, OWNER_MAY_NOT);
    for status in ["PENDING", "PAID", "REFUNDED"] {
        let refused = scene.set(&scene.admin, status).expect(409);
        assert!(refused.detail().contains("CANCELLED"), "{}", refused.detail());
    }
    scene.assert_stands("CANCELLED", 10);
    assert_eq!(scene.delete(&scene.buyer).expect(200).json(), json!({"msg": "Order deleted"}));
    assert_eq!(scene.shop.stock(scene.slipper), 10, "deleting gives nothing back a second time");
}

#[test]
fn strangers_neither_change_nor_delete_and_what_is_not_there_is_told_first() {
    let scene = scene();
    let stranger = scene.shop.customer("Stranger");
    for body in
        [json!({"status": "CANCELLED"}), json!({"notes": "mine now"}), json!({"total_amount": 1}), json!({})]
    {
        scene.put(&stranger, &body).expect_error(403, "You can only update your own orders");
    }
    scene.delete(&stranger).expect_error(403, "You can only delete your own orders");
    for caller in [&stranger, &scene.admin] {
        for id in ["999", "0", "-7", "99999999999999999999"] {
            let path = format!("/orders/{id}");
            scene
                .shop
                .call(caller, "PUT", &path, &json!({"notes": "x"}))
                .expect_error(404, "Order not found");
            scene.shop.call(caller, "DELETE", &path, &Value::Null).expect_error(404, "Order not found");
        }
    }
    for method in ["PUT", "DELETE"] {
        let body = scene.shop.call(&scene.buyer, method, "/orders/abc", &json!({})).expect(422).json();
        assert_eq!(body["detail"][0]["loc"], json!(["path", "order_id"]));
    }
    scene.assert_stands("PENDING", 6);
}

#[test]
fn c39_a_change_that_makes_no_sense_is_told_by_field() {
    let scene = scene();
    for status in [json!("SHIPPED"), json!("paid"), json!(1), json!("")] {
        let body = scene.put(&scene.admin, &json!({"status": status})).expect(422).json();
        let fault = &body["detail"][0];
        assert_eq!((&fault["type"], &fault["loc"]), (&json!("enum"), &json!(["body", "status"])));
        let words = "'PENDING', 'PAID', 'REFUNDED' or 'CANCELLED'";
        assert_eq!(fault["msg"], format!("Input should be {words}"));
        assert_eq!(fault["ctx"], json!({"expected": words}));
        assert_eq!(fault.get("url"), None);
    }
    for body in [
        json!({"status": null}),
        json!({"total_amount": null}),
        json!({"total_amount": -1}),
        json!({"total_amount": "much"}),
        json!({"notes": 5}),
        json!([]),
    ] {
        scene.put(&scene.admin, &body).expect(422);
        scene.put(&scene.buyer, &body).expect(422);
    }
    scene.assert_stands("PENDING", 6);
}

#[test]
fn c28_an_admin_records_a_payment_and_a_refund_by_hand() {
    let scene = scene();
    assert_eq!(scene.set(&scene.admin, "PAID").expect(200).json()["status"], "PAID");
    scene.set(&scene.admin, "PAID").expect(200);
    scene.assert_stands("PAID", 6);
    for status in ["PENDING", "CANCELLED"] {
        scene.set(&scene.admin, status).expect(409);
        scene.set(&scene.buyer, status).expect_error(403, OWNER_MAY_NOT);
    }
    scene.set(&scene.buyer, "REFUNDED").expect_error(403, OWNER_MAY_NOT);
    scene.assert_stands("PAID", 6);
    assert_eq!(scene.set(&scene.admin, "REFUNDED").expect(200).json()["status"], "REFUNDED");
    scene.set(&scene.admin, "REFUNDED").expect(200);
    scene.assert_stands("REFUNDED", 10);
    for status in ["PENDING", "PAID", "CANCELLED"] {
        scene.set(&scene.admin, status).expect(409);
    }
    scene.assert_stands("REFUNDED", 10);
    let records = scene.shop.rows().ask(&format!(
        "SELECT 'PAID', p.amount_minor, u.name FROM payments p JOIN users u ON u.id = p.recorded_by \
         WHERE p.order_id = {order} \
         UNION ALL \
         SELECT 'REFUNDED', r.amount_minor, u.name FROM refunds r \
         JOIN payments p ON p.id = r.payment_id JOIN users u ON u.id = r.begun_by WHERE p.order_id = {order}",
        order = scene.order
    ));
    assert_eq!(
        records,
        [["PAID", "9800", "Admin"], ["REFUNDED", "9800", "Admin"]],
        "each once, whatever was repeated"
    );
}

#[test]
fn c29_a_refund_may_keep_the_pairs_away_and_needs_a_payment() {
    let scene = scene();
    let refund = json!({"status": "REFUNDED", "restock": false});
    scene.put(&scene.admin, &refund).expect(409);
    scene.assert_stands("PENDING", 6);
    scene.set(&scene.admin, "PAID").expect(200);
    scene.put(&scene.admin, &refund).expect(200);
    scene.assert_stands("REFUNDED", 6);
    // A repetition with another word does not give them back either.
    scene.put(&scene.admin, &json!({"status": "REFUNDED", "restock": true})).expect(200);
    scene.assert_stands("REFUNDED", 6);
}

#[test]
fn a_pending_order_is_deleted_by_its_owner_and_gives_its_stock_back() {
    let scene = scene();
    assert_eq!(scene.delete(&scene.buyer).expect(200).text(), r#"{"msg":"Order deleted"}"#);
    assert_eq!(scene.shop.stock(scene.slipper), 10);
    scene.delete(&scene.buyer).expect_error(404, "Order not found");
    let answer = scene.shop.call(&scene.buyer, "GET", "/orders/", &Value::Null).expect(200);
    assert_eq!((answer.text().as_str(), answer.header("x-total-count")), ("[]", Some("0")));
    // Its number is never given again.
    let again = scene.shop.call(&scene.buyer, "POST", "/orders/from-cart", &Value::Null).expect(200).json();
    assert_eq!(again["order_id"], (scene.order + 1).to_string());
}

#[test]
fn an_admin_deletes_anybodys_pending_order() {
    let scene = scene();
    let path = format!("/orders/{}/", scene.order);
    scene.shop.call(&scene.admin, "DELETE", &path, &Value::Null).expect(200);
    assert_eq!(scene.shop.stock(scene.slipper), 10);
}

#[test]
fn c36_what_was_paid_is_never_deleted() {
    let scene = scene();
    for status in ["PAID", "REFUNDED"] {
        scene.set(&scene.admin, status).expect(200);
        for caller in [&scene.buyer, &scene.admin] {
            scene.delete(caller).expect(409);
        }
        assert_eq!(scene.get()["status"], status);
    }
    assert_eq!(scene.shop.stock(scene.slipper), 10);
}
