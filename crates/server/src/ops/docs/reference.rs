//! The reference of an OpenAPI document as one HTML page.

use std::collections::HashSet;

use serde_json::Value;

use super::schema::{write_description, write_fields, write_limits, write_schema};

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
/// References to references are followed so far.
const MAX_REFERENCES: usize = 8;

struct Operation<'a> {
    id: String,
    method: &'static str,
    path: &'a str,
    tag: &'a str,
    /// What the path says for all of its methods.
    shared: &'a Value,
    own: &'a Value,
}

/// Renders an OpenAPI 3.0 or 3.1 document: the operations by tag with their parameters, bodies and answers, then the
/// schemas. It needs neither JavaScript nor any other file; whatever is missing or odd in the document is left out.
pub(crate) fn reference_page(openapi: &Value) -> String {
    let operations = operations(openapi);
    let tags = tags(openapi, &operations);
    let info = &openapi["info"];
    let title = escape(info["title"].as_str().unwrap_or("API"));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}: reference</title><style>{}</style></head><body>\
         <a class=\"skip\" href=\"#content\">Skip to the content</a>\
         <header><h1>{title} <small>{}</small></h1>",
        include_str!("../../../assets/docs/reference.css"),
        escape(info["version"].as_str().unwrap_or_default()),
    );
    write_description(info, &mut out);
    out.push_str(
        "<p><a href=\"/docs\">Try it</a> · <a href=\"/openapi.json\">OpenAPI document</a></p></header>\
         <div class=\"columns\">",
    );
    write_contents(openapi, &tags, &operations, &mut out);
    out.push_str("<main id=\"content\" tabindex=\"-1\">");
    for tag in &tags {
        out.push_str(&format!("<section><h2 id=\"tag-{}\">{}</h2>", slug(tag), escape(tag)));
        if let Some(listed) = listed_tags(openapi).find(|listed| listed["name"] == **tag) {
            write_description(listed, &mut out);
        }
        for operation in operations.iter().filter(|operation| operation.tag == *tag) {
            write_operation(openapi, operation, &mut out);
        }
        out.push_str("</section>");
    }
    write_schemas(openapi, &mut out);
    out.push_str("</main></div></body></html>\n");
    out
}

fn listed_tags(openapi: &Value) -> impl Iterator<Item = &Value> {
    openapi["tags"].as_array().into_iter().flatten()
}

fn operations(openapi: &Value) -> Vec<Operation<'_>> {
    let mut found = Vec::new();
    let mut ids = HashSet::new();
    for (path, item) in openapi["paths"].as_object().into_iter().flatten() {
        let shared = resolve(openapi, item);
        for method in METHODS {
            let Some(own) = shared.get(method).filter(|own| own.is_object()) else { continue };
            let mut id = format!("{method}-{}", slug(path));
            while !ids.insert(id.clone()) {
                id.push('-');
            }
            let tag = own["tags"][0].as_str().unwrap_or("Other");
            found.push(Operation { id, method, path, tag, shared, own });
        }
    }
    found
}

/// The tags that are used: first those that the document lists, in its order, then the others as they come.
fn tags<'a>(openapi: &'a Value, operations: &[Operation<'a>]) -> Vec<&'a str> {
    let listed = listed_tags(openapi).filter_map(|tag| tag["name"].as_str());
    let mut tags: Vec<&str> = Vec::new();
    for tag in listed.chain(operations.iter().map(|operation| operation.tag)) {
        if !tags.contains(&tag) && operations.iter().any(|operation| operation.tag == tag) {
            tags.push(tag);
        }
    }
    tags
}

fn write_contents(openapi: &Value, tags: &[&str], operations: &[Operation<'_>], out: &mut String) {
    out.push_str("<nav aria-label=\"Contents\"><ul>");
    for tag in tags {
        out.push_str(&format!("<li><a href=\"#tag-{}\">{}</a><ul>", slug(tag), escape(tag)));
        for Operation { id, method, path, .. } in operations.iter().filter(|operation| operation.tag == *tag)
        {
            let name = method.to_uppercase();
            out.push_str(&format!(
                "<li><a href=\"#{id}\"><span class=\"method {method}\">{name}</span> {}</a></li>",
                escape(path)
            ));
        }
        out.push_str("</ul></li>");
    }
    if openapi["components"]["schemas"].as_object().is_some_and(|schemas| !schemas.is_empty()) {
        out.push_str("<li><a href=\"#schemas\">Schemas</a></li>");
    }
    out.push_str("</ul></nav>");
}

fn write_operation(openapi: &Value, operation: &Operation<'_>, out: &mut String) {
    let Operation { id, method, path, own, shared, .. } = operation;
    out.push_str(&format!(
        "<article id=\"{id}\"><h3><span class=\"method {method}\">{}</span>\
         <a href=\"#{id}\"><code class=\"path\">{}</code></a></h3>",
        method.to_uppercase(),
        escape(path),
    ));
    if let Some(summary) = own["summary"].as_str() {
        out.push_str(&format!("<p class=\"summary\">{}</p>", escape(summary)));
    }
    write_description(own, out);
    if own["deprecated"] == true {
        out.push_str("<p class=\"old\">Deprecated.</p>");
    }
    let schemes = own.get("security").unwrap_or(&openapi["security"]);
    // Any one entry is enough; an empty one, or none at all, lets everybody in (OpenAPI 3.1 section 4.8.10).
    let any_of: Vec<_> = schemes.as_array().into_iter().flatten().filter_map(Value::as_object).collect();
    if !any_of.is_empty() && any_of.iter().all(|all_of| !all_of.is_empty()) {
        let names: Vec<_> = any_of.iter().flat_map(|all_of| all_of.keys()).map(|name| escape(name)).collect();
        out.push_str(&format!("<p class=\"note\">Needs authorization: {}.</p>", names.join(" or ")));
    }
    write_parameters(openapi, shared, own, out);
    if let Some(body) = own.get("requestBody") {
        let body = resolve(openapi, body);
        let must = if body["required"] == true { " <span class=\"must\">required</span>" } else { "" };
        out.push_str(&format!("<h4>Body{must}</h4>"));
        write_description(body, out);
        write_content(body, out);
    }
    write_responses(openapi, own, out);
    out.push_str("</article>");
}

fn write_parameters(openapi: &Value, shared: &Value, own: &Value, out: &mut String) {
    let of = |holder: &'_ Value| -> Vec<Value> {
        holder["parameters"].as_array().into_iter().flatten().map(|p| resolve(openapi, p).clone()).collect()
    };
    let mut parameters = of(own);
    // An operation's own parameter takes the place of its path's.
    for parameter in of(shared) {
        if !parameters.iter().any(|p| p["name"] == parameter["name"] && p["in"] == parameter["in"]) {
            parameters.push(parameter);
        }
    }
    if parameters.is_empty() {
        return;
    }
    out.push_str(
        "<h4>Parameters</h4><div class=\"scroll\"><table><thead><tr><th scope=\"col\">Name</th>\
         <th scope=\"col\">In</th><th scope=\"col\">Meaning</th></tr></thead><tbody>",
    );
    for parameter in &parameters {
        let text = |key: &str| escape(parameter[key].as_str().unwrap_or_default());
        let must = if parameter["required"] == true { " <span class=\"must\">required</span>" } else { "" };
        out.push_str(&format!(
            "<tr><th scope=\"row\"><code>{}</code>{must}</th><td>{}</td><td>",
            text("name"),
            text("in")
        ));
        write_schema(&parameter["schema"], out);
        // An example may stand beside the schema.
        if parameter["schema"].get("example").is_none() {
            write_limits(
                &serde_json::json!({ "examples": parameter.get("example").into_iter().collect::<Vec<_>>() }),
                out,
            );
        }
        write_description(parameter, out);
        out.push_str("</td></tr>");
    }
    out.push_str("</tbody></table></div>");
}

fn write_responses(openapi: &Value, own: &Value, out: &mut String) {
    let Some(responses) = own["responses"].as_object().filter(|responses| !responses.is_empty()) else {
        return;
    };
    out.push_str(
        "<h4>Answers</h4><div class=\"scroll\"><table class=\"answers\"><thead><tr><th scope=\"col\">Status</th>\
         <th scope=\"col\">Meaning</th></tr></thead><tbody>",
    );
    for (status, response) in responses {
        let response = resolve(openapi, response);
        out.push_str(&format!("<tr><th scope=\"row\"><code>{}</code></th><td>", escape(status)));
        write_description(response, out);
        write_content(response, out);
        out.push_str("</td></tr>");
    }
    out.push_str("</tbody></table></div>");
}

/// A body's schema for each media type, with an example.
fn write_content(holder: &Value, out: &mut String) {
    for (media, content) in holder["content"].as_object().into_iter().flatten() {
        out.push_str(&format!("<div><code>{}</code>: ", escape(media)));
        write_schema(&content["schema"], out);
        let named = content["examples"].as_object().and_then(|examples| examples.values().next());
        if let Some(example) = content.get("example").or_else(|| named.and_then(|named| named.get("value"))) {
            let text = serde_json::to_string_pretty(example).unwrap_or_default();
            out.push_str(&format!("<pre>{}</pre>", escape(&text)));
        }
        out.push_str("</div>");
    }
}

fn write_schemas(openapi: &Value, out: &mut String) {
    let Some(schemas) = openapi["components"]["schemas"].as_object().filter(|all| !all.is_empty()) else {
        return;
    };
    out.push_str("<section><h2 id=\"schemas\">Schemas</h2>");
    for (name, schema) in schemas {
        let name = escape(name);
        out.push_str(&format!(
            "<article id=\"schema-{name}\"><h3><a href=\"#schema-{name}\"><code class=\"path\">{name}</code></a></h3>"
        ));
        write_description(schema, out);
        if schema["properties"].is_object() {
            write_fields(schema, 0, out);
        } else {
            out.push_str("<div>");
            write_schema(schema, out);
            out.push_str("</div>");
        }
        out.push_str("</article>");
    }
    out.push_str("</section>");
}

/// What a reference within the document points at; a value that is none is itself.
fn resolve<'a>(openapi: &'a Value, value: &'a Value) -> &'a Value {
    let mut value = value;
    for _ in 0..MAX_REFERENCES {
        let target = value["$ref"].as_str().and_then(|target| target.strip_prefix('#'));
        let Some(target) = target.and_then(|pointer| openapi.pointer(pointer)) else { break };
        value = target;
    }
    value
}

/// A name for an anchor: lower-case letters and digits with single dashes between.
fn slug(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_lowercase()
}

/// Text that is safe between tags and in a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(c),
        }
    }
    safe
}

/// Of Markdown, which OpenAPI allows in descriptions, only paragraphs and `code` are heard.
pub(super) fn prose(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
    paragraphs.fold(String::new(), |mut out, paragraph| {
        out.push_str("<p>");
        let parts: Vec<_> = paragraph.split('`').collect();
        // A last backtick without a partner is text.
        let closed = parts.len() - usize::from(parts.len() % 2 == 0);
        for (at, part) in parts.iter().enumerate() {
            let part = escape(part);
            match at {
                _ if at >= closed => out.push_str(&format!("`{part}")),
                _ if at % 2 == 1 => out.push_str(&format!("<code>{part}</code>")),
                _ => out.push_str(&part),
            }
        }
        out.push_str("</p>");
        out
    })
}

#[cfg(test)]
#[path = "reference_tests.rs"]
mod tests;
