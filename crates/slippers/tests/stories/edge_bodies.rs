//! Bodies: JSON and what is none, and the spellings that a value may come in.

use serde_json::json;

use crate::shop::{Shop, keys, only_fault};
use crate::wire::{self, send_json};

#[test]
fn a_body_that_is_no_object_is_one_fault() {
    let shop = Shop::open();
    let admin = shop.admin();
    let empty = only_fault(&send_json(&shop, Some(&admin), "POST", "/categories/", ""));
    assert_eq!(
        empty.to_string(),
        r#"{"type":"missing","loc":["body"],"msg":"Field required","input":null,"url":"https://errors.pydantic.dev/2.5/v/missing"}"#
    );
    let text = "Input should be a valid dictionary or object to extract fields from";
    for body in ["[]", r#"[{"name":"Men"}]"#, "5", "true", r#""text""#] {
        let fault = only_fault(&send_json(&shop, Some(&admin), "POST", "/categories/", body));
        assert_eq!(
            (&fault["type"], &fault["loc"]),
            (&json!("model_attributes_type"), &json!(["body"])),
            "{body}"
        );
        assert_eq!(fault["msg"], text, "{body}");
    }
    // JSON is what says that it is JSON, or says nothing.
    let bearer = format!("Bearer {}", admin.access);
    let post = |kind: Option<&str>, body: &str| {
        let mut headers = vec![("authorization", bearer.as_str())];
        headers.extend(kind.map(|kind| ("content-type", kind)));
        wire::send(&shop, "POST", "/categories/", &headers, body.as_bytes())
    };
    for kind in ["text/plain", "application/x-www-form-urlencoded", "text/json", "nonsense"] {
        let answer = post(Some(kind), r#"{"name":"Text"}"#);
        assert_eq!(answer.faults(), [("model_attributes_type".to_owned(), json!(["body"]))], "{kind}");
    }
    for (n, kind) in
        [None, Some("application/json"), Some("application/json; charset=utf-8"), Some("APPLICATION/JSON")]
            .into_iter()
            .enumerate()
    {
        let name = format!("Shelf {n}");
        assert_eq!(post(kind, &json!({"name": name}).to_string()).expect(200).json()["name"], name);
    }
    assert_eq!(shop.get("/categories/").json().as_array().map(Vec::len), Some(4));
}

#[test]
fn what_is_not_json_is_told_with_its_place() {
    let shop = Shop::open();
    let property = "Expecting property name enclosed in double quotes";
    for (body, place, reason) in [
        ("{name: 1}", 1, property),
        ("{'name': 1}", 1, property),
        ("{\"name\": \"Men\",}", 15, property),
        ("{\"name\" \"Men\"}", 8, "Expecting ':' delimiter"),
        ("{\"name\": }", 9, "Expecting value"),
        ("{\"имя\": \"Аня\" 1", 14, "Expecting ',' delimiter"),
        ("{\"name\": \"Men", 9, "Unterminated string starting at"),
        ("{} {}", 3, "Extra data"),
        ("nonsense", 0, "Expecting value"),
        (" ", 1, "Expecting value"),
    ] {
        let answer = send_json(&shop, None, "POST", "/auth/login", body);
        let expected = json!({"type": "json_invalid", "loc": ["body", place], "msg": "JSON decode error",
            "input": {}, "ctx": {"error": reason}});
        assert_eq!(only_fault(&answer), expected, "{body}");
        assert_eq!(keys(&only_fault(&answer)), ["type", "loc", "msg", "input", "ctx"], "no url: {body}");
    }
}

#[test]
fn numbers_and_switches_come_in_many_spellings_and_texts_in_one() {
    let shop = Shop::open();
    let admin = shop.admin();
    shop.product(&admin, "Mu", &json!(10), 5);
    let put = |path: &str, field: &str, value: &str| {
        send_json(&shop, Some(&admin), "PUT", path, format!(r#"{{"{field}":{value}}}"#))
    };
    for (value, number) in
        [("7", 7), ("\"8\"", 8), ("9.0", 9), ("\" 10 \"", 10), ("\"+11\"", 11), ("1.2e1", 12)]
    {
        assert_eq!(put("/slippers/1", "quantity", value).expect(200).json()["quantity"], number, "{value}");
        assert_eq!(shop.stock(1), number, "{value}");
    }
    for value in ["\"3.5\"", "\"\"", "\"three\"", "\"0x10\"", "[1]", "{}", "null"] {
        assert_eq!(put("/slippers/1", "quantity", value).status, 422, "{value}");
    }
    assert_eq!(shop.stock(1), 12);
    shop.category(&admin, "Men");
    for (value, flag) in [
        ("true", true),
        ("false", false),
        ("1", true),
        ("0", false),
        ("\"yes\"", true),
        ("\"NO\"", false),
        ("\"On\"", true),
        ("\"oFF\"", false),
        ("\"t\"", true),
        ("\"F\"", false),
        ("\"Y\"", true),
        ("\"n\"", false),
        ("\"1\"", true),
        ("\"0\"", false),
        ("\"TRUE\"", true),
        ("\"False\"", false),
    ] {
        assert_eq!(put("/categories/1", "is_active", value).expect(200).json()["is_active"], flag, "{value}");
    }
    for value in ["\"\"", "\"ja\"", "2", "-1", "null", "[]"] {
        assert_eq!(put("/categories/1", "is_active", value).status, 422, "{value}");
    }
    for value in ["5", "true", "null", "[]", "{\"a\":1}", "1.5"] {
        let answer = put("/categories/1", "name", value);
        assert_eq!(answer.faults(), [("string_type".to_owned(), json!(["body", "name"]))], "{value}");
    }
    assert_eq!(shop.get("/categories/1").json()["name"], "Men");
}

#[test]
fn unknown_fields_are_passed_over_and_of_two_the_last_counts() {
    let shop = Shop::open();
    let admin = shop.admin();
    let body = r#"{"id":99,"name":"First","created_at":"x","name":"Second","nested":{"name":"Third"},"":0}"#;
    let made =
        send_json(&shop, Some(&admin), "POST", "/categories/?name=Query&x=1&x=2", body).expect(200).json();
    assert_eq!((&made["name"], &made["id"]), (&json!("Second"), &json!(1)));
    let faulty = r#"{"name":"First","name":5}"#;
    let answer = send_json(&shop, Some(&admin), "POST", "/categories/", faulty);
    assert_eq!(answer.faults(), [("string_type".to_owned(), json!(["body", "name"]))]);
}
