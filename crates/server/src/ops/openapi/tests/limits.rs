//! What the document says of fields is what their check does: each field is probed with values at which a limit shows.

use serde_json::{Map, Value, json};

use super::*;
use crate::http::input::Source;
use crate::http::router;

/// A field as the document tells it.
struct Told {
    place: &'static str,
    name: String,
    schema: Value,
    required: bool,
}

type Check = fn(&Source) -> Vec<FieldFault>;

#[test]
fn every_limit_is_told_as_it_is() {
    let document = parsed();
    let facts = router::document().facts;
    let mut probed = 0;
    for (path, method, operation) in operations(&document) {
        let id = operation["operationId"].as_str().expect("an id");
        let Some(check) = facts[id].check else { continue };
        for told in fields(&document, operation) {
            probe(check, &told, &format!("{method} {path}: {} {}", told.place, told.name));
            probed += 1;
        }
    }
    assert!(probed > 50, "{probed}");
}

fn fields(document: &Value, operation: &Value) -> Vec<Told> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let told = parameters.filter_map(|parameter| {
        let place = ["path", "query"].into_iter().find(|place| parameter["in"] == **place)?;
        let name = parameter["name"].as_str()?.to_owned();
        let required = parameter["required"] == true;
        Some(Told { place, name, schema: parameter["schema"].clone(), required })
    });
    let body = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    let body = body.as_str().and_then(|target| document.pointer(&target[1..])).unwrap_or(&Value::Null);
    let properties = body["properties"].as_object().into_iter().flatten();
    let in_body = properties.map(|(name, schema)| {
        let required = body["required"].as_array().is_some_and(|all| all.contains(&json!(name)));
        Told { place: "body", name: name.clone(), schema: schema.clone(), required }
    });
    told.chain(in_body).collect()
}

/// What is found wrong with one field when a request has this value there and nothing else.
fn faults(check: Check, told: &Told, value: Option<&Value>) -> Vec<Value> {
    let mut source = Source { body: Some(json!({})), ..Source::default() };
    if let Some(value) = value {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match told.place {
            "path" => drop(source.path.insert(told.name.clone(), text)),
            "query" => drop(source.query.insert(told.name.clone(), text)),
            _ => source.body = Some(Map::from_iter([(told.name.clone(), value.clone())]).into()),
        }
    }
    let all = serde_json::to_value(check(&source)).expect("serializes");
    let all = all.as_array().cloned().unwrap_or_default();
    all.into_iter().filter(|fault| fault["loc"] == json!([told.place, told.name])).collect()
}

fn probe(check: Check, told: &Told, name: &str) {
    let schema = &told.schema;
    let expect = |value: Value, kind: &str, limit: Option<(&str, &str)>| {
        let found = faults(check, told, Some(&value));
        let found = found.iter().find(|fault| fault["type"] == kind);
        match limit {
            None => assert!(found.is_some(), "{name}: {value} is taken"),
            Some((keyword, ctx)) => {
                let real = found.and_then(|fault| fault["ctx"][ctx].as_f64());
                assert_eq!(schema[keyword].as_f64(), real, "{name}: {keyword}");
            }
        }
    };
    match kind(schema) {
        "string" if schema["enum"].is_array() => expect(json!("?"), "enum", None),
        "string" => {
            expect(json!(""), "string_too_short", Some(("minLength", "min_length")));
            expect(json!("x".repeat(5000)), "string_too_long", Some(("maxLength", "max_length")));
        }
        "integer" => {
            expect(json!("x"), "int_parsing", None);
            expect(json!(i64::MIN), "greater_than_equal", Some(("minimum", "ge")));
            expect(json!(i64::MAX), "less_than_equal", Some(("maximum", "le")));
        }
        "number" => {
            expect(json!("x"), "float_parsing", None);
            expect(json!(-1), "greater_than_equal", Some(("minimum", "ge")));
            expect(json!(-1), "greater_than", Some(("exclusiveMinimum", "gt")));
            expect(json!(1_000_000_000_000_000_i64), "less_than_equal", Some(("maximum", "le")));
        }
        "array" => expect(json!("x"), "list_type", None),
        "boolean" => expect(json!("maybe"), "bool_parsing", None),
        other => panic!("{name}: nobody knows how to probe {other:?}"),
    }
    if told.place == "body" {
        let takes_null = faults(check, told, Some(&Value::Null)).is_empty();
        assert_eq!(schema["type"].is_array(), takes_null, "{name}: null");
    }
    if told.place != "path" {
        let must = faults(check, told, None).iter().any(|fault| fault["type"] == "missing");
        assert_eq!(told.required, must, "{name}: required");
    }
    if let Some(default) = schema.get("default") {
        assert!(faults(check, told, Some(default)).is_empty(), "{name}: its default is refused");
    }
    for word in schema["enum"].as_array().into_iter().flatten() {
        assert!(faults(check, told, Some(word)).is_empty(), "{name}: {word} is refused");
    }
    if let Some(example) = schema.get("example") {
        assert!(faults(check, told, Some(example)).is_empty(), "{name}: its example is refused");
    }
}

fn kind(schema: &Value) -> &str {
    schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or_default()
}

#[test]
fn every_field_that_is_read_is_told() {
    let document = parsed();
    let told: BTreeSet<String> = operations(&document)
        .into_iter()
        .flat_map(|(_, _, operation)| fields(&document, operation))
        .map(|told| told.name)
        .collect();
    let reads = regex::Regex::new(
        r#"check\s*\.(?:path|query|optional_query|required|defaulted|optional|nullable)\(\s*"(\w+)""#,
    )
    .expect("a pattern");
    let mut names = BTreeSet::new();
    for file in sources(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))) {
        // The tests of the check itself read what nobody sends.
        if !file.ends_with("http/input/check.rs") {
            #[expect(clippy::disallowed_methods, reason = "a test may read the sources")]
            let text = std::fs::read_to_string(&file).expect("a source");
            names.extend(reads.captures_iter(&text).map(|found| found[1].to_owned()));
        }
    }
    assert!(names.len() > 20, "{names:?}");
    assert!(names.is_subset(&told), "not told: {:?}", names.difference(&told).collect::<Vec<_>>());
}

fn sources(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let below = folders.iter().flat_map(|folder| sources(folder));
    files.into_iter().filter(|file| file.extension().is_some_and(|e| e == "rs")).chain(below).collect()
}

#[test]
fn the_idempotency_key_is_told_as_it_is() {
    use slippers_core::types::IdempotencyKey;
    let document = parsed();
    let parameters =
        document["paths"]["/orders/from-cart"]["post"]["parameters"].as_array().expect("parameters");
    let keys = parameters.iter().filter(|p| p["in"] == "header").map(|p| &p["schema"]);
    for schema in keys {
        let max = usize::try_from(schema["maxLength"].as_u64().expect("a limit")).expect("fits");
        assert!(IdempotencyKey::parse(&"x".repeat(max)).is_ok());
        assert!(IdempotencyKey::parse(&"x".repeat(max + 1)).is_err());
        let pattern = regex::Regex::new(schema["pattern"].as_str().expect("a pattern")).expect("a pattern");
        for text in ["", "a b", "ключ", "a~!", "\u{7f}"] {
            assert_eq!(pattern.is_match(text), IdempotencyKey::parse(text).is_ok(), "{text:?}");
        }
    }
}
