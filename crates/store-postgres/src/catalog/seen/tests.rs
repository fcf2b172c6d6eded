//! What is kept is of one order, and bounded.

use slippers_core::types::{ImageId, Money, Timestamp};

use super::*;

const ORDER: ListOrder = ListOrder(7);

/// A product with a picture whose path is so long.
fn product(id: i64, path: usize) -> Slipper {
    let image = Image {
        id: ImageId::new(id),
        path: "a".repeat(path),
        is_primary: true,
        alt_text: None,
        order_index: 0,
        created_at: Timestamp::from_seconds(0),
        variants: Vec::new(),
    };
    Slipper {
        id: SlipperId::new(id),
        name: String::new(),
        size: String::new(),
        price: Money::ZERO,
        quantity: 0,
        is_paused: false,
        image: String::new(),
        created_at: Timestamp::from_seconds(0),
        updated_at: Timestamp::from_seconds(0),
        category: None,
        images: vec![image],
    }
}

/// Keeps products that lie at a place of their own.
fn keep(seen: &Seen, order: ListOrder, products: &[Slipper]) {
    seen.keep(order, products.iter().map(|product| (product, place(product.id.get()))));
}

fn place(id: i64) -> Tid {
    Tid::new(u32::try_from(id).expect("small"), 1)
}

fn ids(numbers: impl IntoIterator<Item = i64>) -> Vec<SlipperId> {
    numbers.into_iter().map(SlipperId::new).collect()
}

#[test]
fn a_page_is_known_whole_or_not_at_all() {
    let seen = Seen::default();
    assert!(seen.of(ORDER, &ids([1])).is_none());
    keep(&seen, ORDER, &[product(1, 5), product(2, 6)]);
    let sights = seen.of(ORDER, &ids([2, 1])).expect("known");
    assert_eq!(sights[&SlipperId::new(2)].images.to_vec(), product(2, 6).images);
    assert!(seen.of(ORDER, &ids([1, 2, 3])).is_none());
    keep(&seen, ORDER, &[product(3, 7)]);
    assert_eq!(seen.of(ORDER, &ids([1, 2, 3])).map(|sights| sights.len()), Some(3));
}

#[test]
fn each_order_has_its_own() {
    let seen = Seen::default();
    keep(&seen, ORDER, &[product(1, 5)]);
    assert!(seen.of(ListOrder(8), &ids([1])).is_none());
    keep(&seen, ListOrder(8), &[product(1, 9)]);
    for (order, path) in [(ORDER, 5), (ListOrder(8), 9)] {
        let sights = seen.of(order, &ids([1])).expect("known");
        assert_eq!(sights[&SlipperId::new(1)].images.to_vec(), product(1, path).images);
    }
}

#[test]
fn the_memory_is_bounded_and_keeps_what_is_used() {
    let seen = Seen::default();
    let each = 64 << 10;
    for id in 1..=1000 {
        keep(&seen, ORDER, &[product(id, each)]);
        assert!(seen.of(ORDER, &ids([1])).is_some(), "it was asked for all the time: {id}");
        let halves = seen.halves();
        assert!(halves.held <= HALF);
        assert!((halves.young.len() + halves.old.len()) * each <= 2 * HALF, "at {id}");
    }
    assert!(seen.of(ORDER, &ids([2])).is_none());
    assert!(seen.of(ORDER, &ids([1000])).is_some());
}

#[test]
fn a_row_is_looked_for_where_it_was_seen_last() {
    let seen = Seen::default();
    let product = product(1, 5);
    for tid in [Tid::new(7, 1), Tid::new(u32::MAX, u16::MAX)] {
        seen.keep(ORDER, [(&product, tid)].into_iter());
        assert_eq!(seen.of(ORDER, &ids([1])).expect("seen")[&product.id].tid, tid);
    }
}

#[test]
fn what_takes_more_than_there_is_is_not_kept() {
    let seen = Seen::default();
    keep(&seen, ORDER, &[product(1, 5), product(2, HALF)]);
    assert!(seen.of(ORDER, &ids([1])).is_some());
    assert!(seen.of(ORDER, &ids([2])).is_none());
}

/// Without pictures too.
#[test]
fn what_it_holds_is_counted() {
    let seen = Seen::default();
    for id in 1..=200_000 {
        keep(&seen, ORDER, &[Slipper { images: Vec::new(), ..product(id, 0) }]);
    }
    let halves = seen.halves();
    let slots = halves.young.capacity() + halves.old.capacity();
    assert!(slots * (size_of::<(Key, Sight)>() + 1) <= 2 * HALF, "{slots}");
}
