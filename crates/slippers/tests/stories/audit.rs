//! `/admin/audit`: what those who run the shop did.

use serde_json::{Value, json};

use crate::shop::{ADMIN_PASSWORD, Shop, keys};

#[test]
fn b22_what_an_admin_did_is_told_to_admins_newest_first() {
    let shop = Shop::open();
    let admin = shop.admin();
    let buyer = shop.customer("Nodira");
    let men = shop.category(&admin, "Men");
    let slipper = shop.product(&admin, "Cozy Home", &json!(25.5), 5);
    let path = format!("/slippers/{slipper}");
    shop.call(&admin, "PUT", &path, &json!({"quantity": 9, "category_id": men})).expect(200);
    shop.call(&admin, "PUT", &path, &json!({"category_id": 99})).expect(404);
    shop.call(&admin, "PUT", "/users/2", &json!({"surname": "Qodirova", "is_admin": true})).expect(200);
    let audit =
        |query: &str| shop.call(&admin, "GET", &format!("/admin/audit/{query}"), &Value::Null).expect(200);
    let all = audit("").json();
    let told = |record: &Value| {
        json!([
            record["admin_id"],
            record["action"],
            record["subject"],
            record["subject_id"],
            record["change"]
        ])
    };
    let found: Vec<Value> = all.as_array().expect("a list").iter().map(told).collect();
    assert_eq!(
        json!(found),
        json!([
            [1, "update", "user", 2, {"surname": "changed", "is_admin": true}],
            [1, "update", "slipper", slipper, {"quantity": 9, "category_id": men}],
            [1, "create", "slipper", slipper,
                {"name": "Cozy Home", "size": "39", "price_minor": 2550, "quantity": 5}],
            [1, "create", "category", men, {"name": "Men", "is_active": true}],
            [null, "create", "user", 1, {"is_admin": true}],
        ])
    );
    assert_eq!(keys(&all[0]), ["id", "created_at", "admin_id", "action", "subject", "subject_id", "change"]);
    assert_eq!(audit(&format!("?max=2&before={}", all[1]["id"])).json(), json!([all[2], all[3]]));
    let text = audit("").text();
    assert!(!text.contains("Qodirova") && !text.contains(ADMIN_PASSWORD) && !text.contains("argon2"));
    for query in ["?max=0", "?max=1001", "?before=0", "?max=x"] {
        shop.call(&admin, "GET", &format!("/admin/audit{query}"), &Value::Null).expect(422);
    }
    // An admin by now.
    shop.call(&buyer, "GET", "/admin/audit", &Value::Null).expect(200);
    let other = shop.customer("Aziza");
    shop.call(&other, "GET", "/admin/audit", &Value::Null).expect(403);
    shop.get("/admin/audit/").expect(401);
}
