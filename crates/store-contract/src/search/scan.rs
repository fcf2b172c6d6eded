//! Search against a scan: hundreds of terms over a catalogue that looks random, page by page, in every order.

use slippers_core::catalog::{NewSlipper, SearchTerm, Slipper, SlipperChange, SlipperQuery};
use slippers_core::types::{CategoryId, Money};

use crate::given::{Dice, NOW, Shop, all, new_slipper};
use crate::model::{SORTS, assert_pages};

const ALPHABET: [char; 20] =
    ['a', 'b', 'A', 'а', 'Ж', 'ж', 'ё', 'Ё', ' ', '%', '_', '\\', '"', '*', '\'', 'ʻ', '-', 'ς', 'Σ', '😀'];
/// What meets in names, and in few of them.
const WORDS: [&str; 8] = ["abc", "Abcd", "ЖёлТые", "тап", "ab", "a", "😀😀😀", "ςςς"];
const SIZES: [&str; 8] = ["36", "36.5", "39-40", "XL", "ЖЛ", "a%", "_", "\\"];

struct Catalogue {
    dice: Dice,
    categories: Vec<Option<CategoryId>>,
    slippers: Vec<Slipper>,
}

impl Catalogue {
    fn name(dice: &mut Dice) -> String {
        if dice.roll(3) == 0 {
            let words: Vec<&str> = (0..2 + dice.roll(3)).map(|_| dice.pick(&WORDS)).collect();
            return words.join(" ");
        }
        let length = 1 + dice.roll(12);
        dice.text(&ALPHABET, length)
    }

    async fn fill(shop: &Shop, seed: u64, count: usize) -> Self {
        let categories = vec![None, Some(shop.category("Home").await), Some(shop.category("Beach").await)];
        let mut catalogue = Self { dice: Dice::new(seed), categories, slippers: Vec::new() };
        for _ in 0..count {
            catalogue.add(shop).await;
        }
        catalogue
    }

    async fn add(&mut self, shop: &Shop) {
        let dice = &mut self.dice;
        let new = NewSlipper {
            size: dice.pick(&SIZES).into(),
            price: Money::from_minor(dice.pick(&[1, 50, 99, 100, 1 << 32])),
            category: dice.pick(&self.categories),
            ..new_slipper(&Self::name(dice))
        };
        let time = NOW.plus_seconds(dice.pick(&[-3_000_000_000, 0, 1, 2]));
        self.slippers.push(shop.create_slipper(new, time).await.expect("made"));
    }

    async fn change(&mut self, shop: &Shop) {
        let dice = &mut self.dice;
        let at = dice.roll(self.slippers.len());
        let id = self.slippers[at].id;
        let change = match dice.roll(5) {
            0 | 1 => SlipperChange { name: Some(Self::name(dice)), ..SlipperChange::default() },
            2 => SlipperChange { size: Some(dice.pick(&SIZES).into()), ..SlipperChange::default() },
            3 => SlipperChange { category: Some(dice.pick(&self.categories)), ..SlipperChange::default() },
            _ => {
                shop.delete_slipper(id, NOW).await.expect("deleted");
                self.slippers.swap_remove(at);
                return;
            }
        };
        self.slippers[at] = shop.set(id, change).await;
    }

    /// A term of so many characters: mostly a part of a name or a size in some other case, at times nobody's.
    fn term(&mut self, length: usize) -> SearchTerm {
        let dice = &mut self.dice;
        let text = if dice.roll(4) == 0 {
            dice.text(&ALPHABET, length)
        } else {
            let slipper = &self.slippers[dice.roll(self.slippers.len())];
            let whole = if dice.roll(6) == 0 { &slipper.size } else { &slipper.name };
            let from = dice.roll(whole.chars().count());
            whole.chars().skip(from).take(length).collect()
        };
        let text = if dice.roll(2) == 0 { text.to_uppercase() } else { text };
        SearchTerm::new(&text).expect("a term")
    }

    /// Compares terms of these lengths, each in some order and category, so that together they meet all of them.
    async fn assert_found(&mut self, shop: &Shop, lengths: &[usize], count: usize) {
        for number in 0..count {
            let length = self.dice.pick(lengths);
            let search = Some(self.term(length));
            for step in 0..3 {
                let sort = SORTS[(number + 3 * step) % SORTS.len()];
                let category = self.categories[(number / SORTS.len() + step) % self.categories.len()];
                let query = SlipperQuery { search: search.clone(), sort, category, ..all() };
                assert_pages(shop, &self.slippers, &query, 40).await;
            }
        }
    }
}

pub async fn short_terms_find_what_a_scan_finds(shop: &Shop) {
    Catalogue::fill(shop, 1, 300).await.assert_found(shop, &[1, 2], 250).await;
}

pub async fn longer_terms_find_what_a_scan_finds(shop: &Shop) {
    Catalogue::fill(shop, 2, 300).await.assert_found(shop, &[3, 4, 5, 6, 8, 11, 16], 300).await;
}

pub async fn every_order_and_category_of_a_search_is_right(shop: &Shop) {
    let mut catalogue = Catalogue::fill(shop, 3, 150).await;
    for length in [1, 1, 2, 3, 4] {
        let search = Some(catalogue.term(length));
        for sort in SORTS {
            for category in catalogue.categories.clone() {
                for limit in [3, 100] {
                    let query = SlipperQuery { search: search.clone(), sort, category, ..all() };
                    assert_pages(shop, &catalogue.slippers, &query, limit).await;
                }
            }
        }
    }
}

pub async fn after_many_changes_a_search_still_finds_what_a_scan_finds(shop: &Shop) {
    let mut catalogue = Catalogue::fill(shop, 4, 120).await;
    for _ in 0..4 {
        for _ in 0..50 {
            catalogue.change(shop).await;
        }
        for _ in 0..10 {
            catalogue.add(shop).await;
        }
        catalogue.assert_found(shop, &[1, 2, 3, 5, 9], 50).await;
    }
}

pub async fn changes_made_at_once_are_all_found(shop: &Shop) {
    let mut slippers = Vec::new();
    for _ in 0..24 {
        slippers.push(shop.make(new_slipper("Before")).await);
    }
    let ids: Vec<_> = slippers.iter().map(|slipper| slipper.id).collect();
    shop.keeper().await;
    let answers = shop
        .at_once(24, move |shop, number| {
            let id = ids[usize::try_from(number).expect("small")];
            async move {
                if number % 4 == 0 {
                    shop.delete_slipper(id, NOW).await.expect("deleted");
                    return None;
                }
                let name = Some(format!("После {number}"));
                Some(shop.set(id, SlipperChange { name, ..SlipperChange::default() }).await)
            }
        })
        .await;
    let left: Vec<Slipper> = answers.into_iter().flatten().collect();
    assert_eq!(left.len(), 18);
    for text in ["после", "п", "ле 1", "Before", "b", "ПОСЛЕ 23", "2", "39"] {
        let query = SlipperQuery { search: SearchTerm::new(text), ..all() };
        assert_pages(shop, &left, &query, 100).await;
    }
}
