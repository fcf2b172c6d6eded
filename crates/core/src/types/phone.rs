//! Phone numbers.

use std::fmt;

use thiserror::Error;

/// A phone number as people dial it: `+` and 6 to 15 ASCII digits (the longest that ITU-T E.164 allows).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(String);

/// Why a text is not a phone number. The texts are shown to people and matched by existing clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PhoneError {
    /// The number has no country prefix.
    #[error("Phone number must start with +")]
    MissingPlus,
    /// Something but the digits 0 to 9 follows the `+`.
    #[error("Phone number must contain only digits after +")]
    NotDigits,
    /// Too few or too many digits.
    #[error("Phone number length invalid (6-15 digits after +)")]
    Length,
}

impl Phone {
    /// Reads a phone number; blanks around it are cut.
    ///
    /// # Errors
    /// [`PhoneError`] in the order of its variants.
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        let text = text.trim();
        let digits = text.strip_prefix('+').ok_or(PhoneError::MissingPlus)?;
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(PhoneError::NotDigits);
        }
        if !(6..=15).contains(&digits.len()) {
            return Err(PhoneError::Length);
        }
        Ok(Self(text.to_owned()))
    }

    /// The number with its `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Personal data: logs show the last two digits only.
impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phone(…{})", &self.0[self.0.len() - 2..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_trimmed_and_kept_as_dialled() {
        assert_eq!(
            Phone::parse(" +998901112233 ").map(|p| p.as_str().to_owned()),
            Ok("+998901112233".into())
        );
    }

    #[test]
    fn each_fault_has_its_text() {
        for (text, error) in [
            ("998901112233", PhoneError::MissingPlus),
            ("", PhoneError::MissingPlus),
            ("+99890 111", PhoneError::NotDigits),
            ("+٩٩٨٩٠١١", PhoneError::NotDigits),
            ("+12345", PhoneError::Length),
            ("+1234567890123456", PhoneError::Length),
        ] {
            assert_eq!(Phone::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_log_never_shows_the_number() {
        let phone = Phone::parse("+998901112233").expect("a valid number");
        assert_eq!(format!("{phone:?}"), "Phone(…33)");
    }
}
