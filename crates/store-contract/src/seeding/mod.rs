//! Stories of stocking an empty catalogue.

pub mod large;
pub mod stocking;

use slippers_core::catalog::{Assortment, NewCategory, NewSlipper, StockedSlipper};
use slippers_core::types::{CategoryId, Money};

use crate::given::{new_category, new_slipper};

/// An assortment that a story makes up.
#[derive(Clone, Debug)]
pub struct Goods {
    /// With the numbers 1, 2, 3...
    pub categories: Vec<NewCategory>,
    /// Of products.
    pub count: u64,
    /// A product by its place from 0.
    pub slipper: fn(u64) -> StockedSlipper,
}

impl Goods {
    /// Products alone, each at 100 soum.
    pub const fn plain(count: u64) -> Self {
        Self { categories: Vec::new(), count, slipper: plain }
    }

    /// Products in three categories and none, with up to three pictures.
    pub fn varied(count: u64) -> Self {
        Self { categories: ["Home", "Пляж", "Зима"].map(new_category).into(), count, slipper: varied }
    }
}

fn plain(index: u64) -> StockedSlipper {
    StockedSlipper { slipper: new_slipper(&format!("Mu {index}")), images: Vec::new() }
}

fn varied(index: u64) -> StockedSlipper {
    let number = i64::try_from(index).expect("few products");
    let slipper = NewSlipper {
        name: format!("Тапочки {}", number % 7),
        size: (36 + number % 13).to_string(),
        price: Money::from_minor(1 + number % 5),
        quantity: number % 4,
        category: Some(number % 4).filter(|place| *place > 0).map(CategoryId::new),
    };
    let images = (0..number % 4).map(|picture| format!("{}/{picture}.png", number % 3)).collect();
    StockedSlipper { slipper, images }
}

impl Assortment for Goods {
    fn categories(&self) -> Vec<NewCategory> {
        self.categories.clone()
    }

    fn len(&self) -> u64 {
        self.count
    }

    fn slipper(&self, index: u64) -> StockedSlipper {
        assert!(index < self.count, "place {index} of {} was asked for", self.count);
        (self.slipper)(index)
    }
}
