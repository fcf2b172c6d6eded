//! How an order is built, recognised and given up by time.

use std::collections::BTreeMap;

use thiserror::Error;

use super::OrderStatus;
use crate::types::{Money, SlipperId, Timestamp};

/// What a buyer wants of one product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedLine {
    /// The product.
    pub slipper: SlipperId,
    /// Pairs, at least 1.
    pub quantity: i64,
    /// A note.
    pub notes: Option<String>,
}

/// A product as the order finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goods {
    /// Its name.
    pub name: String,
    /// Its size.
    pub size: String,
    /// Its picture's path.
    pub image: String,
    /// Its price.
    pub price: Money,
    /// Pairs that can still be ordered.
    pub stock: i64,
    /// Whether an admin has taken it from sale.
    pub is_paused: bool,
}

/// The products that a batch of orders touches, with the stock that the orders before have left.
pub type Shelf = BTreeMap<SlipperId, Goods>;

/// A line of an order to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedLine {
    /// The product.
    pub slipper: SlipperId,
    /// Pairs.
    pub quantity: i64,
    /// The price of one pair.
    pub unit_price: Money,
    /// Unit price times quantity.
    pub total: Money,
    /// The first note that is not empty.
    pub notes: Option<String>,
    /// The product's name.
    pub name: String,
    /// Its size.
    pub size: String,
    /// Its picture's path.
    pub image: String,
}

/// An order to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderPlan {
    /// Its lines, one a product, in the order in which the products were first wanted.
    pub lines: Vec<PlannedLine>,
    /// The sum of the lines.
    pub total: Money,
}

/// Why an order can't be made. The shelf is as it was.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// Nothing is wanted.
    #[error("nothing is wanted")]
    Empty,
    /// A product is gone.
    #[error("product {0} does not exist")]
    NoSuchProduct(SlipperId),
    /// A product was taken from sale.
    #[error("{name} ({size}) is not on sale")]
    Paused {
        /// The product.
        slipper: SlipperId,
        /// Its name.
        name: String,
        /// Its size.
        size: String,
    },
    /// There are fewer pairs than wanted.
    #[error("{left} of {wanted} pairs of {name} ({size}) are left")]
    OutOfStock {
        /// The product.
        slipper: SlipperId,
        /// Its name.
        name: String,
        /// Its size.
        size: String,
        /// Pairs left.
        left: i64,
        /// Pairs wanted.
        wanted: i64,
    },
    /// The total leaves the range of money.
    #[error("the total is out of range")]
    TotalOutOfRange,
}

/// Clamps each incoming line to 1..=`max_quantity` pairs and joins the lines of one product: quantities add up, the
/// first note that is not empty stays.
pub fn consolidate(wanted: &[WantedLine], max_quantity: i64) -> Vec<WantedLine> {
    let mut joined: Vec<WantedLine> = Vec::with_capacity(wanted.len());
    let mut place: BTreeMap<SlipperId, usize> = BTreeMap::new();
    for line in wanted {
        let quantity = line.quantity.clamp(1, max_quantity.max(1));
        let notes = line.notes.clone().filter(|text| !text.is_empty());
        match place.get(&line.slipper).and_then(|at| joined.get_mut(*at)) {
            Some(present) => {
                present.quantity = present.quantity.saturating_add(quantity);
                present.notes = present.notes.take().or(notes);
            }
            None => {
                place.insert(line.slipper, joined.len());
                joined.push(WantedLine { slipper: line.slipper, quantity, notes });
            }
        }
    }
    joined
}

/// Plans an order against the running stock and takes its pairs from the shelf; a refusal takes none.
///
/// # Errors
/// [`PlanError`] for the first line that can't be had, in the order of the lines.
pub fn plan(wanted: &[WantedLine], max_quantity: i64, shelf: &mut Shelf) -> Result<OrderPlan, PlanError> {
    let wanted = consolidate(wanted, max_quantity);
    if wanted.is_empty() {
        return Err(PlanError::Empty);
    }
    let mut lines = Vec::with_capacity(wanted.len());
    let mut total = Money::ZERO;
    for line in wanted {
        let line = plan_line(line, shelf)?;
        total = total.checked_add(line.total).ok_or(PlanError::TotalOutOfRange)?;
        lines.push(line);
    }
    for line in &lines {
        if let Some(goods) = shelf.get_mut(&line.slipper) {
            goods.stock -= line.quantity;
        }
    }
    Ok(OrderPlan { lines, total })
}

fn plan_line(wanted: WantedLine, shelf: &Shelf) -> Result<PlannedLine, PlanError> {
    let WantedLine { slipper, quantity, notes } = wanted;
    let goods = shelf.get(&slipper).ok_or(PlanError::NoSuchProduct(slipper))?;
    let (name, size) = (goods.name.clone(), goods.size.clone());
    if goods.is_paused {
        return Err(PlanError::Paused { slipper, name, size });
    }
    if goods.stock < quantity {
        return Err(PlanError::OutOfStock {
            slipper,
            name,
            size,
            left: goods.stock.max(0),
            wanted: quantity,
        });
    }
    let total = goods.price.checked_mul(quantity).ok_or(PlanError::TotalOutOfRange)?;
    Ok(PlannedLine {
        slipper,
        quantity,
        unit_price: goods.price,
        total,
        notes,
        name,
        size,
        image: goods.image.clone(),
    })
}

/// Whether the same call was answered before: a pending order was made from this version of the cart, or its own
/// clearing of the cart was the cart's last change.
pub const fn is_repeat(made_from: Option<i64>, cleared_to: Option<i64>, cart_version: i64) -> bool {
    matches!(made_from, Some(v) if v == cart_version) || matches!(cleared_to, Some(v) if v == cart_version)
}

/// The moment up to which pending orders must have been placed to have expired by `now`; `None` when they never do
/// (`ttl_minutes` of 0 or less).
pub fn expired_before(now: Timestamp, ttl_minutes: i64) -> Option<Timestamp> {
    (ttl_minutes > 0).then(|| now.plus_seconds(ttl_minutes.saturating_mul(-60)))
}

/// Whether an order has expired, given [`expired_before`].
pub fn is_expired(status: OrderStatus, created_at: Timestamp, expired_before: Timestamp) -> bool {
    status == OrderStatus::Pending && created_at <= expired_before
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn goods(price: i64, stock: i64) -> Goods {
        Goods {
            name: "Mu Comfort".into(),
            size: "39".into(),
            image: String::new(),
            price: Money::from_minor(price),
            stock,
            is_paused: false,
        }
    }

    fn wanted(slipper: i64, quantity: i64, notes: Option<&str>) -> WantedLine {
        WantedLine { slipper: SlipperId::new(slipper), quantity, notes: notes.map(str::to_owned) }
    }

    #[test]
    fn lines_of_one_product_become_one_after_the_clamp() {
        let lines =
            consolidate(&[wanted(1, 900, None), wanted(2, 1, Some("")), wanted(1, 2, Some("red"))], 500);
        assert_eq!(lines, [wanted(1, 502, Some("red")), wanted(2, 1, None)]);
    }

    #[test]
    fn a_refusal_names_the_product_and_takes_nothing() {
        let mut shelf = Shelf::from([(SlipperId::new(1), goods(100, 5)), (SlipperId::new(2), goods(100, 1))]);
        let before = shelf.clone();
        let refused = plan(&[wanted(1, 5, None), wanted(2, 2, None)], 500, &mut shelf);
        assert_eq!(
            refused,
            Err(PlanError::OutOfStock {
                slipper: SlipperId::new(2),
                name: "Mu Comfort".into(),
                size: "39".into(),
                left: 1,
                wanted: 2
            })
        );
        assert_eq!(shelf, before);
    }

    #[test]
    fn paused_and_missing_products_and_nothing_are_refused() {
        let mut shelf = Shelf::from([(SlipperId::new(1), Goods { is_paused: true, ..goods(100, 5) })]);
        assert!(matches!(plan(&[wanted(1, 1, None)], 500, &mut shelf), Err(PlanError::Paused { .. })));
        assert!(matches!(plan(&[wanted(7, 1, None)], 500, &mut shelf), Err(PlanError::NoSuchProduct(_))));
        assert_eq!(plan(&[], 500, &mut shelf), Err(PlanError::Empty));
    }

    #[test]
    fn a_repeat_is_known_by_the_version_it_came_from_or_cleared_to() {
        assert!(is_repeat(Some(7), None, 7));
        assert!(is_repeat(Some(7), Some(8), 8));
        assert!(!is_repeat(Some(7), Some(8), 9));
        assert!(!is_repeat(None, None, 0), "an order that was not made from a cart is never one");
    }

    #[test]
    fn pending_orders_expire_by_age_and_never_at_zero() {
        let now = Timestamp::from_seconds(10_000);
        let limit = expired_before(now, 60).expect("orders expire");
        assert!(is_expired(OrderStatus::Pending, now.plus_seconds(-3600), limit));
        assert!(!is_expired(OrderStatus::Pending, now.plus_seconds(-3599), limit));
        assert!(!is_expired(OrderStatus::Paid, now.plus_seconds(-9999), limit));
        assert_eq!(expired_before(now, 0), None);
        assert_eq!(expired_before(now, -5), None);
    }

    fn any_wanted() -> impl Strategy<Value = Vec<WantedLine>> {
        proptest::collection::vec((1_i64..5, -2_i64..600).prop_map(|(s, q)| wanted(s, q, None)), 0..8)
    }

    fn any_shelf() -> impl Strategy<Value = Shelf> {
        proptest::collection::btree_map(
            (1_i64..5).prop_map(SlipperId::new),
            (1_i64..100_000_000_000, 0_i64..2000).prop_map(|(price, stock)| goods(price, stock)),
            0..5,
        )
    }

    proptest! {
        #[test]
        fn stock_and_plan_add_up_and_stock_is_never_negative(orders in proptest::collection::vec(any_wanted(), 0..6), mut shelf in any_shelf()) {
            let at_first: i64 = shelf.values().map(|g| g.stock).sum();
            let mut sold = 0;
            for order in &orders {
                let before = shelf.clone();
                match plan(order, 500, &mut shelf) {
                    Ok(plan) => sold += plan.lines.iter().map(|l| l.quantity).sum::<i64>(),
                    Err(_) => prop_assert_eq!(&shelf, &before),
                }
            }
            prop_assert_eq!(shelf.values().map(|g| g.stock).sum::<i64>() + sold, at_first);
            prop_assert!(shelf.values().all(|g| g.stock >= 0));
        }

        #[test]
        fn a_total_is_the_sum_of_its_lines(order in any_wanted(), mut shelf in any_shelf()) {
            if let Ok(plan) = plan(&order, 500, &mut shelf) {
                let sum: i64 = plan.lines.iter().map(|l| l.total.minor()).sum();
                prop_assert_eq!(plan.total.minor(), sum);
                for line in &plan.lines {
                    prop_assert_eq!(Some(line.total), line.unit_price.checked_mul(line.quantity));
                }
            }
        }

        #[test]
        fn each_product_has_one_line(order in any_wanted()) {
            let lines = consolidate(&order, 500);
            let products: std::collections::BTreeSet<_> = lines.iter().map(|l| l.slipper).collect();
            prop_assert_eq!(products.len(), lines.len());
            prop_assert!(lines.iter().all(|l| l.quantity >= 1));
        }
    }
}
