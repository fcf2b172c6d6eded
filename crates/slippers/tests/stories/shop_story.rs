//! The main story: somebody comes, looks, orders; the owner minds the shelves.

use serde_json::{Value, json};

use crate::shop::Shop;

#[test]
fn a_customer_registers_fills_a_cart_and_orders_what_an_admin_put_on_the_shelf() {
    let shop = Shop::open();
    let admin = shop.admin();
    let category = shop.call(&admin, "POST", "/categories/", &json!({"name": "Men"})).expect(200).json();
    let body = json!({"name": "Mu Comfort", "size": "42", "price": 49.125e1, "quantity": 5, "category_id": category["id"]});
    let slipper = shop.call(&admin, "POST", "/slippers/", &body).expect(200).json();

    let buyer = shop.customer("Dilnoza");
    let page = shop.get("/slippers/?search=COMF").expect(200).json();
    assert_eq!(page["items"][0]["id"], slipper["id"]);
    assert_eq!(page["items"][0]["category_name"], "Men");

    let cart = shop
        .call(&buyer, "POST", "/cart/items", &json!({"slipper_id": slipper["id"], "quantity": 2}))
        .expect(200)
        .json();
    assert_eq!(cart["total_amount"].to_string(), "982.5");
    let order = shop.call(&buyer, "POST", "/orders/from-cart", &Value::Null).expect(200).json();
    assert_eq!(order["status"], "PENDING");
    assert_eq!(order["total_amount"], cart["total_amount"]);
    assert_eq!(shop.stock(slipper["id"].as_i64().expect("an id")), 3);

    let listed = shop.call(&buyer, "GET", "/orders/", &Value::Null).expect(200);
    assert_eq!(listed.header("x-total-count"), Some("1"));
    assert_eq!(listed.json()[0]["order_id"], order["order_id"]);
}
