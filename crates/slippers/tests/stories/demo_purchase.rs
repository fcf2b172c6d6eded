//! The demo's own gateways: a newcomer clicks through a whole purchase, and nobody else ever meets them.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::shop::{ADMIN_PASSWORD, Shop, eventually};

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
fn a_demo_that_is_started_again_knows_its_payments_also_when_it_was_killed() {
    let mut shop = Shop::serve(TempDir::new().expect("a folder"), &[], &["--demo"]);
    let buyer = shop.customer("Dilnoza");
    let pay = |shop: &Shop, slipper: i64| {
        let body = json!({"items": [{"slipper_id": slipper}]});
        let made = shop.call(&buyer, "POST", "/payments/octo/create", &body).expect(200).json();
        let link = made["redirect_url"].as_str().expect("a link").to_owned();
        (made["order_id"].as_i64().expect("a number"), link)
    };
    let await_status = |shop: &Shop, order: i64, status: &str| {
        let path = format!("/orders/{order}");
        eventually(status, || {
            let order = shop.call(&buyer, "GET", &path, &Value::Null).expect(200).json();
            (order["status"] == status).then_some(())
        });
    };
    let ((paid, paid_link), (open, open_link)) = (pay(&shop, 1), pay(&shop, 2));
    assert_eq!(press(&format!("{paid_link}/pay")), 303);
    await_status(&shop, paid, "PAID");
    shop.signal("KILL");
    assert_eq!(shop.wait(), None, "it was killed");
    shop.restart();
    // The link leads to the same page still, and what was paid can be returned.
    let (again, same_link) = pay(&shop, 2);
    assert_eq!((again, &same_link), (open, &open_link));
    assert_eq!(press(&format!("{open_link}/pay")), 303);
    await_status(&shop, open, "PAID");
    // The demo has an Admin of its own, whose password it told once.
    let create = ["admin", "create", "--name", "Boss", "--phone", "+998900000003", "--password-stdin"];
    let (code, _, errors) = shop.run(&create, &format!("{ADMIN_PASSWORD}\n"));
    assert_eq!(code, 0, "{errors}");
    let admin = shop.login("Boss", ADMIN_PASSWORD);
    let body = json!({"order_id": paid});
    shop.call(&admin, "POST", "/payments/octo/refund", &body).expect(200);
    await_status(&shop, paid, "REFUNDED");
    let waiting = shop.call(&admin, "GET", "/payments/?in_review=true", &Value::Null).expect(200).json();
    assert_eq!(waiting, json!([]), "nobody has to look");
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
