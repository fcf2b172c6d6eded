//! Single values: money, phone numbers, and what is searched for.

use serde_json::Value;
use slippers_core::catalog::SearchTerm;
use slippers_core::catalog::search::{fold, grams};
use slippers_core::types::{Money, MoneyError, Phone, PhoneError};

/// An amount is the number that Rust's own reader sees in the text, and is written so that it is read back.
pub(super) fn money(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let trimmed = text.trim_matches(|c: char| c.is_ascii_whitespace());
    let float = trimmed.parse::<f64>().ok().filter(|_| !trimmed.contains(['i', 'I', 'n', 'N']));
    match Money::parse(text) {
        Ok(amount) => {
            let printed = amount.to_string();
            assert_eq!(Money::parse(&printed), Ok(amount), "{text:?} is written as {printed}");
            let decimals = printed.rsplit_once('.').map(|(_, decimals)| decimals.len());
            assert!(matches!(decimals, Some(1 | 2)), "{printed} has other than one or two decimals");
            let near: Option<f64> = printed.parse().ok();
            assert!(float.is_some(), "{text:?} is no number, but money");
            let (Some(float), Some(near)) = (float, near) else { return };
            assert!((float - near).abs() <= 1e-9 * near.abs(), "{text:?} is {float}, not {printed}");
        }
        Err(MoneyError::NotANumber) => assert_eq!(float, None, "{text:?} is a number"),
        Err(MoneyError::OutOfRange) => {
            assert!(float.is_some_and(|f| f.abs() > 9.2e16), "{text:?} would fit");
        }
        // A third decimal may lie beyond what a float shows; that the text is a number is what can be told.
        Err(MoneyError::TooPrecise) => assert!(float.is_some(), "{text:?} is no number"),
    }
}

/// A phone number is a plus and 6 to 15 digits, as it was sent but for blanks around it, and no log shows it.
pub(super) fn phone(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let trimmed = text.trim();
    let digits = trimmed.strip_prefix('+').unwrap_or("");
    match Phone::parse(text) {
        Ok(phone) => {
            assert_eq!(phone.as_str(), trimmed);
            assert!(
                digits.bytes().all(|b| b.is_ascii_digit()) && (6..=15).contains(&digits.len()),
                "{text:?}"
            );
            assert_eq!(Phone::parse(phone.as_str()), Ok(phone.clone()), "it is not read back");
            assert_eq!(format!("{phone:?}").bytes().filter(u8::is_ascii_digit).count(), 2, "{phone:?}");
        }
        Err(PhoneError::MissingPlus) => assert!(!trimmed.starts_with('+'), "{text:?}"),
        Err(PhoneError::NotDigits) => assert!(digits.bytes().any(|b| !b.is_ascii_digit()), "{text:?}"),
        Err(PhoneError::Length) => assert!(!(6..=15).contains(&digits.len()), "{text:?}"),
    }
}

/// Folding is stable, a part of a text is found in it in any case, and grams find short terms as a scan does. The input is
/// a name, a line's end, and a term.
pub(super) fn search(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (name, term) = text.split_once('\n').unwrap_or((&text, ""));
    let key = fold(name);
    assert_eq!(fold(&key), key, "{name:?} folds further when it is folded again");
    let chars: Vec<char> = name.chars().collect();
    let middle = chars.len() / 3..chars.len() - chars.len() / 3;
    let part: String = chars.get(middle).unwrap_or_default().iter().collect();
    if let Some(part) = SearchTerm::new(&part) {
        assert!(part.matches(&key, ""), "{part:?} is not found in {name:?}");
    }
    let Some(term) = SearchTerm::new(term) else { return };
    assert_eq!(term.matches(&key, ""), term.matches("", &key), "a size is searched as a name is");
    if term.chars() <= 2 {
        assert_eq!(grams(&key).contains(term.as_str()), key.contains(term.as_str()), "{term:?} in {name:?}");
    }
    let folded = Value::from(key.clone()).to_string();
    assert_eq!(serde_json::from_str::<String>(&folded).ok(), Some(key), "a key survives being written");
}
