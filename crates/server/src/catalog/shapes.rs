//! What clients send to the catalogue, for the document. What reads it is `input`; a test holds the limits together.
#![expect(dead_code, reason = "the document describes these; nobody makes one")]

use utoipa::{IntoParams, ToSchema};

use super::input::{DEFAULT_CATEGORIES, DEFAULT_SLIPPERS, DEFAULT_SORT};

/// Which part of the categories.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CategoryListQuery {
    /// How many to pass over.
    #[param(required = false, minimum = 0, default = 0)]
    skip: i64,
    /// How many to list at most.
    #[param(required = false, minimum = 1, maximum = 100, default = json!(DEFAULT_CATEGORIES))]
    limit: i64,
}

/// A category to make.
#[derive(ToSchema)]
pub(super) struct CategoryIn {
    /// No other category may have it.
    #[schema(min_length = 1, max_length = 100, example = "Men")]
    name: String,
    #[schema(max_length = 255, example = "Men's slippers")]
    description: Option<String>,
    /// Whether the front-ends show it.
    #[schema(required = false, default = true)]
    is_active: bool,
}

/// What to change of a category; what is absent stays.
#[derive(ToSchema)]
pub(super) struct CategoryChangeIn {
    #[schema(required = false, min_length = 1, max_length = 100)]
    name: String,
    /// `null` takes it away.
    #[schema(max_length = 255)]
    description: Option<String>,
    #[schema(required = false)]
    is_active: bool,
}

/// Which products.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SlipperListQuery {
    /// How many to pass over.
    #[param(required = false, minimum = 0)]
    skip: i64,
    /// How many a page holds.
    #[param(required = false, minimum = 1, maximum = 100, default = json!(DEFAULT_SLIPPERS))]
    limit: i64,
    /// The page's number, from 1; it counts only without `skip`. Whatever is no such number is the first page.
    #[param(required = false, example = "2")]
    page: String,
    /// Only this category; 0 is no filter.
    #[param(required = false)]
    category_id: i64,
    /// Only products whose name or size contains this, in any case.
    #[param(required = false, max_length = 1000, example = "mu com")]
    search: String,
    /// `id`, `name`, `price` or `created`, with `_asc` or `_desc`. Anything else is echoed and sorts by name.
    #[param(required = false, max_length = 255, default = json!(DEFAULT_SORT), example = "price_asc")]
    sort: String,
    /// Whether `images`, `image_gallery` and `primary_image` are wanted.
    #[param(required = false, default = true)]
    include_images: bool,
}

/// How much of a product.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SlipperQuery {
    /// Whether `images`, `image_gallery` and `primary_image` are wanted.
    #[param(required = false, default = true)]
    include_images: bool,
}

/// A product to make.
#[derive(ToSchema)]
pub(super) struct SlipperIn {
    #[schema(min_length = 1, max_length = 100, example = "Mu Comfort")]
    name: String,
    #[schema(min_length = 1, max_length = 20, example = "39")]
    size: String,
    /// Soum, with at most two decimals.
    #[schema(exclusive_minimum = 0, maximum = 1_000_000_000, example = 54.05)]
    price: f64,
    /// How many pairs there are.
    #[schema(minimum = 0, maximum = 2_147_483_647, example = 11)]
    quantity: i64,
    /// A category that exists.
    category_id: Option<i64>,
}

/// What to change of a product; what is absent stays. A whole product may be sent back.
#[derive(ToSchema)]
pub(super) struct SlipperChangeIn {
    /// The path of its picture; an empty one changes nothing.
    #[schema(required = false, max_length = 255)]
    image: String,
    #[schema(required = false, min_length = 1, max_length = 100)]
    name: String,
    #[schema(required = false, min_length = 1, max_length = 20)]
    size: String,
    /// Soum, with at most two decimals.
    #[schema(required = false, exclusive_minimum = 0, maximum = 1_000_000_000)]
    price: f64,
    /// The stock as it was counted; it replaces the present one.
    #[schema(required = false, minimum = 0, maximum = 2_147_483_647)]
    quantity: i64,
    /// `null` takes the product out of its category.
    category_id: Option<i64>,
    /// Counts only where it differs from what is shown: `false` takes the product from sale, `true` puts it back.
    #[schema(required = false)]
    is_available: bool,
}
