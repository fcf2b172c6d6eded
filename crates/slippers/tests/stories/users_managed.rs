//! `/users`: what admins see and change of others.

use serde_json::{Value, json};

use crate::shop::{Caller, PASSWORD, Shop, keys};

const ADMINS_ONLY: &str = "Admin access required. You don't have permission to access this resource.";

fn id_of(shop: &Shop, admin: &Caller, name: &str) -> i64 {
    let found = shop.call(admin, "GET", "/users/?limit=100", &Value::Null).expect(200).json();
    let items = found["items"].as_array().expect("items").clone();
    let user = items.iter().find(|user| user["name"] == name).unwrap_or_else(|| panic!("no {name}: {found}"));
    user["id"].as_i64().expect("an id")
}

#[test]
fn admins_list_users_newest_first_and_search_them() {
    let shop = Shop::open();
    let admin = shop.admin();
    let names = ["Dilnoza", "Нодира", "100%", "Oʻktam"];
    names.iter().for_each(|name| drop(shop.customer(name)));
    let list =
        |query: &str| shop.call(&admin, "GET", &format!("/users/{query}"), &Value::Null).expect(200).json();
    let page = list("");
    assert_eq!(keys(&page), ["items", "total", "page", "pages", "has_next", "has_prev"]);
    assert_eq!(keys(&page["items"][0]), ["id", "name", "surname", "phone_number", "is_admin", "created_at"]);
    let time = page["items"][0]["created_at"].as_str().expect("a time");
    assert!(time.len() == 32 && time.ends_with("+00:00"), "{time}");
    let shown = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().expect("items");
        items.iter().map(|user| user["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(shown(&page), ["Oʻktam", "100%", "Нодира", "Dilnoza", "Admin"]);
    let part = list("?skip=2&limit=2");
    assert_eq!(shown(&part), ["Нодира", "Dilnoza"]);
    let numbers =
        |page: &Value| ["total", "page", "pages", "has_next", "has_prev"].map(|key| page[key].clone());
    assert_eq!(numbers(&part), [json!(5), json!(2), json!(3), json!(true), json!(true)]);
    assert_eq!(numbers(&list("?skip=50"))[0], json!(5), "past the end the total is right");
    assert_eq!(shown(&list("?is_admin=true")), ["Admin"]);
    assert_eq!(numbers(&list("?is_admin=0&limit=1"))[0], json!(4));
    for (search, found) in [
        ("НОД", vec!["Нодира"]),
        ("%25", vec!["100%"]),
        ("o%27kt", vec!["Oʻktam"]),
        ("buyer", vec!["Oʻktam", "100%", "Нодира", "Dilnoza"]),
        ("%2B9989000", vec!["Admin"]),
        ("_", vec![]),
        ("", vec!["Oʻktam", "100%", "Нодира", "Dilnoza", "Admin"]),
    ] {
        assert_eq!(shown(&list(&format!("?search={search}"))), found, "{search}");
    }
    for query in ["?limit=0", "?limit=101", "?skip=-1", "?is_admin=maybe"] {
        shop.call(&admin, "GET", &format!("/users/{query}"), &Value::Null).expect(422);
    }
}

#[test]
fn only_admins_see_and_change_others() {
    let shop = Shop::open();
    let admin = shop.admin();
    let buyer = shop.customer("Nodira");
    let id = id_of(&shop, &admin, "Nodira");
    let one = format!("/users/{id}");
    for (method, path, body) in [
        ("GET", "/users/", Value::Null),
        ("GET", one.as_str(), Value::Null),
        ("PUT", one.as_str(), json!({"is_admin": true})),
        ("DELETE", one.as_str(), Value::Null),
    ] {
        shop.call(&buyer, method, path, &body).expect_error(403, ADMINS_ONLY);
        let bytes = body.to_string();
        let sent = (!body.is_null()).then_some(bytes.as_bytes());
        shop.send(method, path, &[], sent).expect_error(401, "Could not validate credentials");
    }
    for path in
        ["/users/abc", "/users/-1", "/users/1.0", "/users/+1", "/users/1%20", "/users/٣", "/users/%D9%A3/"]
    {
        for method in ["GET", "PUT", "DELETE"] {
            shop.send(method, path, &[], None).expect_error(404, "Not Found");
            shop.call(&admin, method, path, &Value::Null).expect_error(404, "Not Found");
        }
    }
    for path in ["/users/0", "/users/999", "/users/99999999999999999999999"] {
        shop.call(&admin, "GET", path, &Value::Null).expect_error(404, "User not found");
        shop.call(&admin, "DELETE", path, &Value::Null).expect_error(404, "User not found");
        for body in [json!({}), json!({"name": null})] {
            shop.call(&admin, "PUT", path, &body).expect_error(404, "User not found");
        }
    }
}

#[test]
fn an_admin_changes_somebody_and_it_counts_at_the_next_request() {
    let shop = Shop::open();
    let admin = shop.admin();
    let nodira = shop.customer("Nodira");
    shop.customer("Aziza");
    let path = format!("/users/{}", id_of(&shop, &admin, "Nodira"));
    let put = |body: Value| shop.call(&admin, "PUT", &path, &body);
    let shown = shop.call(&admin, "GET", &path, &Value::Null).expect(200);
    assert_eq!(keys(&shown.json()), ["name", "surname", "phone_number", "is_admin"], "never a password");
    assert_eq!(put(json!({})).expect(200).text(), shown.text());
    let promoted = put(json!({"is_admin": true, "surname": "Qodirova"})).expect(200);
    assert_eq!(shop.call(&admin, "GET", &path, &Value::Null).text(), promoted.text());
    shop.call(&nodira, "GET", "/users/", &Value::Null).expect(200);
    put(json!({"is_admin": false})).expect(200);
    shop.call(&nodira, "GET", "/users/", &Value::Null).expect_error(403, ADMINS_ONLY);
    shop.call(&nodira, "GET", "/users/me", &Value::Null).expect(200);

    let before = shop.call(&admin, "GET", &path, &Value::Null).text();
    put(json!({"name": "Aziza"})).expect_error(400, "User with this name already exists");
    put(json!({"phone_number": "+998900000001"})).expect_error(400, "Phone number already in use");
    for field in ["name", "surname", "phone_number", "is_admin"] {
        put(json!({field: null})).expect_error(400, "Update failed");
    }
    put(json!({"name": "N"})).expect(422);
    assert_eq!(shop.call(&admin, "GET", &path, &Value::Null).text(), before, "nothing changed");
}

#[test]
fn b22_admins_leave_themselves_alone_so_that_one_is_left() {
    let shop = Shop::open();
    let admin = shop.admin();
    let path = format!("/users/{}", id_of(&shop, &admin, "Admin"));
    let own = "You cannot update your own account through this endpoint";
    for body in [json!({}), json!({"is_admin": false}), json!({"name": null})] {
        shop.call(&admin, "PUT", &path, &body).expect_error(400, own);
    }
    shop.call(&admin, "DELETE", &path, &Value::Null).expect_error(400, "You cannot delete your own account");
    shop.call(&admin, "PUT", "/users/me", &json!({"is_admin": false}))
        .expect_error(403, "You cannot change your admin status");
    shop.call(&admin, "GET", "/users/", &Value::Null).expect(200);
}

#[test]
fn somebody_deleted_is_gone_at_once_and_their_name_is_free() {
    let shop = Shop::open();
    let admin = shop.admin();
    let nodira = shop.customer("Nodira");
    let path = format!("/users/{}", id_of(&shop, &admin, "Nodira"));
    let phone = shop.call(&admin, "GET", &path, &Value::Null).json()["phone_number"].clone();
    let gone = shop.call(&admin, "DELETE", &path, &Value::Null).expect(200);
    assert_eq!(gone.json(), json!({"msg": "User deleted"}));
    shop.call(&nodira, "GET", "/users/me", &Value::Null).expect_error(401, "Could not validate credentials");
    shop.post("/auth/refresh", &json!({"refresh_token": nodira.refresh})).expect(401);
    shop.post("/auth/login", &json!({"name": "Nodira", "password": PASSWORD}))
        .expect_error(401, "Incorrect name or password");
    shop.call(&admin, "GET", &path, &Value::Null).expect_error(404, "User not found");
    shop.call(&admin, "DELETE", &path, &Value::Null).expect_error(404, "User not found");
    let again = json!({"name": "Nodira", "surname": "Li", "phone_number": phone,
        "password": PASSWORD, "confirm_password": PASSWORD});
    shop.post("/auth/register", &again).expect(200);
}

#[test]
fn b21_orders_of_somebody_deleted_stay_without_the_person() {
    let shop = Shop::open();
    let admin = shop.admin();
    let nodira = shop.customer("Nodira");
    let slipper = shop.product(&admin, "Cozy Home", &json!(25), 5);
    shop.put_in_cart(&nodira, slipper, 2);
    shop.call(&nodira, "POST", "/orders/from-cart", &Value::Null).expect(200);
    let id = id_of(&shop, &admin, "Nodira");
    let path = format!("/users/{id}");
    let phone = shop.call(&admin, "GET", &path, &Value::Null).json()["phone_number"].clone();
    shop.call(&admin, "DELETE", &path, &Value::Null).expect(200);

    let orders = shop.call(&admin, "GET", "/orders/", &Value::Null).expect(200).json();
    assert_eq!((&orders[0]["user_id"], &orders[0]["user_name"]), (&json!(id), &json!("Deleted user")));
    assert_eq!(orders[0]["items"][0]["quantity"], 2);
    assert_eq!(shop.stock(slipper), 3, "still reserved");
    let users = shop.call(&admin, "GET", "/users/", &Value::Null).expect(200);
    assert_eq!(users.json()["total"], 1);
    assert!(!users.text().contains("Nodira") && !users.text().to_lowercase().contains("deleted"));
    for search in ["nodira", "deleted", "0000"] {
        let found =
            shop.call(&admin, "GET", &format!("/users/?search={search}&is_admin=false"), &Value::Null);
        assert_eq!(found.json()["total"], 0, "{search}");
    }
    shop.call(&admin, "GET", &path, &Value::Null).expect_error(404, "User not found");
    shop.call(&nodira, "GET", "/orders/", &Value::Null).expect(401);
    for name in ["Nodira", "Deleted user", ""] {
        shop.post("/auth/login", &json!({"name": name, "password": ""})).expect(401);
    }
    let again = json!({"name": "Nodira", "surname": "Li", "phone_number": phone,
        "password": PASSWORD, "confirm_password": PASSWORD});
    let anew = Caller::from_answer("Nodira", &shop.post("/auth/register", &again));
    assert_eq!(shop.call(&anew, "GET", "/orders/", &Value::Null).json(), json!([]), "not theirs");
}
