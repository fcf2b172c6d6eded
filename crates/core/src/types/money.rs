//! Money in integer minor units.

use std::fmt;

use thiserror::Error;

/// An amount of soum, held as a whole number of minor units (1/100 soum).
///
/// Amounts may be negative while a sum is being worked out; what may be stored is each field's own rule. Sums and
/// products are checked: nothing wraps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i64);

/// Why a literal is not an amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MoneyError {
    /// The text is not a decimal number; `NaN` and infinities are none either.
    #[error("not a number")]
    NotANumber,
    /// The number has more than two decimals that are not zero.
    #[error("more than two decimals")]
    TooPrecise,
    /// The number does not fit 64 bits of minor units.
    #[error("out of range")]
    OutOfRange,
}

impl Money {
    /// Nothing.
    pub const ZERO: Money = Money(0);
    /// The highest price of one pair: 10^9 soum.
    pub const MAX_PRICE: Money = Money(1_000_000_000 * 100);

    /// The amount of this many minor units (1/100 soum).
    pub const fn from_minor(minor: i64) -> Self {
        Self(minor)
    }

    /// The amount in minor units (1/100 soum).
    pub const fn minor(self) -> i64 {
        self.0
    }

    /// Reads an amount in soum from its digits, never through a binary fraction: `19.99`, `25`, `.5`, `1e3`, `+7.10`.
    ///
    /// Blanks around the number are allowed and zeros behind the second decimal mean nothing.
    ///
    /// # Errors
    /// [`MoneyError`] when the text is no decimal number, has a third decimal, or exceeds ±92,233,720,368,547,758.07.
    pub fn parse(literal: &str) -> Result<Self, MoneyError> {
        let text = literal.trim_matches(|c: char| c.is_ascii_whitespace());
        let (negative, text) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], parse_exponent(&text[at + 1..])?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(MoneyError::NotANumber);
        }
        let fraction_len = i64::try_from(fraction.len()).map_err(|_| MoneyError::OutOfRange)?;
        let minor = scale(&digits, 2 + exponent - fraction_len)?;
        Ok(Self(if negative { -minor } else { minor }))
    }

    /// The sum, or `None` when it leaves the range.
    pub const fn checked_add(self, other: Money) -> Option<Money> {
        match self.0.checked_add(other.0) {
            Some(minor) => Some(Money(minor)),
            None => None,
        }
    }

    /// The difference, or `None` when it leaves the range.
    pub const fn checked_sub(self, other: Money) -> Option<Money> {
        match self.0.checked_sub(other.0) {
            Some(minor) => Some(Money(minor)),
            None => None,
        }
    }

    /// The amount taken `count` times, or `None` when it leaves the range.
    pub const fn checked_mul(self, count: i64) -> Option<Money> {
        match self.0.checked_mul(count) {
            Some(minor) => Some(Money(minor)),
            None => None,
        }
    }
}

/// An exponent, bounded so that sums with it stay in range; the bound is far outside of what money can be.
fn parse_exponent(text: &str) -> Result<i64, MoneyError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(MoneyError::NotANumber);
    }
    const BOUND: i64 = 1 << 40;
    let size = digits.parse::<i64>().unwrap_or(BOUND).min(BOUND);
    Ok(if text.starts_with('-') { -size } else { size })
}

/// The value of `digits` times ten to the `shift`, exactly.
fn scale(digits: &[u8], shift: i64) -> Result<i64, MoneyError> {
    let significant = digits.iter().position(|d| *d != b'0').map_or(&[][..], |first| &digits[first..]);
    let trailing_zeros = significant.iter().rev().take_while(|d| **d == b'0').count();
    let core = &significant[..significant.len() - trailing_zeros];
    if core.is_empty() {
        return Ok(0);
    }
    let zeros = i64::try_from(trailing_zeros).map_err(|_| MoneyError::OutOfRange)? + shift;
    if zeros < 0 {
        return Err(MoneyError::TooPrecise);
    }
    let mut minor: i64 = 0;
    let appended = usize::try_from(zeros).map_err(|_| MoneyError::OutOfRange)?.min(20);
    for digit in core.iter().copied().chain(std::iter::repeat_n(b'0', appended)) {
        minor = minor
            .checked_mul(10)
            .and_then(|m| m.checked_add(i64::from(digit - b'0')))
            .ok_or(MoneyError::OutOfRange)?;
    }
    Ok(minor)
}

/// As the API writes it: at least one decimal, at most two (`25.0`, `19.99`, `0.05`).
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let minor = self.0.unsigned_abs();
        let (whole, cents) = (minor / 100, minor % 100);
        if cents.is_multiple_of(10) {
            write!(f, "{sign}{whole}.{}", cents / 10)
        } else {
            write!(f, "{sign}{whole}.{cents:02}")
        }
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Money({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn literals_are_read_digit_by_digit() {
        for (literal, minor) in [
            ("25", 2500),
            ("19.99", 1999),
            ("0.10", 10),
            (".5", 50),
            ("5.", 500),
            ("1e3", 100_000),
            ("1.5E+2", 15_000),
            ("1999e-2", 1999),
            ("12.500000", 1250),
            (" +7.1 ", 710),
            ("-3", -300),
            ("0e999999999999999999999", 0),
            ("92233720368547758.07", i64::MAX),
        ] {
            assert_eq!(Money::parse(literal), Ok(Money(minor)), "{literal}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused_with_its_reason() {
        for (literal, error) in [
            ("", MoneyError::NotANumber),
            ("NaN", MoneyError::NotANumber),
            ("Infinity", MoneyError::NotANumber),
            ("1_000", MoneyError::NotANumber),
            ("1e", MoneyError::NotANumber),
            ("1.2.3", MoneyError::NotANumber),
            ("0x10", MoneyError::NotANumber),
            ("٣", MoneyError::NotANumber),
            ("19.999", MoneyError::TooPrecise),
            ("1e-3", MoneyError::TooPrecise),
            ("1e-999999999999999999999", MoneyError::TooPrecise),
            ("92233720368547758.08", MoneyError::OutOfRange),
            ("1e17", MoneyError::OutOfRange),
            ("1e999999999999999999999", MoneyError::OutOfRange),
        ] {
            assert_eq!(Money::parse(literal), Err(error), "{literal}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(minor in any::<i64>().prop_filter("has an opposite", |m| *m != i64::MIN)) {
            let money = Money::from_minor(minor);
            prop_assert_eq!(Money::parse(&money.to_string()), Ok(money));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = Money::parse(&text);
        }
    }
}
