//! Who may do what: every operation of the API's document, for everybody who may come.
//!
//! Whatever the path and the body name is the customer's, so the other customer is who must not touch it.

use std::collections::BTreeSet;

use crate::scene::{A_PICTURE, ROLES, Scene, operations};

const EVERYBODY: [u16; 4] = [200, 200, 200, 200];
const SIGNED_IN: [u16; 4] = [401, 200, 200, 200];
const OWNER_AND_ADMIN: [u16; 4] = [401, 200, 403, 200];
/// Other people's lines of carts are not there, for admins too.
const OWNER: [u16; 4] = [401, 200, 404, 404];
const ADMIN: [u16; 4] = [401, 403, 403, 200];
const NOBODY: [u16; 4] = [401, 403, 403, 403];

/// Operation, body, and the status for each of [`ROLES`].
pub(crate) const TABLE: &[(&str, &str, [u16; 4])] = &[
    ("GET /", "", EVERYBODY),
    ("GET /health", "", EVERYBODY),
    ("GET /health/live", "", EVERYBODY),
    ("GET /health/ready", "", EVERYBODY),
    ("GET /openapi.json", "", EVERYBODY),
    ("GET /docs", "", EVERYBODY),
    ("GET /redoc", "", EVERYBODY),
    ("GET /static/{path}", "", EVERYBODY),
    // Signing in.
    ("POST /auth/register", REGISTRATION, EVERYBODY),
    ("POST /auth/login", r#"{"name":"Customer","password":"slippers-are-soft"}"#, EVERYBODY),
    ("POST /auth/login", r#"{"name":"Admin","password":"slippers-are-soft"}"#, [401, 401, 401, 401]),
    ("POST /auth/refresh", r#"{"refresh_token":"{refresh}"}"#, [400, 200, 200, 200]),
    ("POST /auth/logout", r#"{"refresh_token":"{refresh}"}"#, EVERYBODY),
    ("POST /auth/forgot-password", FORGOTTEN, EVERYBODY),
    ("POST /auth/confirm-reset", r#"{"name":"Customer","code":"00000000"}"#, [400, 400, 400, 400]),
    // People.
    ("GET /users/me", "", SIGNED_IN),
    ("PUT /users/me", r#"{"surname":"Changed"}"#, SIGNED_IN),
    ("PUT /users/me", r#"{"is_admin":true}"#, ADMIN),
    ("GET /users/", "", ADMIN),
    ("GET /users/{user_id}", "", ADMIN),
    ("PUT /users/{user_id}", r#"{"is_admin":true}"#, ADMIN),
    ("DELETE /users/{user_id}", "", ADMIN),
    ("GET /admin/password-resets/", "", ADMIN),
    ("POST /admin/password-resets/{reset_id}/approve", "", ADMIN),
    ("POST /admin/password-resets/{reset_id}/refuse", "", ADMIN),
    ("GET /admin/audit/", "", ADMIN),
    ("GET /admin/dead-letters/", "", ADMIN),
    ("POST /admin/dead-letters/{delivery_id}/replay", "", ADMIN),
    ("GET /admin/db-pool-status", "", ADMIN),
    // The catalogue.
    ("GET /categories/", "", EVERYBODY),
    ("POST /categories/", r#"{"name":"Shelf {new}"}"#, ADMIN),
    ("GET /categories/{category_id}", "", EVERYBODY),
    ("PUT /categories/{category_id}", r#"{"description":"changed"}"#, ADMIN),
    ("DELETE /categories/{category_id}", "", ADMIN),
    ("GET /slippers/", "", EVERYBODY),
    ("POST /slippers/", r#"{"name":"Model {new}","size":"39","price":10,"quantity":1}"#, ADMIN),
    ("GET /slippers/{slipper_id}", "", EVERYBODY),
    ("PUT /slippers/{slipper_id}", r#"{"price":1}"#, ADMIN),
    ("DELETE /slippers/{slipper_id}", "", ADMIN),
    ("GET /slippers/{slipper_id}/images", "", EVERYBODY),
    ("POST /slippers/{slipper_id}/upload-images/", A_PICTURE, ADMIN),
    ("PUT /slippers/{slipper_id}/images/{image_id}", r#"{"is_primary":true}"#, ADMIN),
    ("DELETE /slippers/{slipper_id}/images/{image_id}", "", ADMIN),
    ("PUT /slippers/{slipper_id}/images/{image_id}/set-primary", "", ADMIN),
    ("POST /slippers/{slipper_id}/images/{image_id}/set-primary", "", ADMIN),
    // Carts.
    ("GET /cart", "", SIGNED_IN),
    ("GET /cart/total", "", SIGNED_IN),
    ("POST /cart/items", r#"{"slipper_id":{slipper_id},"quantity":1}"#, SIGNED_IN),
    ("PUT /cart/items/{cart_item_id}", r#"{"quantity":7}"#, OWNER),
    ("DELETE /cart/items/{cart_item_id}", "", OWNER),
    ("DELETE /cart/clear", "", SIGNED_IN),
    // Orders. Only the customer has something in the cart.
    ("GET /orders/", "", SIGNED_IN),
    ("POST /orders/from-cart", "", [401, 200, 400, 400]),
    ("GET /orders/{order_id}", "", OWNER_AND_ADMIN),
    ("PUT /orders/{order_id}", r#"{"notes":"changed"}"#, OWNER_AND_ADMIN),
    ("PUT /orders/{order_id}", r#"{"status":"CANCELLED"}"#, OWNER_AND_ADMIN),
    ("PUT /orders/{order_id}", r#"{"status":"PAID"}"#, ADMIN),
    ("PUT /orders/{order_id}", r#"{"total_amount":1}"#, NOBODY),
    ("DELETE /orders/{order_id}", "", OWNER_AND_ADMIN),
    // Payments. This shop has no gateway, which is told to who may pay: the owner alone, for nobody pays for others.
    ("POST /payments/octo/create", ORDER, [401, 400, 403, 403]),
    ("POST /payments/payme/create", ORDER, [401, 400, 403, 403]),
    ("POST /payments/click/create", ORDER, [401, 400, 403, 403]),
    ("POST /payments/octo/refund", ORDER, [401, 403, 403, 400]),
    ("GET /payments/", "", ADMIN),
    ("GET /payments/{payment_id}/events", "", ADMIN),
    ("POST /payments/{payment_id}/close-review", r#"{"note":"looked at it"}"#, [401, 403, 403, 409]),
    // Gateways have credentials of their own, and are told in their own words that these are wrong.
    ("POST /payments/octo/notify", r#"{"status":"paid"}"#, EVERYBODY),
    ("GET /payments/payme", "", EVERYBODY),
    ("POST /payments/payme", "{}", EVERYBODY),
    ("GET /api/rpc", "", EVERYBODY),
    ("POST /api/rpc", "{}", EVERYBODY),
    ("POST /payments/click/prepare", "{}", EVERYBODY),
    ("POST /payments/click/complete", "{}", EVERYBODY),
];

const ORDER: &str = r#"{"order_id":{order_id}}"#;

const REGISTRATION: &str = r#"{"name":"New {new}","surname":"Buyer","phone_number":"+998950000{new}","password":"slippers-are-soft","confirm_password":"slippers-are-soft"}"#;
const FORGOTTEN: &str =
    r#"{"name":"Nobody","new_password":"a-new-password-1","confirm_new_password":"a-new-password-1"}"#;

#[test]
fn everybody_may_do_what_the_table_says_and_a_refusal_changes_nothing() {
    let mut scene = Scene::open();
    let mut wrong = Vec::new();
    for (operation, body, expected) in TABLE {
        scene.prepare(operation);
        let before = scene.everything();
        let mut by_turns: Vec<_> = expected.iter().copied().enumerate().collect();
        // Those who are refused come first: what changes something changes it for those who come after.
        by_turns.sort_by_key(|(_, status)| *status == 200);
        for (role, expected) in by_turns {
            if expected == 200 && !operation.starts_with("GET ") {
                scene.prepare(operation);
            }
            let answer = scene.call(role, operation, body);
            let who = ROLES[role];
            if answer.status != expected {
                wrong.push(format!("{operation} {body} of {who}: {} {}", answer.status, answer.text()));
                continue;
            }
            if answer.status == 401 && !operation.starts_with("POST /auth/") {
                assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{operation} of {who}");
            }
            if answer.status >= 400 {
                assert_eq!(scene.everything(), before, "{operation} {body} of {who} changed something");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_operation_of_the_document_has_a_row_and_every_row_an_operation() {
    let scene = Scene::open();
    let document = scene.shop.get("/openapi.json").expect(200).json();
    let served: BTreeSet<String> = operations(&document).into_iter().collect();
    let told: BTreeSet<String> = TABLE.iter().map(|(operation, ..)| (*operation).to_owned()).collect();
    assert_eq!(told, served);
}
