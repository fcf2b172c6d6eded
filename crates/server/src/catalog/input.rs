//! What clients send to the catalogue.

use slippers_core::catalog::{
    CategoryChange, MAX_STOCK, NewCategory, NewSlipper, SearchTerm, SlipperChange, SlipperQuery, Sort,
};
use slippers_core::types::{CategoryId, MAX_PAGE_LIMIT, Page, SlipperId};

use crate::http::input::{BodyKind, Check, Flag, IdIn, Input, Int, Price, Text};

const NAME: Text = Text::new(1, 100);
const SIZE: Text = Text::new(1, 20);
const DESCRIPTION: Text = Text::new(0, 255);
const STOCK: Int = Int::between(0, MAX_STOCK);
/// How many categories are listed where nothing is said.
pub(super) const DEFAULT_CATEGORIES: i64 = 100;
/// How many products are listed where nothing is said.
pub(super) const DEFAULT_SLIPPERS: i64 = 20;
/// In which order products are listed where nothing is said.
pub(super) const DEFAULT_SORT: &str = "id_desc";
const LIMIT: Int = Int::between(1, MAX_PAGE_LIMIT);
/// Longer than any name: nothing can match, and folding it would cost.
const SEARCH: Text = Text::new(0, MAX_SEARCH);
/// Characters.
pub(super) const MAX_SEARCH: usize = 1000;
const CATEGORY: IdIn<CategoryId> = IdIn(CategoryId::new, Int::any());

/// The product in the path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlipperPath(pub(crate) SlipperId);

impl Input for SlipperPath {
    const BODY: BodyKind = BodyKind::None;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        check.path("slipper_id", IdIn(SlipperId::new, Int::any())).map(Self)
    }
}

/// The category in the path.
#[derive(Clone, Copy, Debug)]
pub(super) struct CategoryPath(pub(super) CategoryId);

impl Input for CategoryPath {
    const BODY: BodyKind = BodyKind::None;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        check.path("category_id", CATEGORY).map(Self)
    }
}

/// A part of the list of categories.
#[derive(Clone, Copy, Debug)]
pub(super) struct CategoryList {
    pub(super) skip: i64,
    pub(super) limit: i64,
}

impl Input for CategoryList {
    const BODY: BodyKind = BodyKind::None;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let skip = check.query("skip", Int::at_least(0), 0);
        let limit = check.query("limit", LIMIT, DEFAULT_CATEGORIES);
        Some(Self { skip: skip?, limit: limit? })
    }
}

impl Input for NewCategory {
    const BODY: BodyKind = BodyKind::Object;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let name = check.required("name", NAME);
        let description = check.nullable("description", DESCRIPTION);
        let is_active = check.defaulted("is_active", Flag, true);
        Some(Self { name: name?, description: description?.flatten(), is_active: is_active? })
    }
}

/// A category in the path and what to change of it.
#[derive(Clone, Debug)]
pub(super) struct UpdateCategory(pub(super) CategoryId, pub(super) CategoryChange);

impl Input for UpdateCategory {
    const BODY: BodyKind = BodyKind::Object;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let id = check.path("category_id", CATEGORY);
        let name = check.optional("name", NAME);
        let description = check.nullable("description", DESCRIPTION);
        let is_active = check.optional("is_active", Flag);
        Some(Self(id?, CategoryChange { name: name?, description: description?, is_active: is_active? }))
    }
}

/// A list of products as asked for.
#[derive(Clone, Debug)]
pub(super) struct SlipperList {
    pub(super) query: SlipperQuery,
    /// The order's name as it was sent; it is echoed.
    pub(super) sort: String,
}

impl Input for SlipperList {
    const BODY: BodyKind = BodyKind::None;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let skip = check.optional_query("skip", Int::at_least(0));
        let limit = check.query("limit", LIMIT, DEFAULT_SLIPPERS);
        let category = check.optional_query("category_id", CATEGORY);
        let search = check.optional_query("search", SEARCH);
        let sort = check.query("sort", Text::SHORT, DEFAULT_SORT.to_owned());
        let with_images = check.query("include_images", Flag, true);
        // A front-end pages by `page` alone; it counts only where `skip` does not.
        let number = match skip? {
            None => Some(check.lenient_query("page", Int::at_least(1))),
            Some(_) => Some(None),
        };
        let limit = limit?;
        let page = match (skip?, number?) {
            (None, Some(number)) => Page::numbered(number, limit),
            (skip, _) => Page::new(skip.unwrap_or(0), limit),
        };
        let sort = sort?;
        let query = SlipperQuery {
            page,
            category: category?.filter(|id| id.get() != 0),
            search: search?.and_then(|text| SearchTerm::new(&text)),
            sort: Sort::parse(&sort),
            with_images: with_images?,
        };
        Some(Self { query, sort })
    }
}

/// A product in the path, with or without its pictures.
#[derive(Clone, Copy, Debug)]
pub(super) struct SlipperDetail {
    pub(super) id: SlipperId,
    pub(super) with_images: bool,
}

impl Input for SlipperDetail {
    const BODY: BodyKind = BodyKind::None;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let id = check.path("slipper_id", IdIn(SlipperId::new, Int::any()));
        let with_images = check.query("include_images", Flag, true);
        Some(Self { id: id?, with_images: with_images? })
    }
}

impl Input for NewSlipper {
    const BODY: BodyKind = BodyKind::Object;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let name = check.required("name", NAME);
        let size = check.required("size", SIZE);
        let price = check.required("price", Price);
        let quantity = check.required("quantity", STOCK);
        let category = check.nullable("category_id", CATEGORY);
        Some(Self {
            name: name?,
            size: size?,
            price: price?,
            quantity: quantity?,
            category: category?.flatten(),
        })
    }
}

/// A product in the path and what to change of it; front-ends send the whole product back.
#[derive(Clone, Debug)]
pub(super) struct UpdateSlipper(pub(super) SlipperId, pub(super) SlipperChange);

impl Input for UpdateSlipper {
    const BODY: BodyKind = BodyKind::Object;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let id = check.path("slipper_id", IdIn(SlipperId::new, Int::any()));
        let image = check.optional("image", DESCRIPTION);
        let name = check.optional("name", NAME);
        let size = check.optional("size", SIZE);
        let price = check.optional("price", Price);
        let quantity = check.optional("quantity", STOCK);
        let category = check.nullable("category_id", CATEGORY);
        let is_available = check.optional("is_available", Flag);
        Some(Self(
            id?,
            SlipperChange {
                // A product without a picture shows "" and is sent back so.
                image: image?.filter(|path| !path.is_empty()),
                name: name?,
                size: size?,
                price: price?,
                quantity: quantity?,
                category: category?,
                is_available: is_available?,
            },
        ))
    }
}
