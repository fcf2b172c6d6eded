//! What a person or a script reads: results on stdout, everything else on stderr.
//!
//! A reader that has gone away (`slippers config check | head`) is no reason to panic, as `println!` would.

use std::io::{self, Write as _};

/// Says a line on stdout.
pub(crate) fn say(line: &str) {
    let mut out = io::stdout().lock();
    // Nobody is left to be told that nobody listens.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Says a line on stderr.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// A number for people: `10 000 000`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1_000, 10_000_000].map(grouped), ["0", "999", "1 000", "10 000 000"]);
    }
}
