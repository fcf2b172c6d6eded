//! JSON from outside. `serde_json::Value` reads objects with keys of its own, `$serde_json::private::…`, as something
//! else: a text in such an object is read as JSON again, each time with a fresh limit of depth, so that 256 KiB end the
//! process by its stack. Here an object is an object, whatever its keys are.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads JSON of at most 127 levels, with the digits of its numbers as they came; of a key that comes twice the last
/// value counts.
///
/// # Errors
/// It is not JSON, or deeper.
pub(crate) fn parse_json(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text).map(|Plain(value)| value)
}

struct Plain(Value);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values).map(Plain)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Plain(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = fields.next_key()? {
            match key {
                Key::Field(name) => {
                    let Plain(value) = fields.next_value()?;
                    map.insert(name, value);
                }
                Key::Number => {
                    let digits: String = fields.next_value()?;
                    return digits.parse::<Number>().map(Value::Number).map_err(A::Error::custom);
                }
            }
        }
        Ok(Value::Object(map))
    }
}

/// What stands before a value.
enum Key {
    Field(String),
    /// With `arbitrary_precision`, serde_json shows a number beyond 64 bits as a map of one field, its digits.
    Number,
}

impl<'de> Deserialize<'de> for Key {
    /// An option is asked for because that alone tells the two apart: the key of an object in the text answers that it is
    /// there, the made-up key of a number only says its name.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_option(Keys)
    }
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_some<D: Deserializer<'de>>(self, key: D) -> Result<Key, D::Error> {
        String::deserialize(key).map(Key::Field)
    }

    fn visit_str<E>(self, _: &str) -> Result<Key, E> {
        Ok(Key::Number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_object_is_an_object_whatever_its_keys_are() {
        for name in ["Number", "RawValue", "\\u004eumber"] {
            let text = format!(r#"{{"$serde_json::private::{name}":"5"}}"#);
            let value = parse_json(&text).expect("JSON");
            assert_eq!(value.as_object().map(Map::len), Some(1), "{text} is {value}");
        }
    }

    #[test]
    fn a_text_in_disguise_starts_no_new_depth() {
        let mut text = String::from("1");
        for _ in 0..3 {
            let quoted = Value::String(text).to_string();
            text = format!(
                r#"{}{{"$serde_json::private::RawValue":{quoted}}}{}"#,
                "[".repeat(120),
                "]".repeat(120)
            );
        }
        let mut value = &parse_json(&text).expect("JSON");
        for _ in 0..120 {
            value = &value[0];
        }
        assert!(value["$serde_json::private::RawValue"].is_string());
        assert!(parse_json(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn numbers_keep_their_digits() {
        for text in ["0", "-0", "54.050", "1e400", "123456789012345678901234567890", "[0.1,{\"a\":2}]"] {
            assert_eq!(parse_json(text).ok(), serde_json::from_str(text).ok(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn everything_else_is_as_serde_json_reads_it(text in "[\\[\\]{}\",:0-9.eE+ atrufslen\\\\-]{0,16}") {
            let (ours, theirs) = (parse_json(&text), serde_json::from_str::<Value>(&text));
            let place = |error: serde_json::Error| (error.line(), error.column());
            prop_assert_eq!(ours.map_err(place), theirs.map_err(place));
        }
    }
}
