//! A small shop to try things out with.

use slippers_core::catalog::{Assortment, NewCategory, NewSlipper, StockedSlipper};
use slippers_core::types::{CategoryId, Money};
use slippers_drawing::{Look, Model, Pattern, Tone};

use super::{categories, picture_files};

/// One product of the demo.
struct Item {
    name: &'static str,
    look: (Model, Tone, Pattern),
    size: &'static str,
    /// Whole soum.
    price: i64,
    /// Pairs.
    stock: i64,
}

macro_rules! items {
    ($($name:literal $model:ident $tone:ident $pattern:ident $size:literal $price:literal $stock:literal)*) => {
        &[$(Item {
            name: $name,
            look: (Model::$model, Tone::$tone, Pattern::$pattern),
            size: $size,
            price: $price,
            stock: $stock,
        }),*]
    };
}

const MEN: &[Item] = items! {
    "Chorsu charm shippak" Slide Cocoa Plain "43" 189_000 24
    "Войлочные тапочки «Барс»" Felt Grey Suzani "44" 145_000 31
    "Registon milliy kovush" Mule Navy Suzani "42" 265_000 12
    "Coal Street Slides" Slide Coal Stripes "45" 129_000 40
    "Домашние мулы «Вечер»" Mule Coal Checks "43" 119_000 18
    "Yozgi shippak Amudaryo" FlipFlop Navy Stripes "42" 49_000 86
    "Olive Trail Clogs" Mule Olive Plain "44" 175_000 9
    "Банные шлёпанцы «Хаммам»" Slide Turquoise Stripes "43" 59_000 64
    "Kigiz shippak Chimyon" Felt Forest Suzani "41" 155_000 22
    "Sand Dune Flip-Flops" FlipFlop Sand Ikat "44" 69_000 3
    "Замшевые тапки «Кабинет»" Mule Cocoa Plain "45" 239_000 15
    "Adras uy shippagi" Slide Terracotta Ikat "40" 98_500 27
    "Night Shift Felt" Felt Coal Plain "42" 139_000 0
    "Тёплые чуни «Тянь-Шань»" Fluffy Grey Plain "43" 165_000 11
};

const WOMEN: &[Item] = items! {
    "Atlas nafis shippak" Slide Plum Ikat "37" 135_000 29
    "Пушистые тапочки «Облако»" Fluffy Milk Dots "38" 149_000 35
    "Lola gulli kovush" Mule Cherry Suzani "36" 198_000 14
    "Lavender Morning Slides" Slide Lavender Hearts "38" 89_000 42
    "Махровые тапочки «Мята»" Mule Mint Dots "39" 79_000 51
    "Suzani kashtali shippak" Mule Turquoise Suzani "37" 285_000 6
    "Rose Garden Fluffies" Fluffy Rose Dots "37" 159_000 20
    "Вьетнамки «Лимонад»" FlipFlop Lemon Hearts "38" 55_000 73
    "Momiq qish shippagi" Fluffy Lavender Plain "39" 169_000 2
    "Apricot Summer Flip-Flops" FlipFlop Apricot Suzani "36" 65_000 47
    "Войлочные тапочки «Гранат»" Felt Cherry Suzani "38" 158_000 17
    "Moviy ipak shippak" Slide Sky Suzani "40" 112_500 33
    "Velvet Plum Mules" Mule Plum Plain "39" 209_900 8
    "Бабушкины тапочки в клетку" Slide Terracotta Checks "38" 85_000 38
};

const KIDS: &[Item] = items! {
    "Quyoncha oppoq shippak" Animal Milk Plain "28" 75_000 44
    "Тапочки «Зайка»" Animal Rose Plain "26" 79_000 36
    "Blue Bunny Slippers" Animal Sky Plain "30" 82_000 25
    "Ayiqcha issiq shippak" Animal Cocoa Plain "29" 85_000 19
    "Тапочки «Мятный котик»" Animal Mint Plain "27" 79_000 28
    "Sunny Star Slides" Slide Lemon Dots "31" 52_000 60
    "Anorcha kigiz shippak" Felt Cherry Suzani "32" 95_000 13
    "Шлёпанцы «Ромашка»" Slide Sky Suzani "33" 54_500 41
    "Berry Hearts Flip-Flops" FlipFlop Rose Hearts "34" 39_000 58
    "Bahor yumshoq shippak" Mule Mint Suzani "29" 68_000 1
    "Пушистики «Персик»" Fluffy Apricot Dots "30" 88_000 23
    "Dengiz yozgi shippak" FlipFlop Turquoise Stripes "33" 42_000 49
    "Lavender Kitten Slippers" Animal Lavender Plain "25" 84_000 30
    "Тапочки «Апельсин»" Mule Apricot Dots "28" 62_000 37
};

const SHELVES: [&[Item]; 3] = [MEN, WOMEN, KIDS];

/// The demo's goods.
pub(crate) struct DemoGoods;

impl DemoGoods {
    /// The products in the order in which they come into the shop: from each shelf in turn, so that the newest page
    /// shows all of them. The look's seed is the place.
    fn items() -> impl Iterator<Item = (u64, i64, &'static Item)> {
        let longest = SHELVES.iter().map(|shelf| shelf.len()).max().unwrap_or(0);
        (0..longest)
            .flat_map(|row| {
                (1..).zip(SHELVES).filter_map(move |(category, shelf)| Some((category, shelf.get(row)?)))
            })
            .zip(0..)
            .map(|((category, item), place)| (place, category, item))
    }

    /// The pictures: one for each product.
    pub(crate) fn looks() -> Vec<Look> {
        Self::items().map(|(place, _, item)| item.look(place)).collect()
    }
}

impl Item {
    fn look(&self, seed: u64) -> Look {
        let (model, tone, pattern) = self.look;
        Look { model, tone, pattern, seed }
    }
}

impl Assortment for DemoGoods {
    fn categories(&self) -> Vec<NewCategory> {
        categories()
    }

    fn len(&self) -> u64 {
        SHELVES.iter().map(|shelf| shelf.len() as u64).sum()
    }

    fn slipper(&self, index: u64) -> StockedSlipper {
        let place = usize::try_from(index).unwrap_or(usize::MAX);
        let (seed, category, item) = Self::items().nth(place).unwrap_or((0, 1, &MEN[0]));
        StockedSlipper {
            slipper: NewSlipper {
                name: item.name.to_owned(),
                size: item.size.to_owned(),
                price: Money::from_minor(item.price * 100),
                quantity: item.stock,
                category: Some(CategoryId::new(category)),
            },
            images: vec![picture_files::url_path(item.look(seed))],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_demo_is_a_believable_shop() {
        let goods: Vec<StockedSlipper> = (0..DemoGoods.len()).map(|index| DemoGoods.slipper(index)).collect();
        assert!((36..=48).contains(&goods.len()));
        let names: BTreeSet<&str> = goods.iter().map(|item| item.slipper.name.as_str()).collect();
        let pictures: BTreeSet<&str> =
            goods.iter().flat_map(|item| item.images.iter().map(String::as_str)).collect();
        assert_eq!((names.len(), pictures.len()), (goods.len(), goods.len()), "all different");
        assert_eq!(goods.iter().filter(|item| item.slipper.quantity == 0).count(), 1);
        assert!(
            (2..=5).contains(&goods.iter().filter(|item| (1..=3).contains(&item.slipper.quantity)).count())
        );
        for category in 1..=3 {
            let here = goods.iter().filter(|item| item.slipper.category == Some(CategoryId::new(category)));
            assert_eq!(here.count(), goods.len() / 3);
        }
        assert_eq!(DemoGoods::looks().len(), goods.len());
        assert!(
            DemoGoods
                .categories()
                .iter()
                .all(|c| c.description.as_ref().is_some_and(|d| d.chars().count() <= 255))
        );
    }
}
