//! What is written for the search, and how a term is looked up.

use slippers_core::StoreError;
use slippers_core::catalog::SearchTerm;
use slippers_core::catalog::search::parts;

use crate::db::{Db, json_list};

const ADD_GRAMS: &str =
    "INSERT OR IGNORE INTO slipper_grams (gram, slipper_id) SELECT value, ?2 FROM json_each(?1)";
const ADD_TEXT: &str = "INSERT INTO slipper_search (rowid, name_key, size_key) VALUES (?1, ?2, ?3)";

/// Makes a product findable by its folded name and size.
pub(crate) fn add(db: &Db<'_>, id: i64, name_key: &str, size_key: &str) -> Result<(), StoreError> {
    db.run(ADD_GRAMS, (grams_of(name_key, size_key)?, id))?;
    db.run(ADD_TEXT, (id, name_key, size_key))?;
    Ok(())
}

const REMOVE_GRAMS: &str = "
    DELETE FROM slipper_grams WHERE slipper_id = ?2 AND gram IN (SELECT value FROM json_each(?1))";
// The index keeps no texts, so it must be told those that it was given.
const REMOVE_TEXT: &str = "
    INSERT INTO slipper_search (slipper_search, rowid, name_key, size_key) VALUES ('delete', ?1, ?2, ?3)";

/// Takes back what [`add`] wrote; the texts must be the same.
pub(super) fn remove(db: &Db<'_>, id: i64, name_key: &str, size_key: &str) -> Result<(), StoreError> {
    db.run(REMOVE_GRAMS, (grams_of(name_key, size_key)?, id))?;
    db.run(REMOVE_TEXT, (id, name_key, size_key))?;
    Ok(())
}

fn grams_of(name_key: &str, size_key: &str) -> Result<String, StoreError> {
    let mut all = parts(name_key);
    all.extend(parts(size_key));
    json_list(&all)
}

const KEYS: &str = "SELECT id, name_key, size_key FROM slippers";

/// Writes the parts of all products that are not written yet: once, inside of the migration that brings new ones.
pub(crate) fn index_all(db: &Db<'_>) -> Result<(), StoreError> {
    let mut add = db.prepare(ADD_GRAMS)?;
    db.all(KEYS, [], |row| {
        let (id, name_key, size_key) = (row.int(0)?, row.text(1)?, row.text(2)?);
        add.insert((grams_of(&name_key, &size_key)?, id)).map(drop)
    })?;
    Ok(())
}

/// Where the products that contain a term are found without looking at every product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// Terms of one and two characters, and those that the trigrams can't tell from others: in our own grams, by this one.
    Gram {
        /// The term, or two characters of it.
        gram: String,
        /// Whether the gram is the whole term; if not, each product found is looked at.
        is_whole: bool,
    },
    /// Longer ones: in the trigrams, by this query.
    Trigrams {
        /// The term, or its beginning, as a quoted phrase.
        phrase: String,
        /// Whether the phrase is the whole term; if not, each product found is looked at.
        is_whole: bool,
    },
}

/// The longest phrase that is looked up: the trigrams of a name's first 64 characters tell enough.
const PHRASE_CHARS: usize = 64;

/// Whether FTS5 takes a character for another one: it passes over NUL and reads U+FFFE and U+FFFF as U+FFFD (its
/// FTS5_READ_UTF8). Our own grams hold them as they are. No name need have one for strangers to ask for it: a query's broken bytes
/// come as U+FFFD.
const fn is_confused(c: char) -> bool {
    matches!(c, '\0' | '\u{fffd}' | '\u{fffe}' | '\u{ffff}')
}

pub(crate) fn lookup(term: &SearchTerm) -> Lookup {
    let text = term.as_str();
    if term.chars() <= 2 {
        return Lookup::Gram { gram: text.to_owned(), is_whole: true };
    }
    if let Some(gram) = confused_pair(text) {
        return Lookup::Gram { gram: gram.to_owned(), is_whole: false };
    }
    let beginning = text.char_indices().nth(PHRASE_CHARS).map_or(text, |(end, _)| &text[..end]);
    Lookup::Trigrams {
        // Inside of quotes only the quote itself means something.
        phrase: format!("\"{}\"", beginning.replace('"', "\"\"")),
        is_whole: beginning.len() == text.len(),
    }
}

/// The first two neighbours of a text of which one is a character that FTS5 confuses.
fn confused_pair(text: &str) -> Option<&str> {
    let mut before = None;
    for (at, c) in text.char_indices() {
        if let Some((start, previous)) = before
            && (is_confused(previous) || is_confused(c))
        {
            return Some(&text[start..at + c.len_utf8()]);
        }
        before = Some((at, c));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup_of(text: &str) -> Lookup {
        lookup(&SearchTerm::new(text).expect("not empty"))
    }

    #[test]
    fn a_term_goes_where_it_can_be_found() {
        let gram = |gram: &str, is_whole| Lookup::Gram { gram: gram.to_owned(), is_whole };
        assert_eq!(lookup_of("42"), gram("42", true));
        assert_eq!(lookup_of("ту"), gram("ту", true));
        let phrase = |phrase: &str, is_whole| Lookup::Trigrams { phrase: phrase.to_owned(), is_whole };
        assert_eq!(lookup_of("тап"), phrase("\"тап\"", true));
        assert_eq!(lookup_of("a\"b*"), phrase("\"a\"\"b*\"", true));
        assert_eq!(lookup_of(&"я".repeat(65)), phrase(&format!("\"{}\"", "я".repeat(64)), false));
        assert_eq!(lookup_of("\u{fffd}"), gram("\u{fffd}", true));
        assert_eq!(lookup_of("a\0b"), gram("a\0", false));
        assert_eq!(lookup_of("тап\u{fffe}"), gram("п\u{fffe}", false));
        assert_eq!(lookup_of("\u{ffff}тап"), gram("\u{ffff}т", false));
    }
}
