//! The catalogue: categories, products and what is known of their pictures.

pub mod rules;
pub mod search;
mod store;

pub use search::SearchTerm;
pub use store::{Assortment, CatalogError, CatalogStore};

use crate::types::{CategoryId, ImageId, Money, Page, SlipperId, Timestamp};

/// The most pieces of one product that the shop can hold: 2^31 - 1.
pub const MAX_STOCK: i64 = i32::MAX as i64;

/// A shelf of the shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    /// Its number.
    pub id: CategoryId,
    /// Its name, 1 to 100 characters, unique to the letter.
    pub name: String,
    /// A text for people, at most 255 characters.
    pub description: Option<String>,
    /// Whether the front-ends show it; lists hold it either way.
    pub is_active: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A category to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCategory {
    /// 1 to 100 characters.
    pub name: String,
    /// At most 255 characters.
    pub description: Option<String>,
    /// Whether the front-ends show it.
    pub is_active: bool,
}

/// What to change of a category; `None` keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CategoryChange {
    /// A new name.
    pub name: Option<String>,
    /// A new description; `Some(None)` takes it away.
    pub description: Option<Option<String>>,
    /// Shown or not.
    pub is_active: Option<bool>,
}

/// A product: one model in one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slipper {
    /// Its number.
    pub id: SlipperId,
    /// Its name, 1 to 100 characters.
    pub name: String,
    /// Its size as written on the box, 1 to 20 characters.
    pub size: String,
    /// The price of one pair: above zero, at most [`Money::MAX_PRICE`].
    pub price: Money,
    /// Pairs that can still be ordered, 0..=[`MAX_STOCK`].
    pub quantity: i64,
    /// Set when an admin has taken the product from sale without touching its stock.
    pub is_paused: bool,
    /// The path of the picture that stands for the product; empty until there is one.
    pub image: String,
    /// Its category.
    pub category: Option<CategoryLabel>,
    /// Its pictures: the primary one first, then by `order_index`, then by id. Empty too where they were not asked for.
    pub images: Vec<Image>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed by an admin; orders don't move it.
    pub updated_at: Timestamp,
}

impl Slipper {
    /// Whether a pair can be ordered now.
    pub const fn is_available(&self) -> bool {
        rules::is_available(self.quantity, self.is_paused)
    }

    /// The path of the primary picture, else `image`.
    pub fn primary_image(&self) -> &str {
        self.images.iter().find(|image| image.is_primary).map_or(&self.image, |image| &image.path)
    }
}

/// A product's category as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CategoryLabel {
    /// Its number.
    pub id: CategoryId,
    /// Its present name.
    pub name: String,
}

/// A picture of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its number.
    pub id: ImageId,
    /// Where it is served, from `/static/images/`.
    pub path: String,
    /// Whether it stands for the product; at most one picture of a product does.
    pub is_primary: bool,
    /// A text for those who can't see it, at most 255 characters.
    pub alt_text: Option<String>,
    /// Its place among the others, from 0.
    pub order_index: i64,
    /// When it was added.
    pub created_at: Timestamp,
    /// Smaller ones of the same, narrowest first; those brought by a seed have none.
    pub variants: Vec<Variant>,
}

/// A picture made smaller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// How many pixels wide it is.
    pub width: u32,
    /// Where it is served, from `/static/images/`.
    pub path: String,
}

/// A product to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSlipper {
    /// 1 to 100 characters.
    pub name: String,
    /// 1 to 20 characters.
    pub size: String,
    /// Above zero, at most [`Money::MAX_PRICE`].
    pub price: Money,
    /// 0..=[`MAX_STOCK`].
    pub quantity: i64,
    /// A category that exists.
    pub category: Option<CategoryId>,
}

/// What to change of a product; `None` keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlipperChange {
    /// A new picture path, 1 to 255 characters.
    pub image: Option<String>,
    /// A new name.
    pub name: Option<String>,
    /// A new size.
    pub size: Option<String>,
    /// A new price.
    pub price: Option<Money>,
    /// The stock as it was counted: it replaces the present one and leaves a stock movement behind.
    pub quantity: Option<i64>,
    /// Another category; `Some(None)` takes the product out of its own.
    pub category: Option<Option<CategoryId>>,
    /// What the caller wants `is_available` to be; see [`rules::pause_after`].
    pub is_available: Option<bool>,
}

/// A product with its pictures, to stock an empty shop with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockedSlipper {
    /// The product; its category is a number counted from 1 in the order of [`Assortment::categories`].
    pub slipper: NewSlipper,
    /// Paths of its pictures; the first is the primary one and becomes the product's `image`.
    pub images: Vec<String>,
}

/// In which order products are listed; equal keys are ordered by id in the same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sort {
    /// Oldest number first.
    IdAsc,
    /// Newest number first.
    IdDesc,
    /// By folded name ([`search::fold`]), in the order of its UTF-8 bytes.
    NameAsc,
    /// The reverse of `NameAsc`.
    NameDesc,
    /// Cheapest first.
    PriceAsc,
    /// Dearest first.
    PriceDesc,
    /// Oldest first.
    CreatedAsc,
    /// Newest first.
    CreatedDesc,
}

impl Sort {
    /// The order of this name; as clients are used to, an unknown name sorts by name.
    pub fn parse(name: &str) -> Self {
        match name {
            "id_asc" => Self::IdAsc,
            "id_desc" => Self::IdDesc,
            "name_desc" => Self::NameDesc,
            "price_asc" => Self::PriceAsc,
            "price_desc" => Self::PriceDesc,
            "created_asc" => Self::CreatedAsc,
            "created_desc" => Self::CreatedDesc,
            _ => Self::NameAsc,
        }
    }
}

/// Which products are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SlipperQuery {
    /// The part of the list.
    pub page: Page,
    /// Only this category; one that does not exist has no products.
    pub category: Option<CategoryId>,
    /// Only products whose folded name or size contains this.
    pub search: Option<SearchTerm>,
    /// The order.
    pub sort: Sort,
    /// Whether the pictures are wanted too.
    pub with_images: bool,
}

/// A part of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlipperPage {
    /// The products, in the order asked for.
    pub items: Vec<Slipper>,
    /// How many products match, on all pages.
    pub total: i64,
    /// Whether `total` was counted to the end: always without a search, else up to [`rules::EXACT_SEARCH_TOTAL`].
    pub total_is_exact: bool,
}
