//! The document holds together, and says what the code does.

mod limits;

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::http::errors::{ApiError, Code};
use crate::http::input::{Fault, FieldFault};

fn parsed() -> Value {
    serde_json::from_str(&openapi_json()).expect("JSON")
}

/// Every operation with its path and method.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let of = |(path, item): (&String, &'_ Value)| {
        let methods = item.as_object().expect("methods").keys().cloned().collect::<Vec<_>>();
        methods.into_iter().map(|method| (path.clone(), method)).collect::<Vec<_>>()
    };
    let all = paths.iter().flat_map(of);
    all.map(|(path, method)| {
        let operation = &paths[&path][&method];
        (path, method, operation)
    })
    .collect()
}

fn statuses(operation: &Value) -> BTreeSet<&str> {
    operation["responses"].as_object().expect("responses").keys().map(String::as_str).collect()
}

#[test]
fn it_says_what_it_is() {
    let document = parsed();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")));
    assert_eq!(document["info"]["title"], "Slippers Order System API");
    assert_eq!(document["info"]["version"], "2.0.0");
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    assert!(document.pointer("/components/schemas/Error/properties/request_id").is_some());
}

#[test]
fn every_operation_is_told_in_full() {
    let document = parsed();
    let tags: Vec<_> = document["tags"].as_array().expect("tags").iter().map(|tag| &tag["name"]).collect();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let name = format!("{method} {path}");
        let id = operation["operationId"].as_str().expect("an id");
        assert!(ids.insert(id.to_owned()), "{name}: a second {id}");
        let summary = operation["summary"].as_str().unwrap_or_default();
        assert!((1..50).contains(&summary.len()) && !summary.ends_with('.'), "{name}: {summary:?}");
        assert!(operation["tags"].as_array().is_some_and(|own| own.len() == 1 && tags.contains(&&own[0])));
        let answer = &operation["responses"]["200"];
        let content = answer["content"].as_object().expect("a body");
        assert!(
            content.values().all(|content| content["schema"].is_object()),
            "{name}: 200 without a schema"
        );
        for status in statuses(operation) {
            let answer = &operation["responses"][status];
            assert!(
                answer["$ref"].is_string() || answer["description"] != "",
                "{name}: {status} says nothing"
            );
            assert!(status.parse::<u16>().is_ok(), "{name}: {status} is no status");
        }
        let in_path: BTreeSet<_> =
            path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        let told: BTreeSet<_> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "path" && parameter["required"] == true)
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        assert_eq!(in_path, told, "{name}");
    }
    assert!(ids.len() > 20);
}

#[test]
fn errors_follow_from_what_is_asked() {
    let document = parsed();
    for (path, method, operation) in operations(&document) {
        let told = statuses(operation);
        let has = |statuses: &[&str]| statuses.iter().all(|status| told.contains(status));
        let roles = operation["security"][0]["bearer"].as_array();
        let name = format!("{method} {path}: {told:?}");
        if let Some(roles) = roles {
            assert!(has(&["401", "429", "500", "503"]), "{name}");
            assert!(roles.is_empty() || has(&["403"]), "{name}");
        }
        if operation["requestBody"].is_object() {
            assert!(has(&["400", "408", "413", "429", "500", "503"]), "{name}");
        }
        if operation["requestBody"]["required"] == true {
            assert!(has(&["422"]), "{name}");
        }
        if path.contains('{') {
            assert!(has(&["404"]), "{name}");
        }
    }
}

#[test]
fn who_may_call_is_told() {
    let document = parsed();
    let security = |path: &str, method: &str| document["paths"][path][method]["security"].to_string();
    assert_eq!(security("/slippers/", "get"), "null");
    assert_eq!(security("/slippers/", "post"), r#"[{"bearer":["admin"]}]"#);
    assert_eq!(security("/cart", "get"), r#"[{"bearer":[]}]"#);
    assert_eq!(security("/auth/logout", "post"), r#"[{},{"bearer":[]}]"#);
    assert_eq!(document["paths"]["/auth/logout"]["post"]["requestBody"]["required"], false);
}

#[test]
fn every_reference_leads_somewhere_and_nothing_lies_around() {
    let document = parsed();
    let mut targets = BTreeSet::new();
    collect_references(&document, &mut targets);
    for target in &targets {
        let pointer = target.strip_prefix('#').expect("within the document");
        assert!(document.pointer(pointer).is_some(), "{target}");
    }
    for kind in ["schemas", "responses", "headers"] {
        for name in document["components"][kind].as_object().expect("components").keys() {
            assert!(targets.contains(&format!("#/components/{kind}/{name}")), "nobody uses {kind}/{name}");
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)), "{name}");
        }
    }
}

fn collect_references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| collect_references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| collect_references(value, found)),
        _ => {}
    }
}

#[test]
fn errors_look_as_they_are_told() {
    let document = parsed();
    let fault = FieldFault::new(Fault::value("no"), vec!["body".into(), 1.into()], &Value::Null);
    let invalid: Value = serde_json::from_slice(&ApiError::invalid(vec![fault]).body("1")).expect("JSON");
    let internal: Value = serde_json::from_slice(&ApiError::from(Code::Internal).body("1")).expect("JSON");
    let plain: Value = serde_json::from_slice(&ApiError::from(Code::NotFound).body("1")).expect("JSON");
    for (schema, value) in
        [("Error", &invalid), ("Error", &internal), ("Error", &plain), ("FieldFault", &invalid["detail"][0])]
    {
        let schema = &document["components"]["schemas"][schema];
        let fields: BTreeSet<_> = value.as_object().expect("an object").keys().collect();
        let known: BTreeSet<_> = schema["properties"].as_object().expect("properties").keys().collect();
        assert!(fields.is_subset(&known), "{fields:?} {known:?}");
        for must in schema["required"].as_array().expect("required") {
            assert!(value.get(must.as_str().expect("a name")).is_some(), "{must} is missing in {value}");
        }
    }
}

#[test]
fn the_limit_is_told_where_there_is_one() {
    let document = parsed();
    let tells = |path: &str| {
        let headers = &document["paths"][path]["get"]["responses"]["200"]["headers"];
        (
            !headers["X-RateLimit-Reset"].is_null() && !headers["RateLimit"].is_null(),
            !document["paths"][path]["get"]["responses"]["429"].is_null(),
        )
    };
    assert_eq!(tells("/slippers/"), (true, true));
    assert_eq!(tells("/health"), (true, false));
    assert_eq!(tells("/docs"), (false, false));
    assert_eq!(tells("/static/{path}"), (false, false));
}

#[test]
fn the_reference_page_shows_every_operation() {
    let document = parsed();
    let page = reference_page();
    for (path, ..) in operations(&document) {
        assert!(page.contains(&path), "{path}");
    }
}
