//! Bodies and parameters with more in them than was asked for: fields that nobody may set, SQL, wide and long JSON, and
//! numbers whose product is too large.

use serde_json::{Map, Value, json};

use crate::authorisation::TABLE;
use crate::scene::{A_PICTURE, Scene};
use crate::shop::{PASSWORD, Shop, keys};
use crate::wire::send_json;

/// What somebody might try to set of a thing along with what they may.
fn wished_for() -> Map<String, Value> {
    let wishes = json!({
        "id": 4711, "user_id": 1, "owner_id": 1, "cart_id": 1, "order_id": 4711, "slipper": 1, "admin_id": 1,
        "is_admin": true, "admin": true, "role": "admin", "permissions": ["*"], "scope": "admin",
        "password_hash": "mine", "session_id": "mine", "sid": "mine", "type": "refresh", "expires_in": 999_999,
        "unit_price": 0.01, "total_price": 0.01, "total_amount": 0.01, "amount": 0.01, "discount": 100,
        "payment_uuid": "mine", "paid": true, "paid_at": "2020-01-01", "created_at": "2020-01-01",
        "updated_at": "2020-01-01", "version": 4711, "items": [], "restock": true, "deleted_at": null,
        "$set": {"is_admin": true}, "__proto__": {"is_admin": true}, "user": {"is_admin": true, "id": 1},
    });
    wishes.as_object().expect("an object").clone()
}

#[test]
fn fields_that_nobody_may_set_are_not_set() {
    let shop = Shop::open();
    let admin = shop.admin();
    // Everything that somebody makes, with all wishes that the thing itself does not take.
    let more = |body: Value| {
        let mut all = wished_for();
        all.extend(body.as_object().expect("an object").clone());
        Value::Object(all)
    };
    let person = json!({"name": "Bold", "surname": "Buyer", "phone_number": "+998901112233",
        "password": PASSWORD, "confirm_password": PASSWORD});
    let registered = shop.post("/auth/register", &more(person)).expect(200).json();
    assert_eq!(registered["user"]["is_admin"], false);
    let users = shop.call(&admin, "GET", "/users/", &Value::Null).expect(200).json();
    assert_eq!((&users["items"][0]["id"], &users["items"][0]["is_admin"]), (&json!(2), &json!(false)));
    let bold = shop.login("Bold", PASSWORD);

    let made = shop.call(&admin, "POST", "/categories/", &more(json!({"name": "Men"}))).expect(200).json();
    assert_eq!(made["id"], 1);
    let slipper = json!({"name": "Mu", "size": "39", "price": 10, "quantity": 5, "category_id": 1});
    let made = shop.call(&admin, "POST", "/slippers/", &more(slipper)).expect(200).json();
    assert_eq!((&made["id"], &made["price"].to_string()), (&json!(1), &"10.0".to_owned()));
    assert!(!made["created_at"].to_string().starts_with("\"2020"), "{made}");

    let line = json!({"slipper_id": 1, "quantity": 2});
    let cart = shop.call(&bold, "POST", "/cart/items", &more(line)).expect(200).json();
    assert_eq!(
        (cart["items"][0]["price"].to_string(), cart["total_amount"].to_string()),
        ("10.0".into(), "20.0".into())
    );
    let order =
        shop.call(&bold, "POST", "/orders/from-cart", &Value::Object(wished_for())).expect(200).json();
    assert_eq!(order["total_amount"].to_string(), "20.0");
    assert_eq!(shop.call(&admin, "GET", "/cart", &Value::Null).expect(200).json()["items"], json!([]));
    let listed = shop.call(&admin, "GET", "/orders/", &Value::Null).expect(200).json();
    assert_eq!((&listed[0]["user_id"], &listed[0]["status"]), (&json!(2), &json!("PENDING")));

    // Changes of one's own: those that the rules know are refused, the others are not heard.
    let mut quiet = wished_for();
    for known in ["is_admin", "total_amount"] {
        quiet.remove(known);
    }
    let before = shop.call(&bold, "GET", "/users/me", &Value::Null).expect(200).text();
    shop.call(&bold, "PUT", "/users/me", &Value::Object(wished_for())).expect(403);
    shop.call(&bold, "PUT", "/users/me", &Value::Object(quiet.clone())).expect(200);
    assert_eq!(shop.call(&bold, "GET", "/users/me", &Value::Null).expect(200).text(), before);
    let path = format!("/orders/{}", order["order_id"].as_str().expect("a number"));
    let before = shop.call(&bold, "GET", &path, &Value::Null).expect(200).text();
    shop.call(&bold, "PUT", &path, &Value::Object(wished_for())).expect(403);
    let status = shop.call(&bold, "PUT", &path, &Value::Object(quiet)).status;
    assert!([200, 403].contains(&status), "{status}");
    assert_eq!(shop.call(&bold, "GET", &path, &Value::Null).expect(200).text(), before);
    shop.login("Bold", PASSWORD);
    shop.call(&bold, "GET", "/users/", &Value::Null).expect(403);
}

const SQL: [&str; 8] = [
    "' OR '1'='1",
    "'; DROP TABLE slippers; --",
    "\" OR 1=1 --",
    "1 OR 1=1",
    "1); DELETE FROM users; --",
    "' UNION SELECT password_hash, 1, 1 FROM users --",
    "\\'; UPDATE users SET is_admin=1; --",
    "%' ESCAPE 'x",
];

/// What no answer may hold: words of a database's complaint.
const COMPLAINTS: [&str; 7] = [
    "syntax error",
    "sqlite",
    "SQL logic",
    "no such",
    "unrecognized token",
    "near \\\"",
    "UNIQUE constraint",
];

/// Every field of the body of an operation, as the document knows it.
fn fields(document: &Value, operation: &Value) -> Vec<String> {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) else {
        return Vec::new();
    };
    keys(&document["components"]["schemas"][name]["properties"]).into_iter().map(str::to_owned).collect()
}

#[test]
fn sql_in_any_parameter_is_a_text_like_any_other() {
    let mut scene = Scene::open();
    let document = scene.shop.get("/openapi.json").expect(200).json();
    let mut tried = 0;
    for (operation, good, expected) in TABLE.iter().filter(|(_, body, _)| *body != A_PICTURE) {
        scene.prepare(operation);
        let (method, template) = operation.split_once(' ').expect("METHOD path");
        let described = &document["paths"][template][method.to_lowercase()];
        // Whoever may most: an admin, or whose cart it is.
        let role = if expected[3] == 200 { 3 } else { 1 };
        let before = scene.everything();
        let mut has_changed = false;
        let mut send = |path: String, headers: &[(&str, &str)], body: &str| {
            let bearer = format!("Bearer {}", scene.caller(role).access);
            let mut all = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
            all.extend(headers);
            let answer = scene.shop.send(method, &path, &all, (!body.is_empty()).then_some(body.as_bytes()));
            assert!(answer.status < 500, "{method} {path}: {} {}", answer.status, answer.text());
            let text = answer.text();
            let complaint = COMPLAINTS.iter().find(|word| text.contains(*word));
            assert_eq!(complaint, None, "{method} {path}: {text}");
            has_changed |= answer.status == 200;
            tried += 1;
        };
        let path = scene.fill(role, template);
        let parameters = described["parameters"].as_array().cloned().unwrap_or_default();
        for sql in SQL {
            let encoded = percent(sql);
            for parameter in &parameters {
                let name = parameter["name"].as_str().expect("a name");
                match parameter["in"].as_str() {
                    Some("path") => {
                        let odd = template.replace(&format!("{{{name}}}"), &encoded);
                        send(scene.fill(role, &odd), &[], &scene.fill(role, good));
                    }
                    Some("query") if *method == *"GET" => send(format!("{path}?{name}={encoded}"), &[], ""),
                    Some("query") => {}
                    _ => send(path.clone(), &[(name, sql)], ""),
                }
            }
            for field in fields(&document, described) {
                let mut body: Value = serde_json::from_str(&scene.fill(role, good)).unwrap_or_default();
                body[&field] = json!(sql);
                send(path.clone(), &[], &body.to_string());
            }
        }
        if !has_changed || method == "GET" {
            assert_eq!(scene.everything(), before, "{operation} changed something");
        }
    }
    assert!(tried > 500, "the document names the parameters: {tried}");
    // What was taken is kept as it was written, and finds nothing but itself.
    let admin = scene.admin();
    for sql in SQL {
        let found = scene.shop.get(&format!("/slippers/?search={}", percent(sql))).expect(200).json();
        for product in found["items"].as_array().expect("products") {
            let is_itself = [&product["name"], &product["size"]].contains(&&json!(sql));
            assert!(is_itself, "{sql} finds {product}");
        }
    }
    let users =
        scene.shop.call(admin, "GET", "/users/?is_admin=true&limit=100", &Value::Null).expect(200).json();
    let names: Vec<_> = users["items"].as_array().expect("users").iter().map(|user| &user["name"]).collect();
    for name in ["Customer", "Other"] {
        assert!(!names.contains(&&json!(name)), "{name} is no admin: {names:?}");
        scene.shop.login(name, PASSWORD);
    }
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn wide_long_and_repeated_json_is_told_shortly() {
    let scene = Scene::open();
    let before = scene.everything();
    let keys: String = (0..80_000).map(|n| format!(r#""k{n}":1,"#)).collect();
    let list = "1,".repeat(500_000);
    let long = "x".repeat(1_000_000);
    let bodies = [
        ("many keys", format!(r#"{{{keys}"name":1,"quantity":"x"}}"#)),
        ("a long list", format!(r#"{{"name":[{list}1],"quantity":[{list}1]}}"#)[..1_000_000].to_owned()),
        ("a long list, closed", format!(r#"{{"name":[{}1],"quantity":[1]}}"#, &list[..900_000])),
        ("a long text", format!(r#"{{"name":"{long}","quantity":"{}"}}"#, &long[..40_000])),
        ("a long key", format!(r#"{{"{long}":1,"name":7,"quantity":"x"}}"#)),
        (
            "one key again and again",
            format!(r#"{{{}"name":8,"quantity":"x"}}"#, r#""name":"x","#.repeat(80_000)),
        ),
        ("a number without an end", format!(r#"{{"name":7,"quantity":{}}}"#, "7".repeat(900_000))),
        ("blanks", format!("{}{{}}x", " ".repeat(900_000))),
        ("escapes", format!(r#"{{"name":"{}","quantity":"x"}}"#, r"\u0041".repeat(150_000))),
    ];
    let line = format!("/cart/items/{}", scene.value("cart_item_id"));
    for (what, body) in &bodies {
        for (role, method, path) in [
            (3, "POST", "/categories/"),
            (3, "POST", "/slippers/"),
            (1, "POST", "/cart/items"),
            (1, "PUT", line.as_str()),
            (1, "POST", "/auth/register"),
            (1, "POST", "/auth/login"),
            (1, "POST", "/auth/forgot-password"),
        ] {
            let answer = send_json(&scene.shop, Some(scene.caller(role)), method, path, body.as_bytes());
            assert_eq!(answer.status, 422, "{what}: {method} {path}: {:.200}", answer.text());
            assert!(answer.body.len() < 8192, "{what}: {method} {path}: {} bytes", answer.body.len());
        }
    }
    assert_eq!(scene.everything(), before, "nothing changed");
}

#[test]
fn no_product_of_price_and_quantity_overflows() {
    let shop = Shop::open_with(&[("ORDER_MAX_QTY_PER_ITEM", "2147483647")]);
    let admin = shop.admin();
    let buyer = shop.customer("Rich");
    // A dozen products at the highest price, each as often as a cart takes it.
    for number in 0..12 {
        let slipper = shop.product(&admin, &format!("Dear {number}"), &json!(1_000_000_000), 2_147_483_647);
        for _ in 0..50 {
            let body = json!({"slipper_id": slipper, "quantity": 999});
            let answer = shop.call(&buyer, "POST", "/cart/items", &body);
            assert!([200, 409].contains(&answer.status), "{}", answer.text());
        }
    }
    let cart = shop.call(&buyer, "GET", "/cart", &Value::Null).expect(200).json();
    let pairs = cart["total_quantity"].as_i64().expect("a number");
    assert!(pairs >= 999 * 50, "{pairs}");
    assert_eq!(cart["total_amount"].to_string(), format!("{pairs}000000000.0"), "to the last digit");
    let order = shop.call(&buyer, "POST", "/orders/from-cart", &Value::Null).expect(200).json();
    assert_eq!(order["total_amount"], cart["total_amount"]);
    let listed = shop.call(&admin, "GET", "/orders/", &Value::Null).expect(200).json();
    assert_eq!(listed[0]["total_amount"], cart["total_amount"]);
    for quantity in
        ["2147483648", "9223372036854775807", "9223372036854775808", "1e19", "-9223372036854775809"]
    {
        let body = format!(r#"{{"slipper_id":1,"quantity":{quantity}}}"#);
        send_json(&shop, Some(&buyer), "POST", "/cart/items", body.as_bytes()).expect(422);
    }
}
