//! What a request brings in its query and its JSON body, read by the check of every operation that there is.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::http::body;
use crate::http::errors::{ApiError, Code};
use crate::http::input::{FieldFault, Source, parse_json};
use crate::http::router;

type Check = fn(&Source) -> Vec<FieldFault>;

/// The check of each operation, by its name.
static CHECKS: LazyLock<Vec<(String, Check)>> = LazyLock::new(|| {
    let facts = router::document().facts;
    facts.into_iter().filter_map(|(name, facts)| Some((name, facts.check?))).collect()
});

/// Names in paths, all of which are ids.
const IN_PATHS: [&str; 9] = [
    "user_id",
    "reset_id",
    "category_id",
    "slipper_id",
    "image_id",
    "cart_item_id",
    "order_id",
    "payment_id",
    "delivery_id",
];

/// A query says the same when it is written anew, and what is refused of it is a parameter that came.
pub(super) fn query(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let query = Source::parse_query(&text);
    let written = form_urlencoded::Serializer::new(String::new()).extend_pairs(&query).finish();
    assert_eq!(Source::parse_query(&written), query, "{text:?} is another query when it is written anew");
    let path =
        IN_PATHS.map(|name| (name.to_owned(), query.get("path").cloned().unwrap_or("1".into()))).into();
    let source = Source { path, query, body: Some(Value::Object(Map::new())) };
    for (name, check) in CHECKS.iter() {
        let faults = told(&check(&source));
        faults.iter().for_each(|fault| points_into(&source, fault, name));
    }
}

/// A body is an object, a text or a fault with its place; what is refused of an object is a field that came or one that
/// did not; and no secret is told back.
pub(super) fn body(data: &[u8]) {
    let value = match body::parse(data, Some("application/json")) {
        Ok(value) => value,
        Err(error) => return refused(data, &error),
    };
    if let Some(value) = &value {
        assert!(depth(value) <= 128, "{} levels are more than the stack should bear", depth(value));
        let written = value.to_string();
        let again = parse_json(&written).map(|value| value.to_string()).unwrap_or_default();
        assert_eq!(again, written, "{data:?} is another value when it is written anew");
    }
    let path = IN_PATHS.map(|name| (name.to_owned(), "1".to_owned())).into();
    let source = Source { path, body: value, ..Source::default() };
    let (mut secrets, mut others) = (Vec::new(), Vec::new());
    sort_texts(source.body.as_ref().unwrap_or(&Value::Null), false, &mut secrets, &mut others);
    secrets.retain(|secret| others.iter().all(|other| !other.contains(secret)));
    for (name, check) in CHECKS.iter() {
        let faults = told(&check(&source));
        faults.iter().for_each(|fault| points_into(&source, fault, name));
        let text = Value::from(faults).to_string();
        assert!(secrets.iter().all(|secret| !text.contains(secret)), "{name} tells a secret: {text}");
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// A body that is not JSON is a 422 with a place in it, one that is not UTF-8 a 400.
fn refused(data: &[u8], error: &ApiError) {
    let answer: Value = serde_json::from_slice(&error.body("1")).unwrap_or_default();
    if error.code() == Code::BodyUnreadable {
        assert!(std::str::from_utf8(data).is_err(), "text is refused as unreadable");
        return;
    }
    assert_eq!(error.code(), Code::Invalid, "{answer}");
    let loc = &answer["detail"][0]["loc"];
    assert_eq!(loc[0], "body", "{answer}");
    let length = String::from_utf8_lossy(data).chars().count();
    let place = loc[1].as_u64().and_then(|place| usize::try_from(place).ok());
    assert!(place.is_some_and(|place| place <= length), "{answer} lies outside of {length} characters");
}

fn told(faults: &[FieldFault]) -> Vec<Value> {
    faults.iter().map(|fault| serde_json::to_value(fault).unwrap_or_default()).collect()
}

/// A fault names a field that came, or says of one that it did not.
fn points_into(source: &Source, fault: &Value, operation: &str) {
    let loc = fault["loc"].as_array().map(Vec::as_slice).unwrap_or_default();
    let texts: Vec<&str> = loc.iter().filter_map(Value::as_str).collect();
    let is_missing = fault["type"] == "missing";
    let fields = source.body.as_ref().and_then(Value::as_object);
    let holds = match texts[..] {
        ["path", name] => source.path.contains_key(name),
        ["query", name] => source.query.contains_key(name),
        ["body"] => fields.is_none(),
        ["body", name] => fields.is_some_and(|fields| fields.contains_key(name) != is_missing),
        _ => false,
    };
    assert!(holds, "{operation} tells a place that is not there: {fault}");
    assert!(fault["msg"].as_str().is_some_and(|text| !text.is_empty()), "{operation} says nothing: {fault}");
}

/// Sorts the texts of a value: those that stand below the name of a secret and are too odd for anything of ours to
/// contain them by chance, and all others.
fn sort_texts<'v>(value: &'v Value, is_secret: bool, secrets: &mut Vec<&'v str>, others: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => {
            let is_odd = text.len() >= 16 && text.bytes().all(|b| b.is_ascii_alphanumeric());
            if is_secret && is_odd { secrets.push(text) } else { others.push(text) }
        }
        Value::Array(items) => items.iter().for_each(|item| sort_texts(item, is_secret, secrets, others)),
        Value::Object(fields) => {
            for (name, item) in fields {
                others.push(name);
                let lower = name.to_lowercase();
                let names_one = ["password", "token", "secret"].iter().any(|word| lower.contains(word));
                sort_texts(item, is_secret || names_one, secrets, others);
            }
        }
        Value::Number(number) => others.push(number.as_str()),
        Value::Null | Value::Bool(_) => {}
    }
}
