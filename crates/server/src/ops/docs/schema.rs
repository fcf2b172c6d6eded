//! JSON Schemas as OpenAPI 3.0 and 3.1 write them, in HTML.

use serde_json::Value;

use super::reference::{escape, prose};

/// Objects inside of objects are written out so deep; below, only their kind is told.
const MAX_DEPTH: usize = 6;
const SCHEMAS: &str = "#/components/schemas/";

/// A schema in full: its kind and, of an object, its fields.
pub(super) fn write_schema(schema: &Value, out: &mut String) {
    write_kind(schema, 0, out);
    write_limits(schema, out);
    write_fields(schema, 0, out);
}

/// The fields of an object, also of one inside of an array, and of each part of a composed schema.
pub(super) fn write_fields(schema: &Value, depth: usize, out: &mut String) {
    if depth >= MAX_DEPTH {
        return;
    }
    if let Some(fields) = schema["properties"].as_object().filter(|fields| !fields.is_empty()) {
        let must = |name: &str| {
            schema["required"].as_array().is_some_and(|required| required.iter().any(|field| field == name))
        };
        out.push_str("<table><tbody>");
        for (name, field) in fields {
            out.push_str(&format!("<tr><th scope=\"row\"><code>{}</code>", escape(name)));
            if must(name) {
                out.push_str(" <span class=\"must\">required</span>");
            }
            out.push_str("</th><td>");
            write_kind(field, depth + 1, out);
            write_limits(field, out);
            write_description(field, out);
            write_fields(field, depth + 1, out);
            out.push_str("</td></tr>");
        }
        out.push_str("</tbody></table>");
    }
    for part in [&schema["items"], &schema["additionalProperties"]] {
        write_fields(part, depth + 1, out);
    }
    for name in ["allOf", "oneOf", "anyOf"] {
        for part in schema[name].as_array().into_iter().flatten() {
            write_fields(part, depth + 1, out);
        }
    }
}

/// A schema's kind in a few words: `array of Slipper`, `string (date-time) or null`, `"PENDING" or "PAID"`.
fn write_kind(schema: &Value, depth: usize, out: &mut String) {
    if depth >= MAX_DEPTH {
        out.push('…');
        return;
    }
    if let Some(target) = schema["$ref"].as_str() {
        match target.strip_prefix(SCHEMAS) {
            Some(name) => {
                let name = escape(name);
                out.push_str(&format!("<a href=\"#schema-{name}\">{name}</a>"));
            }
            None => out.push_str(&format!("<code>{}</code>", escape(target))),
        }
        return;
    }
    let constant = schema.get("const").map(std::slice::from_ref);
    if let Some(values) = constant.or_else(|| schema["enum"].as_array().map(Vec::as_slice)) {
        join(values, " or ", out, |value, out| {
            out.push_str(&format!("<code>{}</code>", escape(&value.to_string())));
        });
    } else if let Some(parts) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        join(parts, " or ", out, |part, out| write_kind(part, depth + 1, out));
    } else if let Some(parts) = schema["allOf"].as_array() {
        join(parts, " and ", out, |part, out| write_kind(part, depth + 1, out));
    } else {
        match &schema["type"] {
            Value::Array(kinds) => {
                join(kinds, " or ", out, |kind, out| {
                    write_simple(schema, kind.as_str().unwrap_or("any"), depth, out);
                });
            }
            Value::String(kind) => write_simple(schema, kind, depth, out),
            _ if schema["properties"].is_object() => write_simple(schema, "object", depth, out),
            _ => out.push_str("any"),
        }
    }
    if schema["nullable"] == true {
        out.push_str(" or null");
    }
}

fn write_simple(schema: &Value, kind: &str, depth: usize, out: &mut String) {
    match kind {
        "array" => {
            out.push_str("array of ");
            write_kind(&schema["items"], depth + 1, out);
        }
        "object" if schema["additionalProperties"].is_object() => {
            out.push_str("object with values of ");
            write_kind(&schema["additionalProperties"], depth + 1, out);
        }
        _ => {
            out.push_str(&escape(kind));
            if let Some(format) = schema["format"].as_str().filter(|_| kind != "null") {
                out.push_str(&format!(" ({})", escape(format)));
            }
        }
    }
}

/// What a value is bound to, its default and an example.
pub(super) fn write_limits(schema: &Value, out: &mut String) {
    const LIMITS: [(&str, &str); 11] = [
        ("minimum", "at least {}"),
        ("exclusiveMinimum", "above {}"),
        ("maximum", "at most {}"),
        ("exclusiveMaximum", "below {}"),
        ("multipleOf", "a multiple of {}"),
        ("minLength", "at least {} characters"),
        ("maxLength", "at most {} characters"),
        ("minItems", "at least {} items"),
        ("maxItems", "at most {} items"),
        ("pattern", "pattern {}"),
        ("default", "default {}"),
    ];
    let mut limits: Vec<String> = LIMITS
        .iter()
        .filter_map(|(name, words)| schema.get(name).map(|value| words.replace("{}", &show(value))))
        .collect();
    let examples = schema["examples"].as_array().and_then(|examples| examples.first());
    if let Some(example) = schema.get("example").or(examples) {
        limits.push(format!("example {}", show(example)));
    }
    if !limits.is_empty() {
        out.push_str(&format!(" <span class=\"limits\">{}</span>", limits.join("; ")));
    }
}

pub(super) fn write_description(schema: &Value, out: &mut String) {
    if let Some(text) = schema["description"].as_str() {
        out.push_str(&prose(text));
    }
}

fn show(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    format!("<code>{}</code>", escape(&text))
}

fn join(parts: &[Value], between: &str, out: &mut String, write: impl Fn(&Value, &mut String)) {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            out.push_str(between);
        }
        write(part, out);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn html(schema: &Value) -> String {
        let mut out = String::new();
        write_schema(schema, &mut out);
        out
    }

    #[test]
    fn kinds_are_a_few_words() {
        for (schema, expected) in [
            (json!({"type": "string"}), "string"),
            (json!({"type": ["string", "null"], "format": "date-time"}), "string (date-time) or null"),
            (json!({"type": "integer", "nullable": true}), "integer or null"),
            (json!({"type": "array", "items": {"type": "number"}}), "array of number"),
            (json!({"enum": ["PENDING", 1]}), "<code>&quot;PENDING&quot;</code> or <code>1</code>"),
            (json!({"const": true}), "<code>true</code>"),
            (json!({"$ref": "#/components/schemas/Slipper"}), "<a href=\"#schema-Slipper\">Slipper</a>"),
            (json!({"$ref": "other.json#/a"}), "<code>other.json#/a</code>"),
            (json!({"oneOf": [{"type": "null"}, {"type": "string"}]}), "null or string"),
            (
                json!({"type": "object", "additionalProperties": {"type": "string"}}),
                "object with values of string",
            ),
            (json!({}), "any"),
            (json!(true), "any"),
            (json!(null), "any"),
        ] {
            assert_eq!(html(&schema), expected);
        }
    }

    #[test]
    fn fields_say_what_is_required_and_bound() {
        let page = html(&json!({"type": "object", "required": ["size"], "properties": {
            "size": {"type": "integer", "minimum": 1, "maximum": 60, "description": "EU size"},
            "name": {"type": "string", "default": "x"}}}));
        assert!(page.contains("<code>size</code> <span class=\"must\">required</span>"), "{page}");
        assert!(
            page.contains("at least <code>1</code>; at most <code>60</code></span><p>EU size</p>"),
            "{page}"
        );
        assert!(page.contains("<code>name</code></th><td>string <span class=\"limits\">default"), "{page}");
    }

    #[test]
    fn a_schema_that_holds_itself_ends() {
        let mut deep = json!({"type": "string"});
        for _ in 0..50 {
            deep = json!({"type": "object", "properties": {"in": {"type": "array", "items": deep}}});
        }
        let page = html(&deep);
        assert!(page.len() < 5_000 && page.contains('…'), "{}", page.len());
    }

    #[test]
    fn text_from_a_document_is_never_markup() {
        let evil = "<script>\"'&";
        let page = html(&json!({"type": "object", "properties": {evil: {
            "type": evil, "format": evil, "description": evil, "default": evil, "pattern": evil}}}));
        assert!(!page.contains("<script") && page.contains("&lt;script&gt;&quot;&#39;&amp;"), "{page}");
        let link = html(&json!({"$ref": format!("{SCHEMAS}\"><script>")}));
        assert!(!link.contains("<script"), "{link}");
    }
}
