//! What a single value must be. Coercions are those that existing clients rely on: numbers may come as text, booleans
//! in many words; text is never made from numbers, and `null` is an error except where a field says otherwise.

use serde_json::{Value, json};

use super::fault::Fault;

/// Reads one value.
pub(crate) trait Rule {
    /// What it makes of it.
    type Out;

    /// Reads the value. What comes from a path or a query is a JSON string here.
    fn read(&self, value: &Value) -> Result<Self::Out, Fault>;
}

/// Yes or no, in the words that clients use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag;

impl Rule for Flag {
    type Out = bool;

    fn read(&self, value: &Value) -> Result<bool, Fault> {
        let word = match value {
            Value::Bool(flag) => return Ok(*flag),
            Value::String(text) => text.to_lowercase(),
            Value::Number(number) => number.as_str().trim_end_matches(".0").to_owned(),
            _ => return Err(Fault::new("bool_type", "Input should be a valid boolean")),
        };
        match word.as_str() {
            "true" | "1" | "yes" | "on" | "t" | "y" => Ok(true),
            "false" | "0" | "no" | "off" | "f" | "n" => Ok(false),
            _ => {
                Err(Fault::new("bool_parsing", "Input should be a valid boolean, unable to interpret input"))
            }
        }
    }
}

/// A list, whatever is in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List;

impl Rule for List {
    type Out = Vec<Value>;

    fn read(&self, value: &Value) -> Result<Vec<Value>, Fault> {
        value.as_array().cloned().ok_or_else(|| Fault::new("list_type", "Input should be a valid list"))
    }
}

/// One of a few words, to the letter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OneOf<T: 'static> {
    pub(crate) words: &'static [&'static str],
    pub(crate) parse: fn(&str) -> Option<T>,
}

impl<T> Rule for OneOf<T> {
    type Out = T;

    fn read(&self, value: &Value) -> Result<T, Fault> {
        value.as_str().and_then(self.parse).ok_or_else(|| {
            let quoted: Vec<String> = self.words.iter().map(|word| format!("'{word}'")).collect();
            let expected = match quoted.split_last() {
                Some((last, before)) if !before.is_empty() => format!("{} or {last}", before.join(", ")),
                _ => quoted.concat(),
            };
            Fault::with("enum", format!("Input should be {expected}"), json!({"expected": expected}))
        })
    }
}

/// What the tests of every rule need.
#[cfg(test)]
pub(super) mod test_values {
    use serde_json::Value;

    use super::Fault;

    pub(crate) fn kind<T: std::fmt::Debug>(result: Result<T, Fault>) -> &'static str {
        result.map_or_else(|fault| fault.kind, |_| "ok")
    }

    pub(crate) fn literal(text: &str) -> Value {
        serde_json::from_str(text).expect("JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::test_values::{kind, literal};
    use super::*;

    #[test]
    fn booleans_come_in_many_words() {
        for (text, flag) in
            [("true", true), ("0", false), ("1.0", true), ("\"Yes\"", true), ("\"OFF\"", false)]
        {
            assert_eq!(Flag.read(&literal(text)), Ok(flag), "{text}");
        }
        assert_eq!(kind(Flag.read(&literal("\"maybe\""))), "bool_parsing");
        assert_eq!(kind(Flag.read(&literal("2"))), "bool_parsing");
        assert_eq!(kind(Flag.read(&literal("null"))), "bool_type");
    }

    #[test]
    fn words_of_a_list_are_told() {
        let rule = OneOf { words: &["A", "B", "C"], parse: |w| (w == "A").then_some(()) };
        let fault = rule.read(&literal("\"a\"")).expect_err("other case");
        assert_eq!(fault.msg, "Input should be 'A', 'B' or 'C'");
    }
}
