//! Paths and methods that lead nowhere, and the two forms of those that do.

use serde_json::{Value, json};

use crate::shop::Shop;
use crate::wire;

#[test]
fn a_wrong_method_is_told_with_the_first_right_one() {
    let shop = Shop::open();
    for (path, wrong, first) in [
        ("/", "POST", "GET"),
        ("/health", "DELETE", "GET"),
        ("/slippers/", "DELETE", "GET"),
        ("/slippers", "PATCH", "GET"),
        ("/slippers/1", "POST", "GET"),
        ("/slippers/1/images", "DELETE", "GET"),
        ("/categories/", "PUT", "GET"),
        ("/categories/1/", "POST", "GET"),
        ("/auth/login", "GET", "POST"),
        ("/auth/register", "PUT", "POST"),
        ("/auth/refresh", "GET", "POST"),
        ("/auth/logout", "HEAD", "POST"),
        ("/cart", "POST", "GET"),
        ("/cart/items", "GET", "POST"),
        ("/cart/items/1", "GET", "PUT"),
        ("/cart/clear", "POST", "DELETE"),
        ("/orders/", "POST", "GET"),
        ("/orders/1", "PATCH", "GET"),
        ("/openapi.json", "POST", "GET"),
        ("/slippers/1", "TRACE", "GET"),
        ("/slippers/1", "BREW", "GET"),
    ] {
        let answer = wire::send(&shop, wrong, path, &[], b"");
        assert_eq!(answer.status, 405, "{wrong} {path}: {}", answer.text());
        assert_eq!(answer.header("allow"), Some(first), "{wrong} {path}");
        if wrong != "HEAD" {
            assert_eq!(answer.detail(), "Method Not Allowed", "{wrong} {path}");
        }
    }
    // A method alone is refused before anything is asked of the caller.
    for path in
        ["/nowhere", "/slippers/1/2", "/cart/items/1/2", "/SLIPPERS/", "/slippers.json", "/admin", "/auth"]
    {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let answer = shop.send(method, path, &[], None).expect_error(404, "Not Found");
            assert_eq!(answer.header("allow"), None, "{method} {path}");
        }
    }
}

#[test]
fn both_forms_of_a_path_are_served_and_none_redirects() {
    let shop = Shop::open();
    let admin = shop.admin();
    let category = shop.category(&admin, "Men");
    let id = shop.product(&admin, "Mu", &json!(10), 5);
    for path in [
        "/health".to_owned(),
        "/health/live".into(),
        "/health/ready".into(),
        "/slippers".into(),
        format!("/slippers/{id}"),
        format!("/slippers/{id}/images"),
        "/categories".into(),
        format!("/categories/{category}"),
        "/cart".into(),
        "/cart/total".into(),
        "/orders".into(),
        "/orders/99".into(),
        "/admin/db-pool-status".into(),
        "/docs".into(),
        "/redoc".into(),
    ] {
        let bare = shop.call(&admin, "GET", &path, &Value::Null);
        let slashed = shop.call(&admin, "GET", &format!("{path}/"), &Value::Null);
        assert_eq!(slashed.status, bare.status, "{path}");
        assert!(bare.status == 200 || path == "/orders/99", "{path}: {}", bare.text());
        assert_eq!(slashed.header("location"), None, "{path}");
        assert_eq!(slashed.header("content-type"), bare.header("content-type"), "{path}");
    }
    let name = json!({"name": "Mu Mu"});
    shop.call(&admin, "PUT", &format!("/slippers/{id}/"), &name).expect(200);
    shop.call(&admin, "PUT", &format!("/categories/{category}/"), &name).expect(200);
    shop.call(&admin, "POST", "/categories", &json!({"name": "Women"})).expect(200);
    shop.call(&admin, "POST", "/cart/items/", &json!({"slipper_id": id})).expect(200);
    shop.call(&admin, "DELETE", "/cart/clear/", &Value::Null).expect(200);
    shop.post("/auth/login/", &json!({"name": "x", "password": "y"})).expect(401);
    shop.post("/auth/refresh/", &json!({})).expect(400);
    shop.post("/auth/logout/", &json!({})).expect(200);
}

#[test]
fn two_slashes_are_never_one() {
    let shop = Shop::open();
    let admin = shop.admin();
    let id = shop.product(&admin, "Mu", &json!(10), 5);
    shop.put_in_cart(&admin, id, 1);
    let order = shop.call(&admin, "POST", "/orders/from-cart", &Value::Null).expect(200).json();
    let order = order["order_id"].as_str().expect("a number").to_owned();
    let bearer = format!("Bearer {}", admin.access);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    // The payment page of a real front-end sends this, dozens of times after each payment.
    for path in [format!("/orders//{order}"), format!("//orders/{order}"), format!("/orders/{order}//")] {
        for status in ["PAID", "CANCELLED"] {
            let body =
                json!({"status": status, "notes": "Payment completed via OCTO. Payment ID: undefined"});
            wire::send(&shop, "PUT", &path, &headers, body.to_string().as_bytes())
                .expect_error(404, "Not Found");
        }
    }
    let kept = shop.call(&admin, "GET", &format!("/orders/{order}"), &Value::Null).expect(200).json();
    assert_eq!((&kept["status"], &kept["notes"]), (&json!("PENDING"), &Value::Null));
    for path in [
        "//",
        "///",
        "//slippers/",
        "/slippers//",
        "/slippers//1",
        "/slippers/1//",
        "/slippers/1//images",
        "//cart",
        "/cart//",
        "/cart//items",
        "//health",
        "/health//",
        "/docs//",
        "//static/x.png",
        "/%2Fslippers/",
        "/./slippers/",
        "/../slippers/",
        "/slippers/../cart",
    ] {
        let answer = wire::send(&shop, "GET", path, &headers, b"");
        assert_eq!((answer.status, &answer.json()["detail"]), (404, &json!("Not Found")), "{path}");
        assert_eq!(answer.header("location"), None, "{path}");
    }
    wire::send(&shop, "DELETE", &format!("//slippers/{id}"), &headers, b"").expect(404);
    wire::send(&shop, "DELETE", &format!("/slippers//{id}"), &headers, b"").expect(404);
    assert_eq!(shop.stock(id), 4, "it is still there");
}
