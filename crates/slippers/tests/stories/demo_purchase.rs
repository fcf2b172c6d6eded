//! The demo's own gateways: a newcomer clicks through a whole purchase, and nobody else ever meets them.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::shop::{Shop, eventually};

fn press(url: &str) -> u16 {
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
    let agent: ureq::Agent = config.build().into();
    agent.post(url).send("").unwrap_or_else(|error| panic!("{url}: {error}")).status().as_u16()
}

#[test]
fn a_newcomer_clicks_through_a_whole_purchase_at_each_gateway() {
    let shop = Shop::serve(TempDir::new().expect("a folder"), &[], &["--demo"]);
    eventually("it says so", || shop.said().contains("no money moves").then_some(()));
    let buyer = shop.customer("Dilnoza");
    for (slipper, gateway) in [(1, "octo"), (2, "payme"), (3, "click")] {
        shop.put_in_cart(&buyer, slipper, 2);
        let placed = shop.call(&buyer, "POST", "/orders/from-cart", &Value::Null).expect(200).json();
        let order: i64 = placed["order_id"].as_str().expect("a number").parse().expect("a number");
        let path = format!("/payments/{gateway}/create");
        let made = shop.call(&buyer, "POST", &path, &json!({"order_id": order})).expect(200).json();
        let link = made["redirect_url"].as_str().expect("a link");
        assert!(link.starts_with("http://127.0.0.1:"), "{link}");
        let button = match gateway {
            "octo" => format!("{link}/pay"),
            "payme" => format!("{link}?pay"),
            _ => format!("{link}&do=pay"),
        };
        // Paid, and back to the shop.
        assert_eq!(press(&button), 303, "{gateway}");
        let path = format!("/orders/{order}");
        eventually("the order is paid", || {
            let order = shop.call(&buyer, "GET", &path, &Value::Null).expect(200).json();
            (order["status"] == "PAID").then_some(())
        });
    }
}

#[test]
fn a_gateway_of_the_settings_is_never_replaced_and_without_the_demo_there_is_none() {
    let settings = [
        ("OCTO_API_BASE", "http://127.0.0.1:9"),
        ("OCTO_SHOP_ID", "27"),
        ("OCTO_SECRET", "x"),
        ("OCTO_NOTIFY_URL", "http://127.0.0.1:9/"),
    ];
    let shop = Shop::serve(TempDir::new().expect("a folder"), &settings, &["--demo"]);
    let buyer = shop.customer("Dilnoza");
    let body = json!({"items": [{"slipper_id": 1}]});
    let answer = shop.call(&buyer, "POST", "/payments/octo/create", &body).expect(400);
    assert!(answer.detail().starts_with("HTTP error: "), "it is OCTO that is called: {}", answer.text());
    shop.call(&buyer, "POST", "/payments/payme/create", &body).expect(200);
    let shop = Shop::open();
    let buyer = shop.customer("Dilnoza");
    let answer = shop.call(&buyer, "POST", "/payments/click/create", &body).expect(400);
    assert_eq!(answer.json()["code"], "gateway_not_configured");
}
