//! As much of PostgreSQL's protocol as it takes to see a COMMIT go and its answer come.
//! <https://www.postgresql.org/docs/15/protocol-message-formats.html>

use std::collections::HashMap;

/// Codes of requests that come before the startup message, and whose answer is a single byte.
const ASKS_FOR_ENCRYPTION: [u32; 2] = [80_877_103, 80_877_104];

/// Cuts a stream of pieces into messages: a type (0 for those without) and a body.
#[derive(Debug, Default)]
struct Messages {
    /// The beginning of a message whose end hasn't come.
    rest: Vec<u8>,
    /// The length of the newest piece.
    newest: usize,
}

impl Messages {
    fn push(&mut self, piece: &[u8]) {
        self.rest.extend_from_slice(piece);
        self.newest = piece.len();
    }

    /// Where in the newest piece the next message begins; 0 when it began before.
    fn position(&self) -> usize {
        self.newest.saturating_sub(self.rest.len())
    }

    /// The next whole message, its type and body.
    fn next(&mut self, has_type: bool) -> Option<(u8, Vec<u8>)> {
        let head = usize::from(has_type);
        let length = self.rest.get(head..head + 4)?;
        let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]);
        let end = head + usize::try_from(length).ok()?.max(4);
        if self.rest.len() < end {
            return None;
        }
        let message: Vec<u8> = self.rest.drain(..end).collect();
        let kind = if has_type { message[0] } else { 0 };
        Some((kind, message[head + 4..].to_vec()))
    }
}

/// What a client says.
#[derive(Debug, Default)]
pub(super) struct Frontend {
    messages: Messages,
    has_started: bool,
    /// Names of prepared statements and portals that commit.
    committing_statements: HashMap<Vec<u8>, bool>,
    committing_portals: HashMap<Vec<u8>, bool>,
}

/// What a piece of a client's words means.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Where in the piece the first COMMIT begins; 0 when it began in an earlier piece.
    pub(super) commit_at: Option<usize>,
    /// How many answers of a single byte the server will give.
    pub(super) byte_answers: usize,
}

impl Frontend {
    /// Reads the next piece.
    pub(super) fn hear(&mut self, piece: &[u8]) -> Said {
        let mut said = Said::default();
        self.messages.push(piece);
        loop {
            let at = self.messages.position();
            let Some((kind, body)) = self.messages.next(self.has_started) else { return said };
            if !self.has_started {
                let code = body.get(..4).map_or(0, |c| u32::from_be_bytes([c[0], c[1], c[2], c[3]]));
                let asks = ASKS_FOR_ENCRYPTION.contains(&code);
                said.byte_answers += usize::from(asks);
                self.has_started = !asks;
            } else if self.commits(kind, &body) && said.commit_at.is_none() {
                said.commit_at = Some(at);
            }
        }
    }

    /// Whether this message makes the server commit.
    fn commits(&mut self, kind: u8, body: &[u8]) -> bool {
        let mut fields = body.split(|byte| *byte == 0);
        let (first, second) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        match kind {
            b'Q' => holds_commit(first),
            b'P' => {
                self.committing_statements.insert(first.to_vec(), holds_commit(second));
                false
            }
            b'B' => {
                let commits = self.committing_statements.get(second).copied().unwrap_or(false);
                self.committing_portals.insert(first.to_vec(), commits);
                false
            }
            b'E' => self.committing_portals.get(first).copied().unwrap_or(false),
            _ => false,
        }
    }
}

/// Whether one of the statements in the text is COMMIT or its other name, END.
fn holds_commit(sql: &[u8]) -> bool {
    let text = String::from_utf8_lossy(sql);
    statements(&text).any(|statement| {
        let first =
            statement.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
        first.eq_ignore_ascii_case("commit") || first.eq_ignore_ascii_case("end")
    })
}

/// The statements of a text without leading space and comments. A `;` in quotes ends none; one in `$$` does, which
/// matters for functions only.
fn statements(text: &str) -> impl Iterator<Item = &str> {
    let mut quote = None;
    let ends = move |c: char| {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
        quote.is_none() && c == ';'
    };
    text.split(ends).map(without_comments)
}

fn without_comments(statement: &str) -> &str {
    let statement = statement.trim_start();
    let rest = if let Some(line) = statement.strip_prefix("--") {
        line.split_once('\n').map(|(_, rest)| rest)
    } else if let Some(block) = statement.strip_prefix("/*") {
        block.split_once("*/").map(|(_, rest)| rest)
    } else {
        return statement;
    };
    without_comments(rest.unwrap_or_default())
}

/// What a server answers.
#[derive(Debug, Default)]
pub(super) struct Backend {
    messages: Messages,
}

/// An answer of the server's to a COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    /// Where in the piece it begins; 0 when it began in an earlier piece.
    pub(super) at: usize,
    /// False: the transaction was rolled back, or failed to commit.
    pub(super) committed: bool,
}

impl Backend {
    /// Reads the next piece, of which the first bytes are `byte_answers` that aren't messages, and finds the first
    /// answer that a COMMIT may have. Gives also how many of those bytes are still to come.
    pub(super) fn hear(&mut self, piece: &[u8], byte_answers: usize) -> (Option<Answer>, usize) {
        let bytes = byte_answers.min(piece.len());
        self.messages.push(&piece[bytes..]);
        let mut found = None;
        loop {
            let at = bytes + self.messages.position();
            let Some((kind, body)) = self.messages.next(true) else { return (found, byte_answers - bytes) };
            let committed = kind == b'C' && body.starts_with(b"COMMIT");
            let is_answer = committed || kind == b'E' || (kind == b'C' && body.starts_with(b"ROLLBACK"));
            if is_answer && found.is_none() {
                found = Some(Answer { at, committed });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Backend, Frontend, Said, holds_commit};

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).expect("short").to_be_bytes();
        [&[kind][..], &length, body].concat()
    }

    /// A startup message, or a request of the same form.
    fn startup(code: u32) -> Vec<u8> {
        message(0, &code.to_be_bytes())[1..].to_vec()
    }

    fn started() -> Frontend {
        let mut frontend = Frontend::default();
        assert_eq!(frontend.hear(&startup(80_877_103)), Said { commit_at: None, byte_answers: 1 });
        assert_eq!(frontend.hear(&startup(196_608)), Said::default());
        frontend
    }

    #[test]
    fn statements_that_commit_are_told_from_those_that_mention_it() {
        for sql in
            ["COMMIT", " commit;", "begin; insert into t values ('a;b'); End", "/* x */ -- y\n commit work"]
        {
            assert!(holds_commit(sql.as_bytes()), "{sql}");
        }
        for sql in
            ["", "select 'x; commit'", "insert into commits values (1)", "-- commit", "select 1; ending"]
        {
            assert!(!holds_commit(sql.as_bytes()), "{sql}");
        }
    }

    #[test]
    fn a_commit_is_found_wherever_pieces_end() {
        let insert = message(b'Q', b"insert\0");
        let words = [insert.clone(), message(b'Q', b"COMMIT\0")].concat();
        assert_eq!(started().hear(&words).commit_at, Some(insert.len()));
        for cut in 1..words.len() {
            let mut frontend = started();
            let (one, two) = words.split_at(cut);
            assert_eq!(frontend.hear(one).commit_at, None, "cut at {cut}");
            assert_eq!(frontend.hear(two).commit_at, Some(insert.len().saturating_sub(cut)), "cut at {cut}");
        }
    }

    #[test]
    fn a_prepared_commit_is_one_when_it_is_executed() {
        let mut frontend = started();
        let prepare = [message(b'P', b"s1\0COMMIT\0\0\0"), message(b'P', b"s2\0select 1\0\0\0")].concat();
        assert_eq!(frontend.hear(&prepare).commit_at, None);
        let run = |portal: &[u8], statement: &[u8]| {
            let bind = message(b'B', &[portal, b"\0", statement, b"\0\0\0\0\0\0\0"].concat());
            (bind.len(), [bind, message(b'E', &[portal, b"\0\0\0\0\0"].concat())].concat())
        };
        assert_eq!(frontend.hear(&run(b"", b"s2").1).commit_at, None);
        let (bind, words) = run(b"", b"s1");
        assert_eq!(frontend.hear(&words).commit_at, Some(bind));
        assert_eq!(frontend.hear(&run(b"", b"s2").1).commit_at, None, "the portal was bound anew");
    }

    #[test]
    fn an_answer_is_found_wherever_pieces_end() {
        let insert = message(b'C', b"INSERT 0 1\0");
        let words = [&b"N"[..], &insert, &message(b'C', b"COMMIT\0"), &message(b'Z', b"I")].concat();
        let begins = 1 + insert.len();
        let ends = words.len() - 6;
        for cut in 1..words.len() {
            let mut backend = Backend::default();
            let (one, two) = words.split_at(cut);
            let (first, left) = backend.hear(one, 1);
            let (second, _) = backend.hear(two, left);
            let at = if cut >= ends { begins } else { begins.saturating_sub(cut) };
            let expected = Some(Answer { at, committed: true });
            assert_eq!(if cut >= ends { first } else { second }, expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_commit_that_failed_is_an_answer_too() {
        for words in [message(b'E', b"C40001\0\0"), message(b'C', b"ROLLBACK\0")] {
            let (answer, _) = Backend::default().hear(&words, 0);
            assert_eq!(answer, Some(Answer { at: 0, committed: false }));
        }
    }
}
