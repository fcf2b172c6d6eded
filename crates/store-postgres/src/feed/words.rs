//! Changes as they are written down for the other instances.

use std::fmt::Write as _;

use slippers_core::Change;
use slippers_core::types::{CategoryId, SlipperId};

/// More changes than this of one transaction are written down as "all of the catalogue".
const TOLD_ONE_BY_ONE: usize = 200;

/// What of it the other instances must know, in words; users are looked up anew by them within a second.
pub(super) fn encode(changes: &[Change]) -> Option<String> {
    let mut what = String::new();
    for change in changes {
        // Writing to a String can't fail.
        let _ = match change {
            Change::Slipper(id) => write!(what, "s{id} "),
            Change::Stock(id) => write!(what, "q{id} "),
            Change::Category(id) => write!(what, "c{id} "),
            Change::Catalog => write!(what, "all "),
            Change::User(_) => Ok(()),
        };
    }
    match what.trim_end() {
        "" => None,
        _ if changes.len() > TOLD_ONE_BY_ONE => Some("all".to_owned()),
        words => Some(words.to_owned()),
    }
}

/// A word that a newer program wrote may mean anything.
pub(super) fn decode(what: &str) -> Vec<Change> {
    let read = |word: &str| {
        let number = |kind| word.strip_prefix(kind).and_then(|digits| digits.parse::<i64>().ok());
        None.or_else(|| number('s').map(|id| Change::Slipper(SlipperId::new(id))))
            .or_else(|| number('q').map(|id| Change::Stock(SlipperId::new(id))))
            .or_else(|| number('c').map(|id| Change::Category(CategoryId::new(id))))
            .unwrap_or(Change::Catalog)
    };
    what.split_whitespace().map(read).collect()
}

#[cfg(test)]
mod tests {
    use slippers_core::types::UserId;

    use super::*;

    #[test]
    fn what_is_written_down_is_read_back() {
        let one = SlipperId::new(7);
        let changes = [
            Change::Slipper(one),
            Change::Stock(one),
            Change::Category(CategoryId::new(-1)),
            Change::Catalog,
        ];
        let what = encode(&changes).expect("something");
        assert_eq!(decode(&what), changes);
        assert_eq!(encode(&[Change::User(UserId::new(1))]), None, "nobody else remembers users for long");
        assert_eq!(decode("s7 x9"), [Change::Slipper(one), Change::Catalog]);
        assert_eq!(encode(&[Change::Stock(one); TOLD_ONE_BY_ONE + 1]).as_deref(), Some("all"));
    }
}
