//! Any number of products, each made from its place alone: nothing is held in memory.

use slippers_core::catalog::{Assortment, NewCategory, NewSlipper, StockedSlipper};
use slippers_core::types::{CategoryId, Money};
use slippers_drawing::{self as drawing, Dice, Look};

use super::words::LANGUAGES;
use super::{categories, picture_files};

/// The most products that `seed` makes.
pub(crate) const MAX_PRODUCTS: u64 = 10_000_000;

/// Pictures that the products share; few products need fewer, but each has three.
const PICTURES: u64 = 24;
const PICTURES_EACH: u64 = 3;

/// `count` products in even shares of the three categories.
pub(crate) struct SeedGoods<P> {
    count: u64,
    images: Vec<String>,
    progress: P,
}

/// The pictures that `count` products share.
pub(crate) fn looks(count: u64) -> Vec<Look> {
    (0..count.clamp(PICTURES_EACH, PICTURES)).map(drawing::variation).collect()
}

impl<P: Fn(u64) + Send + Sync> SeedGoods<P> {
    /// `progress` is told how many products are written.
    pub(crate) fn new(count: u64, progress: P) -> Self {
        Self { count, images: looks(count).into_iter().map(picture_files::url_path).collect(), progress }
    }
}

impl<P: Fn(u64) + Send + Sync> Assortment for SeedGoods<P> {
    fn categories(&self) -> Vec<NewCategory> {
        categories()
    }

    fn len(&self) -> u64 {
        self.count
    }

    fn slipper(&self, index: u64) -> StockedSlipper {
        let mut dice = Dice::new(index.wrapping_mul(0xa076_1d64_78bd_642f) ^ 0x5eed);
        let slipper = NewSlipper {
            name: name(&mut dice),
            size: (36 + dice.below(13)).to_string(),
            price: price(&mut dice),
            quantity: quantity(&mut dice),
            category: Some(CategoryId::new(1 + i64::from((index % 3) as u8))),
        };
        // Neighbours on a page show different pictures, and the three of one product differ.
        let count = self.images.len().max(1);
        let first = usize::try_from(index % count as u64).unwrap_or(0);
        let third = (count / 3).max(1);
        let images = [0, third, 2 * third].map(|step| self.images.get((first + step) % count).cloned());
        StockedSlipper { slipper, images: images.into_iter().flatten().collect() }
    }

    fn progress(&self, written: u64) {
        (self.progress)(written);
    }
}

/// Two or three words of one language; a thing of two words stands without a third.
fn name(dice: &mut Dice) -> String {
    let Some(language) = dice.pick(&LANGUAGES) else { return String::new() };
    let mut words = vec![dice.pick(language.qualities), dice.pick(language.things)];
    let ending = dice.pick(language.endings);
    let two_words = words.iter().flatten().any(|word| word.contains(' '));
    if dice.below(5) < 3 && !two_words {
        words.push(ending);
    }
    words.into_iter().flatten().copied().collect::<Vec<_>>().join(" ")
}

/// From 25,000 to 400,000 soum: mostly whole thousands, some hundreds, one in twelve with tiyin. Cheap ones are more
/// common than dear ones.
fn price(dice: &mut Dice) -> Money {
    let (low, high) = (25, 400);
    let thousands = low + dice.below(high - low).min(dice.below(high - low));
    let minor = match dice.below(12) {
        0 => thousands * 1000 * 100 + 1 + dice.below(99_999),
        1..=3 => (thousands * 10 + dice.below(10)) * 100 * 100,
        _ => (thousands + dice.below(2)) * 1000 * 100,
    };
    Money::from_minor(i64::try_from(minor).unwrap_or(i64::MAX))
}

/// 0 to 200 pairs; one product in twenty is sold out.
fn quantity(dice: &mut Dice) -> i64 {
    let pairs = if dice.below(20) == 0 { 0 } else { 1 + dice.below(200) };
    i64::try_from(pairs).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn goods(count: u64) -> SeedGoods<impl Fn(u64) + Send + Sync> {
        SeedGoods::new(count, |_| ())
    }

    #[test]
    fn every_product_keeps_the_promises_of_the_seed() {
        let goods = goods(9_001);
        assert_eq!(goods.len(), 9_001);
        assert_eq!(
            goods.categories().iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
            ["Men", "Women", "Kids"]
        );
        let (mut shares, mut sizes, mut sold_out, mut tiyin) = (BTreeMap::new(), BTreeMap::new(), 0, 0);
        for index in 0..goods.len() {
            let StockedSlipper { slipper, images } = goods.slipper(index);
            let words = slipper.name.split(' ').count();
            assert!((2..=3).contains(&words) && slipper.name.chars().count() <= 100, "{}", slipper.name);
            assert!((2_500_000..=40_000_000).contains(&slipper.price.minor()), "{:?}", slipper.price);
            assert!((0..=200).contains(&slipper.quantity));
            assert!(
                images.len() == 3
                    && images[0] != images[1]
                    && images[1] != images[2]
                    && images[0] != images[2]
            );
            sold_out += u32::from(slipper.quantity == 0);
            tiyin += u32::from(slipper.price.minor() % 100 != 0);
            *shares.entry(slipper.category.map(CategoryId::get)).or_insert(0) += 1;
            *sizes.entry(slipper.size).or_insert(0) += 1;
        }
        assert_eq!(
            shares.into_iter().collect::<Vec<_>>(),
            [(Some(1), 3_001), (Some(2), 3_000), (Some(3), 3_000)]
        );
        assert_eq!(
            sizes.keys().cloned().collect::<Vec<_>>(),
            (36..=48).map(|s| s.to_string()).collect::<Vec<_>>()
        );
        assert!((200..800).contains(&sold_out) && (300..1200).contains(&tiyin), "{sold_out} {tiyin}");
    }

    #[test]
    fn the_same_place_gives_the_same_product_whatever_the_number() {
        for index in [0, 1, 35, 36, 999] {
            assert_eq!(goods(1_000).slipper(index), goods(1_000).slipper(index));
            assert_eq!(goods(1_000).slipper(index), goods(MAX_PRODUCTS).slipper(index));
        }
    }

    #[test]
    fn few_products_have_three_pictures_too_and_need_no_more() {
        for count in [1, 2, 3, 10, 24, 1_000] {
            let goods = goods(count);
            assert_eq!(looks(count).len() as u64, count.clamp(3, PICTURES));
            for index in 0..count {
                let images = goods.slipper(index).images;
                assert!(
                    images.len() == 3
                        && images[0] != images[1]
                        && images[0] != images[2]
                        && images[1] != images[2]
                );
            }
        }
    }
}
