//! Search: one folding and one set of grams for every database, so that all of them find the same.

use std::collections::BTreeSet;

/// How many digits in a row users are looked up by: as many as the stores write (their migration 0019).
const DIGITS: usize = 6;

/// What a shopper searches for, folded; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SearchTerm(String);

impl SearchTerm {
    /// The folded term; `None` when nothing is searched for.
    pub fn new(text: &str) -> Option<Self> {
        let folded = fold(text);
        if folded.is_empty() { None } else { Some(Self(folded)) }
    }

    /// The folded term.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How many characters the folded term has, at least 1. Terms of up to two are found by [`grams`], longer ones by
    /// trigrams.
    pub fn chars(&self) -> usize {
        self.0.chars().count()
    }

    /// Where words of the term meet, by which it can be looked up: at most [`JOINTS`], those of three words if there are any,
    /// which fewer products have.
    pub fn joints(&self) -> Vec<&str> {
        let longest =
            [2, 1].map(|blanks| joints(&self.0, blanks)).into_iter().find(|found| !found.is_empty());
        longest.into_iter().flatten().take(JOINTS).collect()
    }

    /// The last six ASCII digits in a row of the term, by which users are looked up who have them in a phone number; `None`
    /// when it has no six.
    pub fn digits(&self) -> Option<&str> {
        let is_run = |window: &[u8]| window.iter().all(u8::is_ascii_digit);
        let at = self.0.as_bytes().windows(DIGITS).rposition(is_run)?;
        Some(&self.0[at..at + DIGITS])
    }

    /// Whether a product with these folded texts is found: the term is part of the one or of the other.
    pub fn matches(&self, name_key: &str, size_key: &str) -> bool {
        name_key.contains(&self.0) || size_key.contains(&self.0)
    }
}

/// The form in which texts are compared and sorted: lower case in every script, character by character (no rule looks
/// at a neighbour, so a part of a text folds to a part of the folded text), final sigma as sigma, and the apostrophes
/// that people type for Uzbek oʻ and gʻ as one.
pub fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).map(unify).collect()
}

const fn unify(c: char) -> char {
    match c {
        'ς' => 'σ',
        // ʻ (the letter's own sign), ʼ, ‘, ’, ` and ´ stand for one sign on different keyboards.
        '\u{2bb}' | '\u{2bc}' | '\u{2018}' | '\u{2019}' | '`' | '\u{b4}' => '\'',
        other => other,
    }
}

/// Every part of one and of two characters of a folded text, once each.
pub fn grams(key: &str) -> BTreeSet<&str> {
    let starts: Vec<usize> = key.char_indices().map(|(at, _)| at).chain([key.len()]).collect();
    let ones = starts.windows(2).map(|w| &key[w[0]..w[1]]);
    let twos = starts.windows(3).map(|w| &key[w[0]..w[2]]);
    ones.chain(twos).collect()
}

/// The most joints by which one term is looked up.
pub const JOINTS: usize = 4;
/// How many characters on either side belong to a joint.
const REACH: usize = 3;
/// The longest word between two blanks of one joint, in characters.
const LONGEST_BETWEEN: usize = 24;

/// By what a folded text of a product is found without a scan, once each: its [`grams`], and its joints, where words meet: a
/// blank, or two with the word between them, and the three characters before and after, where there are so many. Shops have few
/// words and many names: of a million products made of 200 words tens of thousands have each trigram, and mostly less than two
/// hundred meet as these three words do.
pub fn parts(key: &str) -> BTreeSet<&str> {
    let mut all = grams(key);
    all.extend(joints(key, 1));
    all.extend(joints(key, 2));
    all
}

/// The joints that span so many blanks.
fn joints(key: &str, blanks: usize) -> BTreeSet<&str> {
    let places: Vec<usize> = key.match_indices(' ').map(|(at, _)| at).collect();
    let joint = |span: &[usize]| {
        let (&first, &last) = (span.first()?, span.last()?);
        let (before, between, after) = (&key[..first], &key[first..last], &key[last + 1..]);
        let (start, _) = before.char_indices().rev().nth(REACH - 1)?;
        let (end, c) = after.char_indices().nth(REACH - 1)?;
        let is_short = between.chars().count() <= LONGEST_BETWEEN + 1;
        is_short.then(|| &key[start..last + 1 + end + c.len_utf8()])
    };
    places.windows(blanks).filter_map(joint).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_and_keyboards_make_no_difference() {
        for (one, other) in [
            ("КОМФОРТ", "комфорт"),
            ("Oʻzbek", "o'ZBEK"),
            ("G‘ijduvon", "gʻijduvon"),
            ("ΣΑΣ", "σας"),
            ("ÉTÉ", "été"),
        ] {
            assert_eq!(fold(one), fold(other));
        }
    }

    #[test]
    fn an_empty_search_is_none() {
        assert_eq!(SearchTerm::new(""), None);
        assert!(SearchTerm::new(" ").is_some(), "a blank is a character like others");
    }

    #[test]
    fn the_last_six_digits_in_a_row_are_looked_up() {
        let digits_of = |text| SearchTerm::new(text).and_then(|term| term.digits().map(str::to_owned));
        for (text, digits) in [
            ("+998 90 111 22 33", None),
            ("11122", None),
            ("111222", Some("111222")),
            ("+998901112233", Some("112233")),
            ("я123456я1234567я12345", Some("234567")),
            // Digits of other scripts are no part of a phone number.
            ("١٢٣٤٥٦", None),
        ] {
            assert_eq!(digits_of(text).as_deref(), digits, "{text}");
        }
    }

    #[test]
    fn grams_are_characters_and_pairs() {
        assert_eq!(grams("тут"), BTreeSet::from(["т", "у", "ту", "ут"]));
        assert!(grams("").is_empty());
    }

    #[test]
    fn joints_are_where_words_meet() {
        let of = |key| [1, 2].map(|blanks| joints(key, blanks).into_iter().collect::<Vec<_>>());
        assert_eq!(of("тёплые тапки xl"), [vec!["лые тап"], vec![]]);
        assert_eq!(of("abcd efg hijk"), [vec!["bcd efg", "efg hij"], vec!["bcd efg hij"]]);
        assert_eq!(of("ab cde"), [Vec::<&str>::new(), vec![]]);
        assert_eq!(of("a b c d"), [vec!["a b c d"], vec![]], "a blank is a character like others");
        let long = format!("abc {} def", "x".repeat(25));
        assert_eq!(of(&long), [vec!["abc xxx", "xxx def"], vec![]]);
        let term = |text| SearchTerm::new(text).expect("not empty");
        assert_eq!(term("abc de fgh").joints(), ["abc de fgh"]);
        assert_eq!(term("abc def").joints(), ["abc def"]);
        assert_eq!(term("abc d").joints(), [""; 0]);
    }

    proptest! {
        #[test]
        fn a_part_of_a_text_has_no_joint_that_the_text_has_not(text in "[абB ]{0,40}", from in 0_usize..20, len in 1_usize..40) {
            let key = fold(&text);
            let part: String = key.chars().skip(from).take(len).collect();
            if let Some(term) = SearchTerm::new(&part) {
                let all = parts(&key);
                prop_assert!(term.joints().iter().all(|joint| all.contains(joint)), "{:?} in {:?}", part, key);
            }
        }

        #[test]
        fn a_part_of_a_text_is_found_in_it(text in "\\PC{1,20}", from in 0_usize..20, len in 1_usize..5) {
            let part: String = text.chars().skip(from).take(len).collect();
            if let Some(term) = SearchTerm::new(&part) {
                prop_assert!(term.matches(&fold(&text), ""));
            }
        }

        #[test]
        fn short_terms_are_found_by_grams_exactly_where_a_scan_finds_them(text in "[абвaB%_ ']{0,12}", term in "[абвaB%_ ']{1,2}") {
            let key = fold(&text);
            let term = SearchTerm::new(&term).expect("not empty");
            prop_assert_eq!(grams(&key).contains(term.as_str()), term.matches(&key, ""));
        }

        #[test]
        fn folding_twice_is_folding_once(text in "\\PC*") {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }
    }
}
