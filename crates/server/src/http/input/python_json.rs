//! Where and why Python's `json` module would refuse a text: the words that existing clients were written against.
//!
//! Messages and positions are those of CPython's `json.decoder` (3.11). This runs only for bodies that were refused.

/// The first error as (position in characters, message); `None` when Python would accept the text.
pub(super) fn first_error(text: &str) -> Option<(usize, &'static str)> {
    let mut scanner = Scanner { chars: text.chars().collect(), at: 0 };
    scanner.document().err()
}

/// The position in characters of a line and column counted from 1, in bytes, as `serde_json` gives them.
pub(super) fn char_position(text: &str, line: usize, column: usize) -> usize {
    let before: usize =
        text.split_inclusive('\n').take(line.saturating_sub(1)).map(|l| l.chars().count()).sum();
    let line = text.split_inclusive('\n').nth(line.saturating_sub(1)).unwrap_or("");
    before + line.char_indices().take_while(|(at, _)| *at < column.saturating_sub(1)).count()
}

type Scan = Result<(), (usize, &'static str)>;

struct Scanner {
    chars: Vec<char>,
    at: usize,
}

const PROPERTY: &str = "Expecting property name enclosed in double quotes";

impl Scanner {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.at += 1;
        }
    }

    fn document(&mut self) -> Scan {
        self.blanks();
        self.value()?;
        self.blanks();
        if self.at < self.chars.len() { Err((self.at, "Extra data")) } else { Ok(()) }
    }

    /// Walks one value. Containers are kept on a list of their own, so that depth costs no stack.
    fn value(&mut self) -> Scan {
        let mut open: Vec<char> = Vec::new();
        loop {
            match self.peek() {
                Some('{') => {
                    self.at += 1;
                    self.blanks();
                    if self.peek() != Some('}') {
                        self.property()?;
                        open.push('}');
                        continue;
                    }
                    self.at += 1;
                }
                Some('[') => {
                    self.at += 1;
                    self.blanks();
                    if self.peek() != Some(']') {
                        open.push(']');
                        continue;
                    }
                    self.at += 1;
                }
                Some('"') => self.string()?,
                _ => self.scalar()?,
            }
            if self.after_value(&mut open)? {
                return Ok(());
            }
        }
    }

    /// Goes on behind a value: closes what ends, and stands before the next value; true when there is none.
    fn after_value(&mut self, open: &mut Vec<char>) -> Result<bool, (usize, &'static str)> {
        while let Some(end) = open.last().copied() {
            self.blanks();
            match self.peek() {
                Some(c) if c == end => {
                    self.at += 1;
                    open.pop();
                }
                Some(',') => {
                    self.at += 1;
                    self.blanks();
                    if end == '}' {
                        self.property()?;
                    }
                    return Ok(false);
                }
                _ => return Err((self.at, "Expecting ',' delimiter")),
            }
        }
        Ok(true)
    }

    fn property(&mut self) -> Scan {
        if self.peek() != Some('"') {
            return Err((self.at, PROPERTY));
        }
        self.string()?;
        self.blanks();
        if self.peek() != Some(':') {
            return Err((self.at, "Expecting ':' delimiter"));
        }
        self.at += 1;
        self.blanks();
        Ok(())
    }

    fn string(&mut self) -> Scan {
        let begin = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None => return Err((begin, "Unterminated string starting at")),
                Some('"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some('\\') => self.escape(begin)?,
                Some(c) if u32::from(c) < 0x20 => return Err((self.at, "Invalid control character at")),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self, begin: usize) -> Scan {
        let backslash = self.at;
        match self.chars.get(backslash + 1) {
            None => Err((begin, "Unterminated string starting at")),
            Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => {
                self.at += 2;
                Ok(())
            }
            Some('u') => {
                let digits = self.chars.get(backslash + 2..backslash + 6);
                if digits.is_some_and(|d| d.iter().all(char::is_ascii_hexdigit)) {
                    self.at += 6;
                    Ok(())
                } else {
                    Err((backslash + 1, "Invalid \\uXXXX escape"))
                }
            }
            Some(_) => Err((backslash, "Invalid \\escape")),
        }
    }

    /// `true`, `false`, `null` and numbers. Python's own `NaN` and `Infinity` are refused as no value.
    fn scalar(&mut self) -> Scan {
        for word in ["true", "false", "null"] {
            let end = self.at + word.len();
            if self.chars.get(self.at..end).is_some_and(|found| found.iter().copied().eq(word.chars())) {
                self.at = end;
                return Ok(());
            }
        }
        self.number()
    }

    fn number(&mut self) -> Scan {
        let begin = self.at;
        let mut at = begin + usize::from(self.peek() == Some('-'));
        match self.chars.get(at) {
            Some('0') => at += 1,
            Some('1'..='9') => at = self.digits(at),
            _ => return Err((begin, "Expecting value")),
        }
        if self.chars.get(at) == Some(&'.') && self.digits(at + 1) > at + 1 {
            at = self.digits(at + 1);
        }
        if matches!(self.chars.get(at), Some('e' | 'E')) {
            let sign = usize::from(matches!(self.chars.get(at + 1), Some('+' | '-')));
            if self.digits(at + 1 + sign) > at + 1 + sign {
                at = self.digits(at + 1 + sign);
            }
        }
        self.at = at;
        Ok(())
    }

    fn digits(&self, from: usize) -> usize {
        from + self.chars.iter().skip(from).take_while(|c| c.is_ascii_digit()).count()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Recorded from CPython 3.11: `json.loads(text)`.
    #[test]
    fn positions_and_words_are_those_of_python() {
        for (text, position, message) in [
            ("", 0, "Expecting value"),
            ("{", 1, PROPERTY),
            ("{name", 1, PROPERTY),
            ("{'a': 1}", 1, PROPERTY),
            ("{\"a\" 1}", 5, "Expecting ':' delimiter"),
            ("{\"a\": }", 6, "Expecting value"),
            ("{\"a\": 1 \"b\"", 8, "Expecting ',' delimiter"),
            ("{\"a\": 1,}", 8, PROPERTY),
            ("[1, 2", 5, "Expecting ',' delimiter"),
            ("[1,]", 3, "Expecting value"),
            ("{} x", 3, "Extra data"),
            ("01", 1, "Extra data"),
            ("\"abc", 0, "Unterminated string starting at"),
            ("{\"ключ\": \"\n\"}", 10, "Invalid control character at"),
            ("\"\\x\"", 1, "Invalid \\escape"),
            ("\"\\u12g4\"", 2, "Invalid \\uXXXX escape"),
            ("nul", 0, "Expecting value"),
            ("{\"a\": NaN}", 6, "Expecting value"),
            ("-", 0, "Expecting value"),
            ("1.", 1, "Extra data"),
        ] {
            assert_eq!(first_error(text), Some((position, message)), "{text}");
        }
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = "[".repeat(500_000);
        assert_eq!(first_error(&deep), Some((500_000, "Expecting value")));
    }

    #[test]
    fn a_place_is_counted_in_characters() {
        assert_eq!(char_position("{\n \"ё\": x", 2, 8), 8);
    }

    proptest! {
        #[test]
        fn what_serde_accepts_is_accepted(text in "[\\[\\]{}\",:0-9a ]{0,12}") {
            if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
                prop_assert_eq!(first_error(&text), None);
            }
        }
    }
}
