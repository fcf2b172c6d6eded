//! What is written for the search, and how a term is looked up.

use std::collections::BTreeSet;

use slippers_core::StoreError;
use slippers_core::catalog::SearchTerm;
use slippers_core::catalog::search::parts;

use crate::db::Db;
use crate::params::params;

const ADD: &str = "INSERT INTO slipper_grams (gram, slipper_id) SELECT gram, $2 FROM unnest($1) AS gram ON CONFLICT DO NOTHING";
const REMOVE: &str = "DELETE FROM slipper_grams WHERE slipper_id = $2 AND gram = ANY($1)";

/// Makes a product findable by its folded name and size. Its trigrams are in an index of the product itself.
pub(super) async fn add(db: &Db, id: i64, keys: [&str; 2]) -> Result<(), StoreError> {
    db.run(ADD, params![grams_of(keys), id]).await?;
    Ok(())
}

/// Takes back what [`add`] wrote; the texts must be the same.
pub(super) async fn remove(db: &Db, id: i64, keys: [&str; 2]) -> Result<(), StoreError> {
    db.run(REMOVE, params![grams_of(keys), id]).await?;
    Ok(())
}

fn grams_of(keys: [&str; 2]) -> Vec<&str> {
    let mut all = BTreeSet::new();
    for key in keys {
        all.extend(parts(key));
    }
    all.into_iter().collect()
}

/// Where what contains a term is found without looking at everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// Terms of one and two characters: in our own grams.
    Gram(String),
    /// Longer ones: in the trigrams; what is found must be looked at.
    Trigrams(Vec<String>),
    /// Nothing contains it: PostgreSQL keeps no NUL.
    Nowhere,
}

/// The trigrams of a term's first characters tell enough.
const LOOKED_UP_CHARS: usize = 64;

pub(crate) fn lookup(term: &SearchTerm) -> Lookup {
    let text = term.as_str();
    if text.contains('\0') {
        return Lookup::Nowhere;
    }
    if term.chars() <= 2 {
        return Lookup::Gram(text.to_owned());
    }
    let chars: Vec<char> = text.chars().take(LOOKED_UP_CHARS).collect();
    let trigrams: BTreeSet<String> = chars.windows(3).map(String::from_iter).collect();
    Lookup::Trigrams(trigrams.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup_of(text: &str) -> Lookup {
        lookup(&SearchTerm::new(text).expect("not empty"))
    }

    #[test]
    fn a_term_goes_where_it_can_be_found() {
        assert_eq!(lookup_of("42"), Lookup::Gram("42".to_owned()));
        assert_eq!(lookup_of("ТУ"), Lookup::Gram("ту".to_owned()));
        let trigrams = |all: &[&str]| Lookup::Trigrams(all.iter().map(|&one| one.to_owned()).collect());
        assert_eq!(lookup_of("тап"), trigrams(&["тап"]));
        assert_eq!(lookup_of("aaaa%"), trigrams(&["aa%", "aaa"]));
        assert_eq!(lookup_of("a\0b"), Lookup::Nowhere);
        assert!(matches!(lookup_of(&"яю".repeat(200)), Lookup::Trigrams(all) if all.len() == 2));
    }
}
