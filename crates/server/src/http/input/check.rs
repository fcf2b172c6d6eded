//! Reads the fields of a request and collects what is wrong with them.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::fault::{Fault, FieldFault};
use super::rules::Rule;

/// Where fields come from.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// The named parts of the path.
    pub(crate) path: HashMap<String, String>,
    /// The query; of a name that comes twice the last one counts.
    pub(crate) query: HashMap<String, String>,
    /// The body; `None` when none came.
    pub(crate) body: Option<Value>,
}

impl Source {
    /// The fields of a query string.
    pub(crate) fn parse_query(query: &str) -> HashMap<String, String> {
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }
}

/// One reading of a request's fields.
#[derive(Debug)]
pub(crate) struct Check<'r> {
    source: &'r Source,
    body: Option<&'r Map<String, Value>>,
    faults: Vec<FieldFault>,
}

impl<'r> Check<'r> {
    /// Starts reading; where a body object must come and none does, that is the first fault.
    pub(crate) fn new(source: &'r Source, wants_body: bool) -> Self {
        let mut check = Self { source, body: None, faults: Vec::new() };
        if wants_body {
            match &source.body {
                Some(Value::Object(fields)) => check.body = Some(fields),
                Some(other) => {
                    let text = "Input should be a valid dictionary or object to extract fields from";
                    // A text is not echoed: a form, too, is one here, and may hold a password.
                    let hidden = Value::String(super::fault::HIDDEN.into());
                    let shown = if other.is_string() { &hidden } else { other };
                    check.note(Fault::new("model_attributes_type", text), vec!["body".into()], shown);
                }
                None => check.note(Fault::missing(), vec!["body".into()], &Value::Null),
            }
        }
        check
    }

    /// What was found wrong.
    pub(crate) fn into_faults(self) -> Vec<FieldFault> {
        self.faults
    }

    /// A field of the path.
    pub(crate) fn path<R: Rule>(&mut self, name: &'static str, rule: R) -> Option<R::Out> {
        let value = Value::String(self.source.path.get(name).cloned().unwrap_or_default());
        self.apply("path", name, &rule, &value)
    }

    /// A query parameter; absent is `default`.
    pub(crate) fn query<R: Rule>(&mut self, name: &'static str, rule: R, default: R::Out) -> Option<R::Out> {
        self.optional_query(name, rule).map(|given| given.unwrap_or(default))
    }

    /// A query parameter; absent is `Some(None)`.
    pub(crate) fn optional_query<R: Rule>(&mut self, name: &'static str, rule: R) -> Option<Option<R::Out>> {
        match self.source.query.get(name).cloned() {
            None => Some(None),
            Some(text) => self.apply("query", name, &rule, &Value::String(text)).map(Some),
        }
    }

    /// A query parameter that older clients send without a meaning; what is no value counts as absent.
    pub(crate) fn lenient_query<R: Rule>(&self, name: &'static str, rule: R) -> Option<R::Out> {
        let text = self.source.query.get(name).cloned()?;
        rule.read(&Value::String(text)).ok()
    }

    /// A body field that must come.
    pub(crate) fn required<R: Rule>(&mut self, name: &'static str, rule: R) -> Option<R::Out> {
        let body = self.body?;
        match body.get(name) {
            Some(value) => self.apply("body", name, &rule, value),
            None => {
                let whole = self.source.body.as_ref().unwrap_or(&Value::Null);
                self.note(Fault::missing(), vec!["body".into(), name.into()], whole);
                None
            }
        }
    }

    /// A body field; absent is `default`, `null` is a fault.
    pub(crate) fn defaulted<R: Rule>(
        &mut self,
        name: &'static str,
        rule: R,
        default: R::Out,
    ) -> Option<R::Out> {
        self.optional(name, rule).map(|given| given.unwrap_or(default))
    }

    /// A body field; absent is `Some(None)`, `null` is a fault.
    pub(crate) fn optional<R: Rule>(&mut self, name: &'static str, rule: R) -> Option<Option<R::Out>> {
        match self.body?.get(name) {
            None => Some(None),
            Some(value) => self.apply("body", name, &rule, value).map(Some),
        }
    }

    /// A body field; absent is `Some(None)` and `null` is `Some(Some(None))`.
    #[expect(clippy::option_option, reason = "read, given and null are three different answers")]
    pub(crate) fn nullable<R: Rule>(
        &mut self,
        name: &'static str,
        rule: R,
    ) -> Option<Option<Option<R::Out>>> {
        match self.body?.get(name) {
            None => Some(None),
            Some(Value::Null) => Some(Some(None)),
            Some(value) => self.apply("body", name, &rule, value).map(|out| Some(Some(out))),
        }
    }

    /// Notes that a body field breaks a rule that looks at several of them.
    pub(crate) fn refuse(&mut self, name: &'static str, fault: Fault) {
        let value = self.body.and_then(|body| body.get(name)).cloned().unwrap_or_default();
        self.note(fault, vec!["body".into(), name.into()], &value);
    }

    fn apply<R: Rule>(
        &mut self,
        place: &'static str,
        name: &'static str,
        rule: &R,
        value: &Value,
    ) -> Option<R::Out> {
        match rule.read(value) {
            Ok(out) => Some(out),
            Err(fault) => {
                self.note(fault, vec![place.into(), name.into()], value);
                None
            }
        }
    }

    fn note(&mut self, fault: Fault, loc: Vec<Value>, input: &Value) {
        let secret = loc.last().and_then(Value::as_str).is_some_and(super::fault::is_secret);
        // What is echoed for a missing secret is the object around it.
        let hidden = Value::String(super::fault::HIDDEN.into());
        let shown = if secret && fault.kind != "missing" { &hidden } else { input };
        self.faults.push(FieldFault::new(fault, loc, shown));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Int, Secret, Text};
    use super::*;

    fn kinds(faults: &[FieldFault]) -> Vec<(String, Value)> {
        let all = serde_json::to_value(faults).expect("serializes");
        let all = all.as_array().cloned().unwrap_or_default();
        all.iter().map(|f| (f["type"].as_str().unwrap_or_default().to_owned(), f["loc"].clone())).collect()
    }

    #[test]
    fn every_fault_is_told_in_the_order_of_the_fields() {
        let source = Source {
            query: Source::parse_query("limit=x&limit=0"),
            body: Some(json!({"name": "", "password": {"x": 5}})),
            ..Source::default()
        };
        let mut check = Check::new(&source, true);
        assert_eq!(check.query("limit", Int::at_least(1), 20), None);
        assert_eq!(check.query("skip", Int::at_least(0), 0), Some(0));
        assert_eq!(check.required("name", Text::new(1, 9)), None);
        assert_eq!(check.required("password", Secret { min: 8 }), None);
        assert_eq!(check.required("size", Text::new(1, 9)), None);
        let faults = check.into_faults();
        assert_eq!(
            kinds(&faults),
            [
                ("greater_than_equal".into(), json!(["query", "limit"])),
                ("string_too_short".into(), json!(["body", "name"])),
                ("string_type".into(), json!(["body", "password"])),
                ("missing".into(), json!(["body", "size"])),
            ]
        );
        let text = serde_json::to_string(&faults).expect("serializes");
        assert!(!text.contains(":5"), "the password is echoed: {text}");
    }

    #[test]
    fn null_is_told_apart_from_absent() {
        let source = Source { body: Some(json!({"a": null})), ..Source::default() };
        let mut check = Check::new(&source, true);
        assert_eq!(check.nullable("a", Text::SHORT), Some(Some(None)));
        assert_eq!(check.nullable("b", Text::SHORT), Some(None));
        assert_eq!(check.optional("a", Text::SHORT), None);
        assert_eq!(kinds(&check.into_faults()), [("string_type".into(), json!(["body", "a"]))]);
    }

    #[test]
    fn a_body_that_is_no_object_is_one_fault() {
        for (body, kind) in [(Some(json!([1])), "model_attributes_type"), (None, "missing")] {
            let source = Source { body, ..Source::default() };
            let mut check = Check::new(&source, true);
            assert_eq!(check.required("name", Text::SHORT), None);
            assert_eq!(kinds(&check.into_faults()), [(kind.to_owned(), json!(["body"]))]);
        }
    }
}
