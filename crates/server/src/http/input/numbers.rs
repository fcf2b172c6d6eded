//! Numbers: counts, ids and money.

use serde_json::{Value, json};
use slippers_core::types::{Money, MoneyError};

use super::fault::Fault;
use super::rules::Rule;

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

#[cfg(test)]
mod tests {
    use super::super::rules::test_values::{kind, literal};
    use super::*;

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
}
