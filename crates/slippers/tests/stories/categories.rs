//! `/categories`: the shelves of the shop.

use serde_json::{Value, json};

use crate::shop::{Shop, keys};

const ADMINS_ONLY: &str = "Admin access required. You don't have permission to access this resource.";

#[test]
fn an_admin_puts_up_a_shelf_and_everybody_sees_it() {
    let shop = Shop::open();
    let admin = shop.admin();
    let answer = shop
        .call(
            &admin,
            "POST",
            "/categories/",
            &json!({"name": "Men", "description": "Men's slippers", "x": 1}),
        )
        .expect(200);
    let men = answer.json();
    assert_eq!(keys(&men), ["name", "description", "is_active", "id", "created_at", "updated_at"]);
    assert_eq!(men["description"], "Men's slippers");
    assert_eq!(men["is_active"], true);
    for key in ["created_at", "updated_at"] {
        let time = men[key].as_str().expect("a time");
        let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        assert_eq!(shape, "9999-99-99T99:99:99.999999Z", "{key}: {time}");
    }
    let plain = shop.call(&admin, "POST", "/categories", &json!({"name": "Дети"})).expect(200).json();
    assert_eq!((&plain["description"], &plain["is_active"]), (&Value::Null, &json!(true)));
    let null = json!({"name": "Oʻsmirlar", "description": null, "is_active": "off"});
    let hidden = shop.call(&admin, "POST", "/categories/", &null).expect(200).json();
    assert_eq!((&hidden["description"], &hidden["is_active"]), (&Value::Null, &json!(false)));

    assert_eq!(shop.get(&format!("/categories/{}", men["id"])).expect(200).text(), answer.text());
    let list = shop.get("/categories/").expect(200);
    assert_eq!(list.json(), json!([men, plain, hidden]), "a bare array by id, hidden ones too");
    assert!(list.text().contains("Дети"), "not escaped");
}

#[test]
fn only_an_admin_changes_shelves() {
    let shop = Shop::open();
    let admin = shop.admin();
    let id = shop.category(&admin, "Men");
    let before = shop.get("/categories/").text();
    let buyer = shop.customer("Nigora");
    let one = format!("/categories/{id}");
    for (method, path) in [("POST", "/categories/"), ("PUT", one.as_str()), ("DELETE", one.as_str())] {
        let body = if method == "DELETE" { Value::Null } else { json!({"name": "Mine"}) };
        let bytes = body.to_string();
        let stranger =
            shop.send(method, path, &[], (method != "DELETE").then_some(bytes.as_bytes())).expect(401);
        assert_eq!(stranger.detail(), "Could not validate credentials", "{method}");
        assert_eq!(stranger.header("www-authenticate"), Some("Bearer"), "{method}");
        shop.call(&buyer, method, path, &body).expect_error(403, ADMINS_ONLY);
    }
    assert_eq!(shop.get("/categories/").text(), before, "nothing changed");
}

#[test]
fn a_name_stands_once() {
    let shop = Shop::open();
    let admin = shop.admin();
    let men = shop.category(&admin, "Men");
    let women = shop.category(&admin, "Women");
    let before = shop.get("/categories/").text();
    let taken = "Category with this name already exists";
    shop.call(&admin, "POST", "/categories/", &json!({"name": "Men"})).expect_error(409, taken);
    let path = format!("/categories/{women}");
    shop.call(&admin, "PUT", &path, &json!({"name": "Men", "description": "x"})).expect_error(409, taken);
    assert_eq!(shop.get("/categories/").text(), before, "nothing changed, not even in part");
    let path = format!("/categories/{men}");
    shop.call(&admin, "PUT", &path, &json!({"name": "Men"})).expect(200);
}

#[test]
fn a_change_touches_only_what_it_names() {
    let shop = Shop::open();
    let admin = shop.admin();
    let body = json!({"name": "Men", "description": "Warm", "is_active": true});
    let first = shop.call(&admin, "POST", "/categories/", &body).expect(200).json();
    let path = format!("/categories/{}", first["id"]);
    let put = |body: Value| shop.call(&admin, "PUT", &path, &body);

    let unchanged = put(json!({})).expect(200).json();
    for key in ["id", "name", "description", "is_active", "created_at"] {
        assert_eq!(unchanged[key], first[key], "{key}");
    }
    let renamed = put(json!({"name": "Gentlemen"})).expect(200).json();
    assert_eq!((&renamed["name"], &renamed["description"]), (&json!("Gentlemen"), &json!("Warm")));
    assert_eq!(renamed["created_at"], first["created_at"]);
    assert!(renamed["updated_at"].as_str() > first["updated_at"].as_str(), "{renamed}");
    assert_eq!(shop.get(&path).expect(200).json(), renamed, "no stale answer");
    assert_eq!(put(json!({"description": null})).expect(200).json()["description"], Value::Null);
    assert_eq!(put(json!({"is_active": false})).expect(200).json()["is_active"], false);

    // A front-end's switch sends the whole category back.
    let mut whole = shop.get(&path).json();
    whole["is_active"] = json!(true);
    assert_eq!(put(whole).expect(200).json()["is_active"], true);

    let before = shop.get(&path).text();
    for (body, kind, field) in [
        (json!({"name": null}), "string_type", "name"),
        (json!({"name": ""}), "string_too_short", "name"),
        (json!({"name": "x".repeat(101)}), "string_too_long", "name"),
        (json!({"description": "x".repeat(256)}), "string_too_long", "description"),
        (json!({"description": 5}), "string_type", "description"),
        (json!({"is_active": null}), "bool_type", "is_active"),
        (json!({"is_active": "maybe"}), "bool_parsing", "is_active"),
    ] {
        assert_eq!(put(body.clone()).faults(), [(kind.to_owned(), json!(["body", field]))], "{body}");
    }
    assert_eq!(shop.get(&path).text(), before);
    let fits = json!({"name": "ж".repeat(100), "description": "ж".repeat(255)});
    put(fits).expect(200);
}

#[test]
fn the_list_is_by_id_and_can_be_cut() {
    let shop = Shop::open();
    let admin = shop.admin();
    let ids: Vec<i64> = ["C", "A", "B"].iter().map(|name| shop.category(&admin, name)).collect();
    shop.call(&admin, "PUT", &format!("/categories/{}", ids[0]), &json!({"name": "Z"})).expect(200);
    let listed = |query: &str| -> Vec<i64> {
        let list = shop.get(&format!("/categories/{query}")).expect(200).json();
        list.as_array().expect("an array").iter().filter_map(|c| c["id"].as_i64()).collect()
    };
    assert_eq!(listed(""), ids, "a changed one stays where it is");
    assert_eq!(listed("?skip=1"), ids[1..]);
    assert_eq!(listed("?limit=2"), ids[..2]);
    assert_eq!(listed("?skip=1&limit=1&page=7&_nc=5"), ids[1..2]);
    assert!(listed("?skip=3").is_empty());
    assert!(listed("?skip=9223372036854775807").is_empty());
    assert!(listed("?skip=99999999999999999999999").is_empty());
    for (query, kind, field) in [
        ("?skip=-1", "greater_than_equal", "skip"),
        ("?skip=x", "int_parsing", "skip"),
        ("?limit=0", "greater_than_equal", "limit"),
        ("?limit=101", "less_than_equal", "limit"),
    ] {
        let answer = shop.get(&format!("/categories/{query}"));
        assert_eq!(answer.faults(), [(kind.to_owned(), json!(["query", field]))], "{query}");
    }
}

#[test]
fn a_shelf_that_is_not_there_is_told() {
    let shop = Shop::open();
    let admin = shop.admin();
    shop.category(&admin, "Men");
    for id in ["0", "-1", "999", "2147483648", "9223372036854775808", "1000000000000000000000000000000"] {
        let path = format!("/categories/{id}");
        shop.get(&path).expect_error(404, "Category not found");
        shop.call(&admin, "PUT", &path, &json!({"name": "X"})).expect_error(404, "Category not found");
        shop.call(&admin, "DELETE", &path, &Value::Null).expect_error(404, "Category not found");
    }
    for id in ["abc", "1.5", "1x", "%20", "%00", "1%2f"] {
        let answer = shop.get(&format!("/categories/{id}"));
        assert_eq!(answer.faults(), [("int_parsing".to_owned(), json!(["path", "category_id"]))], "{id}");
    }
    assert_eq!(shop.get("/categories/").json().as_array().map(Vec::len), Some(1));
}

#[test]
fn d44_the_goods_stay_when_their_shelf_is_taken_down() {
    let shop = Shop::open();
    let admin = shop.admin();
    let category = shop.category(&admin, "Men");
    let body = json!({"name": "Mu", "size": "42", "price": 10, "quantity": 5, "category_id": category});
    let slipper = shop.call(&admin, "POST", "/slippers/", &body).expect(200).json()["id"].clone();
    let buyer = shop.customer("Nigora");
    shop.put_in_cart(&buyer, slipper.as_i64().expect("an id"), 2);
    let order = shop.call(&buyer, "POST", "/orders/from-cart", &Value::Null).expect(200).json();
    let cart = shop.call(&buyer, "GET", "/cart", &Value::Null).expect(200).text();

    let path = format!("/categories/{category}");
    let gone = shop.call(&admin, "DELETE", &path, &Value::Null).expect(200);
    assert_eq!(gone.text(), r#"{"message":"Category deleted successfully"}"#);
    shop.get(&path).expect_error(404, "Category not found");
    shop.call(&admin, "DELETE", &path, &Value::Null).expect_error(404, "Category not found");
    assert_eq!(shop.get("/categories/").text(), "[]");

    let kept = shop.get(&format!("/slippers/{slipper}")).expect(200).json();
    assert_eq!((&kept["category_id"], &kept["category_name"]), (&Value::Null, &Value::Null));
    assert_eq!(kept["quantity"], 3);
    let page = shop.get("/slippers/").json();
    assert_eq!((&page["total"], &page["items"][0]["category_name"]), (&json!(1), &Value::Null));
    assert_eq!(shop.get(&format!("/slippers/?category_id={category}")).json()["total"], 0);
    assert_eq!(shop.call(&buyer, "GET", "/cart", &Value::Null).text(), cart);
    let path = format!("/orders/{}", order["order_id"].as_str().expect("a number"));
    let ordered = shop.call(&buyer, "GET", &path, &Value::Null).expect(200).json();
    assert_eq!(ordered["items"][0]["slipper_id"], slipper);
    assert_eq!(ordered["total_amount"], order["total_amount"]);
}

#[test]
fn f59_a_new_name_shows_on_the_goods_at_once() {
    let shop = Shop::open();
    let admin = shop.admin();
    let category = shop.category(&admin, "Men");
    let body = json!({"name": "Mu", "size": "42", "price": 10, "quantity": 5, "category_id": category});
    let slipper = shop.call(&admin, "POST", "/slippers/", &body).expect(200).json()["id"].clone();
    let shown = || {
        let page = shop.get("/slippers/").json();
        let one = shop.get(&format!("/slippers/{slipper}")).json();
        assert_eq!(page["items"][0]["category_name"], one["category_name"]);
        one["category_name"].clone()
    };
    assert_eq!(shown(), "Men");
    let path = format!("/categories/{category}");
    for name in ["Gentlemen", "Мужские", "Erkaklar"] {
        shop.call(&admin, "PUT", &path, &json!({"name": name})).expect(200);
        assert_eq!(shown(), name);
        assert_eq!(shop.get(&path).json()["name"], name);
        assert_eq!(shop.get("/categories/").json()[0]["name"], name);
    }
}
