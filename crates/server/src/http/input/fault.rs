//! A field that is not what it must be, as clients read it.

use serde::Serialize;
use serde_json::{Value, json};

use super::python_json;

/// What is wrong with a value, before it is known where it stood.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) kind: &'static str,
    pub(crate) msg: String,
    pub(crate) ctx: Option<Value>,
}

impl Fault {
    pub(crate) fn new(kind: &'static str, msg: impl Into<String>) -> Self {
        Self { kind, msg: msg.into(), ctx: None }
    }

    pub(crate) fn with(kind: &'static str, msg: impl Into<String>, ctx: Value) -> Self {
        Self { kind, msg: msg.into(), ctx: Some(ctx) }
    }

    /// A rule of the shop that a well-formed value breaks.
    pub(crate) fn value(text: impl std::fmt::Display) -> Self {
        Self::with("value_error", format!("Value error, {text}"), json!({"error": {}}))
    }

    pub(crate) fn missing() -> Self {
        Self::new("missing", "Field required")
    }
}

/// One entry of a 422's `detail`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FieldFault {
    #[serde(rename = "type")]
    kind: &'static str,
    loc: Vec<Value>,
    msg: String,
    input: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    ctx: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

/// An echo longer than this is of no use to anybody.
const MAX_ECHO_BYTES: usize = 1024;

impl FieldFault {
    /// The entry for a fault at a place; `input` is echoed without secrets.
    pub(crate) fn new(fault: Fault, loc: Vec<Value>, input: &Value) -> Self {
        let url = (!matches!(fault.kind, "json_invalid" | "enum"))
            .then(|| format!("https://errors.pydantic.dev/2.5/v/{}", fault.kind));
        let input = if is_short(input) { without_secrets(input) } else { "[too long to repeat]".into() };
        Self { kind: fault.kind, loc, msg: fault.msg, input, ctx: fault.ctx, url }
    }
}

/// The entry for a body that is not JSON.
pub(crate) fn json_fault(text: &str, error: &serde_json::Error) -> FieldFault {
    let (position, reason) = python_json::first_error(text).unwrap_or_else(|| {
        // Python reads what serde_json refuses here: lone surrogates, or very deep nesting.
        (python_json::char_position(text, error.line(), error.column()), "Invalid value")
    });
    let fault = Fault::with("json_invalid", "JSON decode error", json!({"error": reason}));
    FieldFault::new(fault, vec!["body".into(), position.into()], &json!({}))
}

/// Whether a field of this name may hold what nobody else should see.
pub(crate) fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    ["password", "token", "secret"].iter().any(|word| name.contains(word))
}

/// What stands where a secret was.
pub(super) const HIDDEN: &str = "[hidden]";

fn without_secrets(input: &Value) -> Value {
    match input {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let shown = if is_secret(name) { HIDDEN.into() } else { without_secrets(value) };
                (name.clone(), shown)
            })
            .collect(),
        Value::Array(items) => items.iter().map(without_secrets).collect(),
        other => other.clone(),
    }
}

/// Whether a value is short enough to be echoed. It is looked at no further than that takes: a body of a mebibyte with
/// a dozen fields missing would otherwise be copied and written a dozen times.
fn is_short(input: &Value) -> bool {
    let mut left = MAX_ECHO_BYTES;
    spend(input, &mut left)
}

fn spend(value: &Value, left: &mut usize) -> bool {
    let own = match value {
        Value::Null | Value::Bool(_) => 4,
        Value::Number(number) => number.as_str().len(),
        Value::String(text) => text.len() + 2,
        Value::Array(_) | Value::Object(_) => 2,
    };
    let Some(rest) = left.checked_sub(own) else { return false };
    *left = rest;
    match value {
        Value::Array(items) => items.iter().all(|item| spend(item, left)),
        Value::Object(fields) => fields.iter().all(|(name, item)| match left.checked_sub(name.len() + 3) {
            Some(rest) => {
                *left = rest;
                spend(item, left)
            }
            None => false,
        }),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_tokens_are_not_echoed_at_any_depth() {
        let input = json!({"name": "A", "password": "hunter22", "nested": [{"refresh_token": "x.y.z"}]});
        let fault = FieldFault::new(Fault::missing(), vec!["body".into(), "surname".into()], &input);
        assert_eq!(
            serde_json::to_value(&fault).expect("serializes"),
            json!({
                "type": "missing", "loc": ["body", "surname"], "msg": "Field required",
                "input": {"name": "A", "password": "[hidden]", "nested": [{"refresh_token": "[hidden]"}]},
                "url": "https://errors.pydantic.dev/2.5/v/missing"
            })
        );
    }

    #[test]
    fn what_is_not_json_is_told_with_its_place() {
        let text = "{name: 1}";
        let error = serde_json::from_str::<Value>(text).expect_err("not JSON");
        assert_eq!(
            serde_json::to_value(json_fault(text, &error)).expect("serializes"),
            json!({
                "type": "json_invalid", "loc": ["body", 1], "msg": "JSON decode error", "input": {},
                "ctx": {"error": "Expecting property name enclosed in double quotes"}
            })
        );
    }

    #[test]
    fn a_long_value_is_not_echoed() {
        for long in [json!("x".repeat(2000)), json!(vec![0; 2000]), json!({"a": {"b".repeat(2000): 1}})] {
            let fault = FieldFault::new(Fault::missing(), vec![], &long);
            assert_eq!(fault.input, Value::String("[too long to repeat]".into()));
        }
    }
}
