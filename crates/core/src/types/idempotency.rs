//! Keys by which a client names one intention.

use thiserror::Error;

/// An `Idempotency-Key` header's value: 1 to 255 visible ASCII characters.
///
/// Shape and size follow draft-ietf-httpapi-idempotency-key-header and common practice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// A text that is no [`IdempotencyKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("Idempotency-Key must be 1 to 255 visible ASCII characters")]
pub struct IdempotencyKeyError;

impl IdempotencyKey {
    /// Reads a key; blanks around it are cut.
    ///
    /// # Errors
    /// [`IdempotencyKeyError`] when it is empty, too long, or has a character outside of `!` to `~`.
    pub fn parse(text: &str) -> Result<Self, IdempotencyKeyError> {
        let text = text.trim();
        if (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdempotencyKeyError)
        }
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_short_and_visible() {
        assert!(IdempotencyKey::parse("8e03978e-40d5-43dd-bc93-6894a57f9324").is_ok());
        for text in ["", " ", "a b", "ключ", "a\u{0}b", &"x".repeat(256)] {
            assert_eq!(IdempotencyKey::parse(text), Err(IdempotencyKeyError), "{text:?}");
        }
    }
}
