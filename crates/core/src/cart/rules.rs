//! Rules of the cart.

use super::CartTotals;
use crate::types::Money;

/// The most pairs that one request may add or set.
pub const MAX_REQUEST_QUANTITY: i64 = 999;
/// The most pairs that a line may add up to. The legacy had no bound; with none, price times quantity would overflow.
pub const MAX_LINE_QUANTITY: i64 = 50_000;
/// The most lines that a cart may have.
pub const MAX_LINES: i64 = 1_000;

// The dearest cart that these bounds allow still fits: no total of a cart or an order can overflow.
const _: () = assert!(
    (Money::MAX_PRICE.minor() as i128) * (MAX_LINE_QUANTITY as i128) * (MAX_LINES as i128)
        <= i64::MAX as i128
);

/// The quantity of a line to which some are added, or `None` beyond [`MAX_LINE_QUANTITY`].
pub const fn add_quantity(present: i64, added: i64) -> Option<i64> {
    match present.checked_add(added) {
        Some(sum) if sum <= MAX_LINE_QUANTITY => Some(sum),
        _ => None,
    }
}

/// The sums over lines of (quantity, line total).
pub fn totals(lines: impl IntoIterator<Item = (i64, Money)>) -> CartTotals {
    lines.into_iter().fold(CartTotals::default(), |sum, (quantity, total)| CartTotals {
        items: sum.items + 1,
        quantity: sum.quantity.saturating_add(quantity),
        amount: sum.amount.checked_add(total).unwrap_or(Money::from_minor(i64::MAX)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_add_up_to_a_bound() {
        assert_eq!(add_quantity(999, 999), Some(1998));
        assert_eq!(add_quantity(MAX_LINE_QUANTITY - 1, 1), Some(MAX_LINE_QUANTITY));
        assert_eq!(add_quantity(MAX_LINE_QUANTITY, 1), None);
        assert_eq!(add_quantity(i64::MAX, 1), None);
    }

    #[test]
    fn sums_of_nothing_are_nothing() {
        assert_eq!(totals([]), CartTotals { items: 0, quantity: 0, amount: Money::ZERO });
    }

    #[test]
    fn the_dearest_cart_has_an_exact_total() {
        let line = Money::MAX_PRICE.checked_mul(MAX_LINE_QUANTITY).expect("in range");
        let lines = (0..MAX_LINES).map(|_| (MAX_LINE_QUANTITY, line));
        assert_eq!(totals(lines).amount.minor(), 5_000_000_000_000_000_000);
    }
}
