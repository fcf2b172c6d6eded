//! What a single value must be. Coercions are those that existing clients rely on: numbers may come as text, booleans
//! in many words; text is never made from numbers, and `null` is an error except where a field says otherwise.

use serde_json::{Value, json};
use slippers_core::types::{Money, MoneyError, Phone};

use super::fault::Fault;

/// Reads one value.
pub(crate) trait Rule {
    /// What it makes of it.
    type Out;

    /// Reads the value. What comes from a path or a query is a JSON string here.
    fn read(&self, value: &Value) -> Result<Self::Out, Fault>;
}

/// A text of a number of characters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    pub(crate) min: usize,
    pub(crate) max: usize,
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
        let text = as_text(value)?;
        let length = text.chars().count();
        if length < self.min {
            return Err(Fault::with(
                "string_too_short",
                format!("String should have at least {}", characters(self.min)),
                json!({"min_length": self.min}),
            ));
        }
        if length > self.max {
            return Err(Fault::with(
                "string_too_long",
                format!("String should have at most {}", characters(self.max)),
                json!({"max_length": self.max}),
            ));
        }
        if text.contains('\0') {
            return Err(Fault::value("Text must not contain NUL characters"));
        }
        Ok(text.to_owned())
    }
}

fn as_text(value: &Value) -> Result<&str, Fault> {
    value.as_str().ok_or_else(|| Fault::new("string_type", "Input should be a valid string"))
}

fn characters(count: usize) -> String {
    if count == 1 { "1 character".to_owned() } else { format!("{count} characters") }
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
        let text = as_text(value)?;
        let length = text.chars().count();
        if length < self.min {
            return Err(Fault::with(
                "string_too_short",
                format!("String should have at least {}", characters(self.min)),
                json!({"min_length": self.min}),
            ));
        }
        if length > MAX_SECRET {
            return Err(Fault::with(
                "string_too_long",
                format!("String should have at most {}", characters(MAX_SECRET)),
                json!({"max_length": MAX_SECRET}),
            ));
        }
        Ok(text.to_owned())
    }
}

/// A whole number in a range. Numbers beyond 64 bits count as the nearest that fits, which no row bears.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Int {
    ge: Option<i64>,
    le: Option<i64>,
}

impl Int {
    pub(crate) const fn at_least(ge: i64) -> Self {
        Self { ge: Some(ge), le: None }
    }

    pub(crate) const fn between(ge: i64, le: i64) -> Self {
        Self { ge: Some(ge), le: Some(le) }
    }

    pub(crate) const fn any() -> Self {
        Self { ge: None, le: None }
    }
}

impl Rule for Int {
    type Out = i64;

    fn read(&self, value: &Value) -> Result<i64, Fault> {
        let number = match value {
            Value::Number(number) => whole_number(number.as_str()).ok_or_else(|| {
                Fault::new(
                    "int_from_float",
                    "Input should be a valid integer, got a number with a fractional part",
                )
            })?,
            Value::String(text) => parse_int(text).ok_or_else(|| {
                Fault::new(
                    "int_parsing",
                    "Input should be a valid integer, unable to parse string as an integer",
                )
            })?,
            _ => return Err(Fault::new("int_type", "Input should be a valid integer")),
        };
        if let Some(ge) = self.ge.filter(|ge| number < *ge) {
            return Err(Fault::with(
                "greater_than_equal",
                format!("Input should be greater than or equal to {ge}"),
                json!({"ge": ge}),
            ));
        }
        if let Some(le) = self.le.filter(|le| number > *le) {
            return Err(Fault::with(
                "less_than_equal",
                format!("Input should be less than or equal to {le}"),
                json!({"le": le}),
            ));
        }
        Ok(number)
    }
}

/// A JSON number without a fraction, drawn into 64 bits: `3`, `3.0`, `3e2`.
fn whole_number(literal: &str) -> Option<i64> {
    if literal.bytes().any(|b| matches!(b, b'.' | b'e' | b'E')) {
        return match Money::parse(literal) {
            Ok(money) if money.minor() % 100 == 0 => Some(money.minor() / 100),
            Err(MoneyError::OutOfRange) => Some(drawn(literal)),
            _ => None,
        };
    }
    Some(literal.parse().unwrap_or_else(|_| drawn(literal)))
}

/// A number in a text: blanks around it, a sign, digits, and zeros behind a point.
fn parse_int(text: &str) -> Option<i64> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = whole.strip_prefix(['+', '-']).unwrap_or(whole);
    let well_formed = !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !fraction.is_empty()
        && fraction.bytes().all(|b| b == b'0');
    well_formed.then(|| whole.parse().unwrap_or_else(|_| drawn(whole)))
}

fn drawn(literal: &str) -> i64 {
    if literal.trim_start().starts_with('-') { i64::MIN } else { i64::MAX }
}

/// An id: any whole number; whether a row bears it is for the database to say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdIn<T>(pub(crate) fn(i64) -> T, pub(crate) Int);

impl<T> Rule for IdIn<T> {
    type Out = T;

    fn read(&self, value: &Value) -> Result<T, Fault> {
        self.1.read(value).map(self.0)
    }
}

/// The price of a pair: above zero, at most 10^9 soum, two decimals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Price;

impl Rule for Price {
    type Out = Money;

    fn read(&self, value: &Value) -> Result<Money, Fault> {
        let price = amount(value)?;
        if price <= Money::ZERO {
            return Err(Fault::with("greater_than", "Input should be greater than 0", json!({"gt": 0.0})));
        }
        if price > Money::MAX_PRICE {
            return Err(Fault::with(
                "less_than_equal",
                "Input should be less than or equal to 1000000000",
                json!({"le": 1_000_000_000.0}),
            ));
        }
        Ok(price)
    }
}

/// An amount of money that is not negative.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amount;

impl Rule for Amount {
    type Out = Money;

    fn read(&self, value: &Value) -> Result<Money, Fault> {
        let amount = amount(value)?;
        if amount < Money::ZERO {
            let text = "Input should be greater than or equal to 0";
            return Err(Fault::with("greater_than_equal", text, json!({"ge": 0.0})));
        }
        Ok(amount)
    }
}

/// Reads money from its digits; what is out of its range is drawn to its ends, for the bounds to tell.
fn amount(value: &Value) -> Result<Money, Fault> {
    let literal = match value {
        Value::Number(number) => number.as_str(),
        Value::String(text) => text.as_str(),
        _ => return Err(Fault::new("float_type", "Input should be a valid number")),
    };
    match Money::parse(literal) {
        Ok(amount) => Ok(amount),
        Err(MoneyError::OutOfRange) => Ok(Money::from_minor(drawn(literal))),
        Err(MoneyError::NotANumber) => Err(Fault::new(
            "float_parsing",
            "Input should be a valid number, unable to parse string as a number",
        )),
        Err(MoneyError::TooPrecise) => Err(Fault::with(
            "decimal_max_places",
            "Decimal input should have no more than 2 decimal places",
            json!({"decimal_places": 2}),
        )),
    }
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
    use super::*;

    fn kind<T: std::fmt::Debug>(result: Result<T, Fault>) -> &'static str {
        result.map_or_else(|fault| fault.kind, |_| "ok")
    }

    fn literal(text: &str) -> Value {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn whole_numbers_come_in_many_spellings() {
        for (text, number) in [
            ("3", 3),
            ("3.0", 3),
            ("3e2", 300),
            ("\"3\"", 3),
            ("\" +7 \"", 7),
            ("\"3.0\"", 3),
            ("-0", 0),
            ("99999999999999999999", i64::MAX),
            ("-1e300", i64::MIN),
            ("\"-99999999999999999999\"", i64::MIN),
        ] {
            assert_eq!(Int::any().read(&literal(text)), Ok(number), "{text}");
        }
        for (text, fault) in [
            ("3.5", "int_from_float"),
            ("1e-3", "int_from_float"),
            ("\"\"", "int_parsing"),
            ("\"3.5\"", "int_parsing"),
            ("\"3.\"", "int_parsing"),
            ("\"1e3\"", "int_parsing"),
            ("\"٣\"", "int_parsing"),
            ("null", "int_type"),
            ("true", "int_type"),
            ("[]", "int_type"),
        ] {
            assert_eq!(kind(Int::any().read(&literal(text))), fault, "{text}");
        }
        assert_eq!(kind(Int::between(1, 999).read(&literal("0"))), "greater_than_equal");
        assert_eq!(kind(Int::between(1, 999).read(&literal("1e99"))), "less_than_equal");
    }

    #[test]
    fn prices_are_positive_bounded_and_exact() {
        assert_eq!(Price.read(&literal("19.99")), Ok(Money::from_minor(1999)));
        assert_eq!(Price.read(&literal("\"12.5\"")), Ok(Money::from_minor(1250)));
        assert_eq!(Price.read(&literal("1000000000")), Ok(Money::MAX_PRICE));
        for (text, fault) in [
            ("0", "greater_than"),
            ("-5", "greater_than"),
            ("-1e300", "greater_than"),
            ("0.001", "decimal_max_places"),
            ("1000000000.01", "less_than_equal"),
            ("1e300", "less_than_equal"),
            ("\"NaN\"", "float_parsing"),
            ("\"Infinity\"", "float_parsing"),
            ("null", "float_type"),
            ("true", "float_type"),
        ] {
            assert_eq!(kind(Price.read(&literal(text))), fault, "{text}");
        }
    }

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
    fn texts_are_counted_in_characters() {
        assert_eq!(Text::new(1, 4).read(&literal("\"тапо\"")), Ok("тапо".into()));
        let fault = Text::new(1, 4).read(&literal("\"\"")).expect_err("too short");
        assert_eq!(fault.msg, "String should have at least 1 character");
        assert_eq!(kind(Text::new(1, 4).read(&literal("\"тапок\""))), "string_too_long");
        assert_eq!(kind(Text::new(1, 4).read(&literal("5"))), "string_type");
        assert_eq!(kind(Text::new(1, 4).read(&literal("\"a\\u0000\""))), "value_error");
    }

    #[test]
    fn words_of_a_list_are_told() {
        let rule = OneOf { words: &["A", "B", "C"], parse: |w| (w == "A").then_some(()) };
        assert_eq!(
            rule.read(&literal("\"a\"")).expect_err("other case").msg,
            "Input should be 'A', 'B' or 'C'"
        );
    }
}
