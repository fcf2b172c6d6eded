//! What the name of a migration promises.

/// Whether a migration only adds, by its name (`0021_expand_gift_cards`): tables, indexes, columns that may be empty or have
/// a default. The program before it never sees the difference, and goes on with the schema after a rollback. Any other that a
/// program does not know makes it refuse the database.
pub fn is_expansion(name: &str) -> bool {
    let rest = name.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < name.len() && rest.starts_with("_expand_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_word_behind_the_number_counts() {
        assert!(is_expansion("0021_expand_gift_cards"));
        for name in
            ["0021_gift_cards", "0021_contract_expand_cards", "_expand_x", "expand_x", "0021_expand", ""]
        {
            assert!(!is_expansion(name), "{name}");
        }
    }
}
