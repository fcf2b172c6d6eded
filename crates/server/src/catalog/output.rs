//! What clients read of the catalogue. Keys and their order are the legacy's.

use serde::Serialize;
use slippers_core::catalog::{Category, Image, Slipper, SlipperPage};
use slippers_core::types::{Money, Page};

use crate::http::json::money;

#[derive(Debug, Serialize)]
pub(super) struct CategoryOut {
    name: String,
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

#[derive(Debug, Serialize)]
pub(super) struct SlipperOut {
    id: i64,
    name: String,
    size: String,
    #[serde(serialize_with = "money")]
    price: Money,
    quantity: i64,
    category_id: Option<i64>,
    category_name: Option<String>,
    image: String,
    is_available: bool,
    #[serde(flatten)]
    pictures: Option<PicturesOut>,
    #[serde(flatten)]
    times: Option<TimesOut>,
}

#[derive(Debug, Serialize)]
struct PicturesOut {
    images: Vec<PictureOut>,
    image_gallery: Vec<String>,
    primary_image: String,
}

#[derive(Debug, Serialize)]
struct PictureOut {
    id: i64,
    image_path: String,
    is_primary: bool,
    alt_text: Option<String>,
    order_index: i64,
}

impl PicturesOut {
    fn of(slipper: &Slipper) -> Self {
        let picture = |image: &Image| PictureOut {
            id: image.id.get(),
            image_path: image.path.clone(),
            is_primary: image.is_primary,
            alt_text: image.alt_text.clone(),
            order_index: image.order_index,
        };
        Self {
            images: slipper.images.iter().map(picture).collect(),
            image_gallery: slipper.images.iter().map(|image| image.path.clone()).collect(),
            primary_image: slipper.primary_image().to_owned(),
        }
    }
}

#[derive(Debug, Serialize)]
struct TimesOut {
    created_at: String,
    updated_at: String,
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
            times: None,
        }
    }

    /// A product on its own page.
    pub(super) fn detail(slipper: Slipper, with_images: bool) -> Self {
        let times = TimesOut {
            created_at: slipper.created_at.iso_with_offset(),
            updated_at: slipper.updated_at.iso_with_offset(),
        };
        Self { times: Some(times), ..Self::item(slipper, with_images) }
    }
}

/// A product as its admin sees it after a change.
#[derive(Debug, Serialize)]
pub(super) struct SavedSlipperOut {
    id: i64,
    name: String,
    size: String,
    #[serde(serialize_with = "money")]
    price: Money,
    quantity: i64,
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

#[derive(Debug, Serialize)]
pub(super) struct SlipperPageOut {
    items: Vec<SlipperOut>,
    total: i64,
    page: i64,
    pages: i64,
    has_next: bool,
    has_prev: bool,
    sort: String,
    /// Only where the total was not counted to the end: exact lists look as they always did.
    #[serde(skip_serializing_if = "Option::is_none")]
    total_is_exact: Option<bool>,
}

impl SlipperPageOut {
    pub(super) fn new(listed: SlipperPage, page: Page, sort: String, with_images: bool) -> Self {
        let numbers = page.numbers(listed.total);
        Self {
            items: listed.items.into_iter().map(|item| SlipperOut::item(item, with_images)).collect(),
            total: listed.total,
            page: numbers.page,
            pages: numbers.pages,
            has_next: numbers.has_next,
            has_prev: numbers.has_prev,
            sort,
            total_is_exact: (!listed.total_is_exact).then_some(false),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct ImageListOut {
    slipper_id: i64,
    images: Vec<ImageOut>,
    total_images: usize,
}

#[derive(Debug, Serialize)]
struct ImageOut {
    id: i64,
    image_path: String,
    is_primary: bool,
    alt_text: Option<String>,
    order_index: i64,
    created_at: String,
}

impl ImageListOut {
    pub(super) fn new(slipper_id: i64, images: Vec<Image>) -> Self {
        Self {
            slipper_id,
            total_images: images.len(),
            images: images
                .into_iter()
                .map(|image| ImageOut {
                    id: image.id.get(),
                    image_path: image.path,
                    is_primary: image.is_primary,
                    alt_text: image.alt_text,
                    order_index: image.order_index,
                    created_at: image.created_at.iso_with_offset(),
                })
                .collect(),
        }
    }
}

/// `{"message": "..."}`.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct MessageOut {
    pub(super) message: &'static str,
}
