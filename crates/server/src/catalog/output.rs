//! What clients read of the catalogue. Keys and their order are the legacy's.

use serde::Serialize;
use slippers_core::catalog::{Category, Image, Slipper, SlipperPage};
use slippers_core::types::{Money, Page};
use utoipa::ToSchema;

use crate::http::json::money;
use crate::ops::openapi::words::soum;

/// A category.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Category)]
pub(super) struct CategoryOut {
    name: String,
    #[schema(required)]
    description: Option<String>,
    is_active: bool,
    id: i64,
    created_at: String,
    updated_at: String,
}

impl From<Category> for CategoryOut {
    fn from(category: Category) -> Self {
        Self {
            name: category.name,
            description: category.description,
            is_active: category.is_active,
            id: category.id.get(),
            created_at: category.created_at.iso_with_z(),
            updated_at: category.updated_at.iso_with_z(),
        }
    }
}

/// A product in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Slipper)]
pub(super) struct SlipperOut {
    id: i64,
    name: String,
    size: String,
    #[serde(serialize_with = "money")]
    #[schema(schema_with = soum)]
    price: Money,
    quantity: i64,
    #[schema(required)]
    category_id: Option<i64>,
    #[schema(required)]
    category_name: Option<String>,
    /// The path of the picture that stands for the product; empty until there is one.
    image: String,
    /// Whether a pair can be ordered now.
    is_available: bool,
    #[serde(flatten)]
    #[schema(value_type = PicturesOut)]
    pictures: Option<PicturesOut>,
}

/// A product on its own page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SlipperDetail)]
pub(super) struct SlipperDetailOut {
    #[serde(flatten)]
    slipper: SlipperOut,
    #[schema(example = "2026-11-23T07:17:39.123456+00:00")]
    created_at: String,
    updated_at: String,
}

/// The pictures of a product; absent with `include_images=false`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SlipperPictures)]
struct PicturesOut {
    /// The primary one first.
    #[schema(required = false)]
    images: Vec<PictureOut>,
    /// Their paths.
    #[schema(required = false)]
    image_gallery: Vec<String>,
    /// The path of the primary one, else `image`.
    #[schema(required = false)]
    primary_image: String,
}

/// A picture of a product.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Picture)]
struct PictureOut {
    id: i64,
    image_path: String,
    is_primary: bool,
    #[schema(required)]
    alt_text: Option<String>,
    order_index: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    variants: Vec<VariantOut>,
}

/// A picture made smaller; one that is not wider has none.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PictureVariant)]
pub(crate) struct VariantOut {
    #[schema(example = 320)]
    width: u32,
    path: String,
}

impl VariantOut {
    /// The smaller ones of a picture, narrowest first.
    pub(crate) fn all_of(image: &Image) -> Vec<Self> {
        image.variants.iter().map(|v| Self { width: v.width, path: v.path.clone() }).collect()
    }
}

impl PicturesOut {
    fn of(slipper: &Slipper) -> Self {
        let picture = |image: &Image| PictureOut {
            id: image.id.get(),
            image_path: image.path.clone(),
            is_primary: image.is_primary,
            alt_text: image.alt_text.clone(),
            order_index: image.order_index,
            variants: VariantOut::all_of(image),
        };
        Self {
            images: slipper.images.iter().map(picture).collect(),
            image_gallery: slipper.images.iter().map(|image| image.path.clone()).collect(),
            primary_image: slipper.primary_image().to_owned(),
        }
    }
}

impl SlipperOut {
    /// A product in a list.
    pub(super) fn item(slipper: Slipper, with_images: bool) -> Self {
        let is_available = slipper.is_available();
        let (category_id, category_name) =
            slipper.category.clone().map_or((None, None), |c| (Some(c.id.get()), Some(c.name)));
        let pictures = with_images.then(|| PicturesOut::of(&slipper));
        Self {
            id: slipper.id.get(),
            name: slipper.name,
            size: slipper.size,
            price: slipper.price,
            quantity: slipper.quantity,
            category_id,
            category_name,
            image: slipper.image,
            is_available,
            pictures,
        }
    }
}

impl SlipperDetailOut {
    pub(super) fn new(slipper: Slipper, with_images: bool) -> Self {
        Self {
            created_at: slipper.created_at.iso_with_offset(),
            updated_at: slipper.updated_at.iso_with_offset(),
            slipper: SlipperOut::item(slipper, with_images),
        }
    }
}

/// A product as its admin sees it after a change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SavedSlipper)]
pub(super) struct SavedSlipperOut {
    id: i64,
    name: String,
    size: String,
    #[serde(serialize_with = "money")]
    #[schema(schema_with = soum)]
    price: Money,
    quantity: i64,
    #[schema(required)]
    category_id: Option<i64>,
    image: String,
}

impl From<Slipper> for SavedSlipperOut {
    fn from(slipper: Slipper) -> Self {
        Self {
            id: slipper.id.get(),
            name: slipper.name,
            size: slipper.size,
            price: slipper.price,
            quantity: slipper.quantity,
            category_id: slipper.category.map(|category| category.id.get()),
            image: slipper.image,
        }
    }
}

/// A page of products.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SlipperPage)]
pub(crate) struct SlipperPageOut {
    items: Vec<SlipperOut>,
    total: i64,
    page: i64,
    pages: i64,
    has_next: bool,
    has_prev: bool,
    /// The order as it was asked for.
    sort: String,
    /// Only where the total was not counted to the end: exact lists look as they always did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    total_is_exact: Option<bool>,
}

impl SlipperPageOut {
    pub(crate) fn new(listed: SlipperPage, page: Page, sort: String, with_images: bool) -> Self {
        let numbers = page.numbers(listed.total);
        // Beyond what was counted only a full page tells that there may be another.
        let is_full = i64::try_from(listed.items.len()).is_ok_and(|length| length == page.limit());
        let has_next = numbers.has_next || (is_full && !listed.total_is_exact);
        Self {
            items: listed.items.into_iter().map(|item| SlipperOut::item(item, with_images)).collect(),
            total: listed.total,
            page: numbers.page,
            pages: numbers.pages,
            has_next,
            has_prev: numbers.has_prev,
            sort,
            total_is_exact: (!listed.total_is_exact).then_some(false),
        }
    }
}

/// The pictures of a product.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImageList)]
pub(super) struct ImageListOut {
    slipper_id: i64,
    images: Vec<ImageOut>,
    total_images: usize,
}

/// A picture of a product, with when it was added.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Image)]
pub(crate) struct ImageOut {
    id: i64,
    image_path: String,
    is_primary: bool,
    #[schema(required)]
    alt_text: Option<String>,
    order_index: i64,
    created_at: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    variants: Vec<VariantOut>,
}

impl From<Image> for ImageOut {
    fn from(image: Image) -> Self {
        Self {
            id: image.id.get(),
            variants: VariantOut::all_of(&image),
            image_path: image.path,
            is_primary: image.is_primary,
            alt_text: image.alt_text,
            order_index: image.order_index,
            created_at: image.created_at.iso_with_offset(),
        }
    }
}

impl ImageListOut {
    pub(super) fn new(slipper_id: i64, images: Vec<Image>) -> Self {
        Self { slipper_id, total_images: images.len(), images: images.into_iter().map(Into::into).collect() }
    }
}

/// `{"message": "..."}`.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = Message)]
pub(super) struct MessageOut {
    pub(super) message: &'static str,
}
