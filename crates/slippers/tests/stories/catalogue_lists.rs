//! `GET /slippers/`: pages, orders, search and filters.

use serde_json::{Value, json};

use crate::shop::{Caller, Shop, keys};

/// A shop with these products as (name, size, price); their ids count from 1.
fn shop_with(goods: &[(&str, &str, &str)]) -> (Shop, Caller) {
    let shop = Shop::open();
    let admin = shop.admin();
    for (name, size, price) in goods {
        let body = json!({"name": name, "size": size, "price": price, "quantity": 5});
        shop.call(&admin, "POST", "/slippers/", &body).expect(200);
    }
    (shop, admin)
}

fn twelve() -> (Shop, Caller) {
    let names: Vec<String> = (1..=12).map(|n| format!("Mu {n:02}")).collect();
    shop_with(&names.iter().map(|name| (name.as_str(), "39", "10")).collect::<Vec<_>>())
}

#[track_caller]
fn ids(page: &Value) -> Vec<i64> {
    page["items"].as_array().expect("items").iter().map(|item| item["id"].as_i64().expect("an id")).collect()
}

#[track_caller]
fn listed(shop: &Shop, query: &str) -> Vec<i64> {
    ids(&shop.get(&format!("/slippers/?{query}")).expect(200).json())
}

/// The ids that a search finds, smallest first.
#[track_caller]
fn found(shop: &Shop, term: &str) -> Vec<i64> {
    let encoded: String = term.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let page = shop.get(&format!("/slippers/?sort=id_asc&search={encoded}")).expect(200).json();
    let ids = ids(&page);
    assert_eq!(page["total"], ids.len(), "{term}");
    ids
}

#[test]
fn d48_a_page_tells_where_it_stands() {
    let (shop, _) = twelve();
    let page = shop.get("/slippers/").expect(200).json();
    assert_eq!(keys(&page), ["items", "total", "page", "pages", "has_next", "has_prev", "sort"]);
    assert_eq!(page["sort"], "id_desc");
    assert_eq!(ids(&page), (1..=12).rev().collect::<Vec<_>>());
    for (query, count, page, pages, has_next, has_prev) in [
        ("skip=0&limit=20", 12, 1, 1, false, false),
        ("skip=5&limit=5", 5, 2, 3, true, true),
        ("skip=10&limit=5", 2, 3, 3, false, true),
        ("skip=7&limit=5", 5, 2, 3, false, true),
        ("skip=6&limit=6", 6, 2, 2, false, true),
        ("skip=0&limit=1", 1, 1, 12, true, false),
        ("skip=11&limit=1", 1, 12, 12, false, true),
        ("skip=0&limit=12", 12, 1, 1, false, false),
        ("skip=0&limit=100", 12, 1, 1, false, false),
        // Past the end the numbers stay right.
        ("skip=12&limit=5", 0, 3, 3, false, true),
        ("skip=500&limit=5", 0, 101, 3, false, true),
    ] {
        let body = shop.get(&format!("/slippers/?{query}")).expect(200).json();
        assert_eq!(ids(&body).len(), count, "{query}");
        let told = ["total", "page", "pages", "has_next", "has_prev"].map(|key| body[key].clone());
        assert_eq!(told, [json!(12), json!(page), json!(pages), json!(has_next), json!(has_prev)], "{query}");
    }
    let none = shop.get("/slippers/?search=nothing").expect(200).text();
    assert_eq!(
        none,
        r#"{"items":[],"total":0,"page":1,"pages":0,"has_next":false,"has_prev":false,"sort":"id_desc"}"#
    );
}

#[test]
fn an_empty_shop_has_an_empty_page() {
    let shop = Shop::open();
    let nothing =
        r#"{"items":[],"total":0,"page":1,"pages":0,"has_next":false,"has_prev":false,"sort":"id_desc"}"#;
    assert_eq!(shop.get("/slippers/").expect(200).text(), nothing);
    assert_eq!(shop.get("/slippers").expect(200).text(), nothing);
    assert_eq!(shop.get("/categories/").expect(200).text(), "[]");
}

#[test]
fn page_counts_where_skip_does_not_come() {
    let (shop, _) = twelve();
    let query = "sort=id_asc&limit=5&include_images=true&_nc=17";
    assert_eq!(listed(&shop, &format!("{query}&page=1")), [1, 2, 3, 4, 5]);
    assert_eq!(listed(&shop, &format!("{query}&page=3")), [11, 12]);
    let second = shop.get(&format!("/slippers/?{query}&page=2")).expect(200).json();
    assert_eq!((ids(&second), &second["page"]), (vec![6, 7, 8, 9, 10], &json!(2)));
    assert_eq!((&second["has_prev"], &second["has_next"]), (&json!(true), &json!(true)));
    assert_eq!(listed(&shop, &format!("{query}&page=2&skip=0")), [1, 2, 3, 4, 5], "skip wins");
    assert_eq!(listed(&shop, &format!("{query}&page=x&skip=5")), [6, 7, 8, 9, 10], "page is not looked at");
    for far in ["4", "1000000", "9223372036854775807", "99999999999999999999"] {
        let page = shop.get(&format!("/slippers/?{query}&page={far}")).expect(200).json();
        assert_eq!((ids(&page), &page["total"], &page["pages"]), (vec![], &json!(12), &json!(3)), "{far}");
    }
}

#[test]
fn d49_d51_every_order_breaks_ties_by_id() {
    let (shop, _) = shop_with(&[
        ("b", "39", "20"),
        ("a", "39", "10"),
        ("B", "39", "10"),
        ("a", "39", "20"),
        ("c", "39", "10"),
        ("Б", "39", "5"),
        ("а", "39", "5"),
    ]);
    for (sort, order) in [
        ("id_asc", [1, 2, 3, 4, 5, 6, 7]),
        ("id_desc", [7, 6, 5, 4, 3, 2, 1]),
        ("price_asc", [6, 7, 2, 3, 5, 1, 4]),
        ("price_desc", [4, 1, 5, 3, 2, 7, 6]),
        ("name_asc", [2, 4, 1, 3, 5, 7, 6]),
        ("name_desc", [6, 7, 5, 3, 1, 4, 2]),
        ("created_asc", [1, 2, 3, 4, 5, 6, 7]),
        ("created_desc", [7, 6, 5, 4, 3, 2, 1]),
        ("price", [2, 4, 1, 3, 5, 7, 6]),
        ("", [2, 4, 1, 3, 5, 7, 6]),
        ("ID_DESC", [2, 4, 1, 3, 5, 7, 6]),
        ("name_asc; DROP TABLE slippers", [2, 4, 1, 3, 5, 7, 6]),
    ] {
        let path = format!("/slippers/?sort={}", sort.replace(' ', "%20"));
        let whole = shop.get(&path).expect(200).json();
        assert_eq!(ids(&whole), order, "{sort}");
        assert_eq!(whole["sort"], sort, "it is echoed as it was sent");
        // Page by page nothing is repeated and nothing is missed.
        let pieces: Vec<i64> =
            (0..4).flat_map(|n| listed(&shop, &format!("{}&limit=2&skip={}", &path[11..], n * 2))).collect();
        assert_eq!(pieces, order, "{sort}");
    }
}

#[test]
fn d50_search_knows_every_script_and_no_wildcards() {
    let (shop, admin) = shop_with(&[
        ("Mu Comfort", "39", "1"),
        ("Тапочки Комфорт", "40", "1"),
        ("Oʻzbek shippak", "41-42", "1"),
        ("100% wool", "39_40", "1"),
        ("Ёлка", "XL", "1"),
        ("a\\b", "39", "1"),
    ]);
    for (term, ids) in [
        ("comf", &[1][..]),
        ("COMFORT", &[1]),
        ("комфорт", &[2]),
        ("ТАПОЧКИ", &[2]),
        ("чки ко", &[2]),
        ("о", &[2]),
        ("ко", &[2]),
        ("ё", &[5]),
        ("Ё", &[5]),
        ("xl", &[5]),
        ("39", &[1, 4, 6]),
        ("40", &[2, 4]),
        ("41-4", &[3]),
        ("%", &[4]),
        ("0%", &[4]),
        ("0% w", &[4]),
        ("_", &[4]),
        ("9_4", &[4]),
        ("c%t", &[]),
        ("c_mfort", &[]),
        ("\\", &[6]),
        ("a\\b", &[6]),
        ("comfort 39", &[]),
        ("'", &[3]),
        ("o'zbek", &[3]),
        ("\"", &[]),
        ("*", &[]),
        ("mu* OR", &[]),
        ("' OR 1=1 --", &[]),
        ("nothing at all", &[]),
        (&"x".repeat(900), &[]),
        ("", &[1, 2, 3, 4, 5, 6]),
    ] {
        assert_eq!(found(&shop, term), ids, "{term:?}");
    }
    assert_eq!(listed(&shop, "search=mu+comfort"), [1], "a plus is a blank");
    assert_eq!(shop.get("/slippers/?search=%00").status, 422, "no text that could be stored");
    assert!(found(&shop, "\u{fffd}").is_empty());
    shop.get("/slippers/?search=%ff%fe").expect(200);

    // What an admin changes is found by its new words at once, and no more by the old ones.
    shop.call(&admin, "PUT", "/slippers/1", &json!({"name": "Уют", "size": "44"})).expect(200);
    assert_eq!(
        (found(&shop, "comfort"), found(&shop, "уют"), found(&shop, "уЮ")),
        (vec![], vec![1], vec![1])
    );
    assert_eq!((found(&shop, "39"), found(&shop, "44")), (vec![4, 6], vec![1]));
    shop.call(&admin, "DELETE", "/slippers/2", &Value::Null).expect(200);
    assert_eq!((found(&shop, "комфорт"), found(&shop, "ко")), (vec![], vec![]));
}

#[test]
fn a_category_and_a_search_narrow_the_list_together() {
    let shop = Shop::open();
    let admin = shop.admin();
    let (men, women) = (shop.category(&admin, "Men"), shop.category(&admin, "Women"));
    for (name, category) in [("Mu", Some(men)), ("Mu Mu", Some(women)), ("Bo", Some(men)), ("Bo Mu", None)] {
        let body = json!({"name": name, "size": "39", "price": 1, "quantity": 0, "category_id": category});
        shop.call(&admin, "POST", "/slippers/", &body).expect(200);
    }
    for (query, ids) in [
        (format!("category_id={men}"), &[1, 3][..]),
        (format!("category_id={women}"), &[2]),
        ("category_id=0".into(), &[1, 2, 3, 4]),
        ("category_id=99".into(), &[]),
        ("category_id=-1".into(), &[]),
        ("category_id=2147483648".into(), &[]),
        ("category_id=99999999999999999999".into(), &[]),
        (format!("category_id={men}&search=mu"), &[1]),
        (format!("category_id={men}&search=m"), &[1]),
        (format!("category_id={women}&search=bo"), &[]),
        ("category_id=0&search=bo".into(), &[3, 4]),
        (format!("category_id={women}&category_id={men}"), &[1, 3]),
    ] {
        let page = shop.get(&format!("/slippers/?sort=id_asc&{query}")).expect(200).json();
        assert_eq!((&self::ids(&page)[..], &page["total"]), (ids, &json!(ids.len())), "{query}");
    }
    let path = "/slippers/?category_id=men";
    assert_eq!(shop.get(path).faults(), [("int_parsing".to_owned(), json!(["query", "category_id"]))]);
    shop.call(&admin, "PUT", "/slippers/1", &json!({"category_id": women})).expect(200);
    assert_eq!(shop.get(&format!("/slippers/?category_id={men}")).json()["total"], 1);
    assert_eq!(shop.get(&format!("/slippers/?category_id={women}")).json()["total"], 2);
}

#[test]
fn a_list_can_come_without_pictures() {
    let (shop, _) = shop_with(&[("Mu", "39", "1")]);
    for word in ["false", "0", "no", "OFF", "f", "N"] {
        let page = shop.get(&format!("/slippers/?include_images={word}")).expect(200).json();
        let item = &page["items"][0];
        assert!(
            keys(item).iter().all(|key| !key.contains("images") && !key.contains("_image")),
            "{word}: {item}"
        );
        assert_eq!(item["image"], "", "{word}");
    }
    for word in ["true", "1", "yes", "On", "t", "Y"] {
        let page = shop.get(&format!("/slippers/?include_images={word}")).expect(200).json();
        assert!(page["items"][0]["images"].is_array(), "{word}");
    }
    let answer = shop.get("/slippers/?include_images=perhaps");
    assert_eq!(answer.faults(), [("bool_parsing".to_owned(), json!(["query", "include_images"]))]);
}

#[test]
fn a_page_has_bounds_and_ignores_what_it_does_not_know() {
    let (shop, _) = twelve();
    for (query, kind, field) in [
        ("skip=-1", "greater_than_equal", "skip"),
        ("skip=a", "int_parsing", "skip"),
        ("skip=", "int_parsing", "skip"),
        ("limit=0", "greater_than_equal", "limit"),
        ("limit=101", "less_than_equal", "limit"),
        ("limit=1.5", "int_parsing", "limit"),
        ("limit=99999999999999999999", "less_than_equal", "limit"),
    ] {
        let answer = shop.get(&format!("/slippers/?{query}"));
        assert_eq!(answer.faults(), [(kind.to_owned(), json!(["query", field]))], "{query}");
    }
    for far in ["9223372036854775807", "9223372036854775808", "100000000000000000000000000000"] {
        let page = shop.get(&format!("/slippers/?skip={far}&limit=100")).expect(200).json();
        assert_eq!((ids(&page).len(), &page["total"]), (0, &json!(12)), "{far}");
        assert_eq!((&page["has_next"], &page["has_prev"]), (&json!(false), &json!(true)), "{far}");
    }
    assert_eq!(listed(&shop, "limit=2&_nc=1&_t=2&a[]=b&&=&%zz=1&x=%ff").len(), 2);
    assert_eq!(listed(&shop, "limit=7&limit=2").len(), 2, "of two the last counts");
}

#[test]
fn a_page_number_that_is_none_means_the_first_page() {
    let shop = Shop::open();
    let admin = shop.admin();
    for number in 0..3 {
        shop.product(&admin, &format!("Mu {number}"), &json!(10), 1);
    }
    for page in ["0", "-1", "abc", "", "1.5"] {
        let listed = shop.get(&format!("/slippers/?page={page}&limit=2")).expect(200).json();
        assert_eq!((&listed["page"], ids(&listed).len()), (&json!(1), 2), "page={page}");
    }
    assert_eq!(shop.get("/slippers/?page=2&limit=2").expect(200).json()["page"], 2);
}
