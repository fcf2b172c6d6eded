//! What nobody may see.

use std::fmt;

use subtle::ConstantTimeEq as _;

/// A password or a key. It never shows in a log, and is compared in constant time.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether this is the secret, in a time that tells at most its length.
    pub fn is(&self, guess: &str) -> bool {
        same(self.0.as_bytes(), guess.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Compares in a time that tells at most the lengths.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

/// Compares two digests in hex, whose case means nothing.
pub(crate) fn same_hex(ours: &str, theirs: &str) -> bool {
    same(ours.to_ascii_lowercase().as_bytes(), theirs.to_ascii_lowercase().as_bytes())
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_compared_whole_and_never_shown() {
        let secret = Secret::new("AB12cd34");
        assert!(secret.is("AB12cd34"));
        for guess in ["", "AB12cd3", "AB12cd345", "ab12cd34"] {
            assert!(!secret.is(guess), "{guess}");
        }
        assert!(!format!("{secret:?}").contains("AB12"));
        assert!(same_hex("0aFF", "0Aff") && !same_hex("0aff", "0afe"));
        assert_eq!(hex(&[0, 255, 10]), "00ff0a");
    }
}
