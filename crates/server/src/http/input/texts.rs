//! Texts: names, secrets and phone numbers.

use serde_json::{Value, json};
use slippers_core::types::Phone;

use super::fault::Fault;
use super::rules::Rule;

/// A text of a number of characters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    min: usize,
    max: usize,
}

impl Text {
    /// Any text that a database can hold, up to 255 characters.
    pub(crate) const SHORT: Text = Text { min: 0, max: 255 };

    pub(crate) const fn new(min: usize, max: usize) -> Self {
        Self { min, max }
    }
}

impl Rule for Text {
    type Out = String;

    fn read(&self, value: &Value) -> Result<String, Fault> {
        let text = measured(value, self.min, self.max)?;
        if text.contains('\0') {
            return Err(Fault::value("Text must not contain NUL characters"));
        }
        Ok(text.to_owned())
    }
}

/// A text that is not looked into: a password or a token. It may hold any character; its length is bounded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Secret {
    pub(crate) min: usize,
}

/// Longer than anybody types; hashing stays cheap.
const MAX_SECRET: usize = 4096;

impl Rule for Secret {
    type Out = String;

    fn read(&self, value: &Value) -> Result<String, Fault> {
        measured(value, self.min, MAX_SECRET).map(str::to_owned)
    }
}

/// A text whose length in characters lies between two bounds.
fn measured(value: &Value, min: usize, max: usize) -> Result<&str, Fault> {
    let text = value.as_str().ok_or_else(|| Fault::new("string_type", "Input should be a valid string"))?;
    let length = text.chars().count();
    let (kind, bound, side) = if length < min {
        ("string_too_short", min, "least")
    } else if length > max {
        ("string_too_long", max, "most")
    } else {
        return Ok(text);
    };
    let unit = if bound == 1 { "character" } else { "characters" };
    let key = if length < min { "min_length" } else { "max_length" };
    Err(Fault::with(kind, format!("String should have at {side} {bound} {unit}"), json!({key: bound})))
}

/// A phone number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PhoneNumber;

impl Rule for PhoneNumber {
    type Out = Phone;

    fn read(&self, value: &Value) -> Result<Phone, Fault> {
        let text = Text::new(7, 20).read(value)?;
        Phone::parse(&text).map_err(Fault::value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::test_values::{kind, literal};
    use super::*;

    #[test]
    fn texts_are_counted_in_characters() {
        assert_eq!(Text::new(1, 4).read(&literal("\"тапо\"")), Ok("тапо".into()));
        let fault = Text::new(1, 4).read(&literal("\"\"")).expect_err("too short");
        assert_eq!(fault.msg, "String should have at least 1 character");
        assert_eq!(kind(Text::new(1, 4).read(&literal("\"тапок\""))), "string_too_long");
        assert_eq!(kind(Text::new(1, 4).read(&literal("5"))), "string_type");
        assert_eq!(kind(Text::new(1, 4).read(&literal("\"a\\u0000\""))), "value_error");
    }
}
