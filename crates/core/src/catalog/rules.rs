//! Rules of the catalogue.

/// Search matches are counted up to this many. Where there are more, this is the total that is told, together with that it
/// is not exact.
pub const EXACT_SEARCH_TOTAL: i64 = 10_000;

/// Whether a pair of a product can be ordered.
pub const fn is_available(quantity: i64, is_paused: bool) -> bool {
    quantity > 0 && !is_paused
}

/// Whether a product is paused after an admin's change.
///
/// Front-ends send the whole product back, so `wanted` (their `is_available`) counts only where it differs from what
/// they were shown before the change: `false` for an available product pauses it, `true` for an unavailable one
/// resumes it. A product that is merely sold out is not paused by being sent back as it was shown.
pub const fn pause_after(wanted: Option<bool>, quantity_before: i64, is_paused: bool) -> bool {
    match (wanted, is_available(quantity_before, is_paused)) {
        (Some(false), true) => true,
        (Some(true), false) => false,
        _ => is_paused,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_switch_counts_only_where_it_differs_from_what_was_shown() {
        assert!(pause_after(Some(false), 5, false), "taken from sale");
        assert!(!pause_after(Some(true), 5, true), "put back on sale");
        assert!(!pause_after(Some(false), 0, false), "sold out and sent back as shown");
        assert!(pause_after(Some(false), 0, true), "paused and sent back as shown");
        assert!(!pause_after(Some(true), 0, true), "resumed while sold out");
    }

    proptest! {
        #[test]
        fn sending_back_what_was_shown_changes_nothing(quantity in 0_i64..3, is_paused: bool) {
            let shown = is_available(quantity, is_paused);
            prop_assert_eq!(pause_after(Some(shown), quantity, is_paused), is_paused);
            prop_assert_eq!(pause_after(None, quantity, is_paused), is_paused);
        }

        #[test]
        fn what_was_asked_for_is_shown_when_there_is_stock(quantity in 1_i64..9, is_paused: bool, wanted: bool) {
            prop_assert_eq!(is_available(quantity, pause_after(Some(wanted), quantity, is_paused)), wanted);
        }
    }
}
