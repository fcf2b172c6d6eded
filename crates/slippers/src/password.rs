//! Passwords at the command line: read from stdin, so that they show in no history and no list of processes.

use std::fmt;
use std::io::{BufRead, IsTerminal as _, Read as _};

use slippers_server::Entropy;

use crate::console;
use crate::failure::Failure;

/// Characters of a password.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=1024;
/// Bytes that the longest password can take, with its newline: a character has at most four.
const MAX_BYTES: u64 = 4 * 1024 + 2;

/// A password. It never shows in a log.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Password(String);

impl Password {
    /// The password itself.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// A new one: 20 letters and digits without those that are mistaken for others, some 116 bits.
    pub(crate) fn random(entropy: &dyn Entropy) -> std::io::Result<Self> {
        const SIGNS: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
        const LENGTH: usize = 20;
        // A multiple of the number of signs: bytes from here on would favour the first signs.
        let limit = 256 - 256 % SIGNS.len();
        let mut text = String::new();
        while text.len() < LENGTH {
            let mut bytes = [0; 64];
            entropy.fill(&mut bytes)?;
            let fair = bytes.into_iter().map(usize::from).filter(|byte| *byte < limit);
            text.extend(fair.take(LENGTH - text.len()).map(|byte| char::from(SIGNS[byte % SIGNS.len()])));
        }
        Ok(Self(text))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password([redacted])")
    }
}

/// Reads the password of a command (its words, for the example in messages) from stdin.
pub(crate) fn from_stdin(wanted: bool, command: &str) -> Result<Password, Failure> {
    let example = format!("printf '%s\\n' \"$PASSWORD\" | slippers {command} --password-stdin");
    if !wanted {
        return Err(Failure::misused("no password was given", format!("send it on stdin: {example}")));
    }
    if std::io::stdin().is_terminal() {
        console::complain("Password, one line (it will be visible):");
    }
    read(std::io::stdin().lock()).map_err(|what| Failure::misused(what, format!("send one line: {example}")))
}

/// A password is one line; its newline is not part of it.
fn read(input: impl BufRead) -> Result<Password, String> {
    let mut bytes = Vec::new();
    input
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("stdin can't be read: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|_| "the password on stdin is not UTF-8".to_owned())?;
    let line = match text.strip_suffix('\n') {
        Some(line) => line.strip_suffix('\r').unwrap_or(line),
        None => &text,
    };
    if line.is_empty() {
        return Err("stdin holds no password".to_owned());
    }
    let length = line.chars().count();
    if !LENGTHS.contains(&length) {
        let (least, most) = (LENGTHS.start(), LENGTHS.end());
        return Err(format!(
            "the password must have {least} to {most} characters, this one has {}",
            told(length)
        ));
    }
    if line.contains('\n') {
        return Err("stdin holds more than one line".to_owned());
    }
    if line.contains('\0') {
        return Err("the password holds a NUL character".to_owned());
    }
    Ok(Password(line.to_owned()))
}

fn told(length: usize) -> String {
    if length > *LENGTHS.end() { "more".to_owned() } else { length.to_string() }
}

#[cfg(test)]
mod tests {
    use slippers_server::SystemEntropy;

    use super::*;

    fn of(text: &[u8]) -> Result<String, String> {
        read(text).map(|password| password.as_str().to_owned())
    }

    #[test]
    fn one_line_is_the_password_without_its_newline() {
        for text in ["correct horse", "correct horse\n", "correct horse\r\n"] {
            assert_eq!(of(text.as_bytes()).as_deref(), Ok("correct horse"), "{text:?}");
        }
        assert_eq!(of(" парольчик ".as_bytes()).as_deref(), Ok(" парольчик "), "blanks belong to it");
        let longest = "ж".repeat(1024);
        assert_eq!(of(format!("{longest}\n").as_bytes()), Ok(longest));
    }

    #[test]
    fn what_is_no_password_is_told() {
        for (text, part) in [
            (b"".to_vec(), "no password"),
            (b"\n".to_vec(), "no password"),
            (b"seven77\n".to_vec(), "8 to 1024 characters, this one has 7"),
            (vec![b'x'; 1025], "this one has more"),
            (vec![b'x'; 1_000_000], "this one has more"),
            (b"two lines\nof text\n".to_vec(), "more than one line"),
            (vec![0xff; 9], "not UTF-8"),
            (b"eight\0eight".to_vec(), "NUL"),
        ] {
            let error = of(&text).expect_err("a fault");
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn without_the_flag_the_command_says_how() {
        let failure = from_stdin(false, "admin reset-password --name Admin").expect_err("a fault");
        assert!(failure.is_misuse());
        assert!(
            failure.to_string().contains("| slippers admin reset-password --name Admin --password-stdin")
        );
    }

    #[test]
    fn random_passwords_are_long_and_differ_and_never_show() {
        let [a, b] = [0, 1].map(|_| Password::random(&SystemEntropy).expect("randomness"));
        assert!(a != b && a.as_str().len() == 20 && a.as_str().bytes().all(|c| c.is_ascii_alphanumeric()));
        assert_eq!(format!("{a:?}"), "Password([redacted])");
    }
}
