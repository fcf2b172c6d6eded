//! What is kept is what was seen last, and bounded.

use super::*;

fn spot(id: i64) -> Spot {
    Spot { row: Tid::new(u32::try_from(id).expect("small"), 1), gallery: None }
}

fn keep(seen: &Seen, numbers: impl IntoIterator<Item = i64>) {
    seen.keep(numbers.into_iter().map(|id| (SlipperId::new(id), spot(id))));
}

fn ids(numbers: impl IntoIterator<Item = i64>) -> Vec<SlipperId> {
    numbers.into_iter().map(SlipperId::new).collect()
}

#[test]
fn a_page_is_known_whole_or_not_at_all() {
    let seen = Seen::default();
    assert_eq!(seen.of(&ids([1])), None);
    keep(&seen, [1, 2]);
    assert_eq!(seen.of(&ids([2, 1])), Some(vec![spot(2), spot(1)]));
    assert_eq!(seen.of(&ids([1, 2, 3])), None);
    assert_eq!(seen.of(&[]), Some(Vec::new()));
}

#[test]
fn what_was_seen_last_counts() {
    let seen = Seen::default();
    let id = SlipperId::new(1);
    let at = |block, gallery| Spot { row: Tid::new(block, 1), gallery };
    let (one, other) = (Some(Tid::new(5, 2)), Some(Tid::new(u32::MAX, u16::MAX)));
    for (told, expected) in [
        (at(7, None), at(7, None)),
        (at(8, one), at(8, one)),
        (at(9, None), at(9, one)),
        (at(9, other), at(9, other)),
    ] {
        seen.keep([(id, told)].into_iter());
        assert_eq!(seen.of(&[id]), Some(vec![expected]));
    }
}

#[test]
fn pictures_are_not_forgotten_by_who_did_not_ask_for_them() {
    let seen = Seen::default();
    let gallery = Some(Tid::new(5, 2));
    let id = SlipperId::new(1);
    seen.keep([(id, Spot { gallery, ..spot(1) })].into_iter());
    // It is in the old half then.
    keep(&seen, 2..=60_000);
    keep(&seen, [1]);
    assert_eq!(seen.of(&[id]), Some(vec![Spot { gallery, ..spot(1) }]));
}

#[test]
fn the_memory_is_bounded_and_keeps_what_is_used() {
    let seen = Seen::default();
    for id in 1..=300_000 {
        keep(&seen, [id]);
        assert!(seen.of(&ids([1])).is_some(), "it was asked for all the time: {id}");
    }
    let halves = seen.halves();
    let places = (halves.young.capacity() + halves.old.capacity()) / 7 * 8;
    assert!(places * (size_of::<(SlipperId, Spot)>() + 1) <= 4_500_000, "{places}");
    drop(halves);
    assert_eq!(seen.of(&ids([2])), None);
    assert!(seen.of(&ids([300_000])).is_some());
}
