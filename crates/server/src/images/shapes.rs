//! What clients send of pictures, for the document. What reads it is `input` and `upload`.
#![expect(dead_code, reason = "the document describes these; nobody makes one")]

use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use crate::ops::openapi::words::FileOut;

/// Pictures to add.
#[derive(ToSchema)]
pub(super) struct ImagesIn {
    /// JPEG, PNG, WebP or GIF, each at most 10 MiB, 12,000 pixels a side and 32 million in all (24 million where a PNG or
    /// WebP is transparent, 16 million in a progressive JPEG, 8 million with sixteen bits a channel), under a name that
    /// ends with `.jpg`, `.jpeg`, `.png`, `.webp` or `.gif`.
    #[schema(min_items = 1, max_items = 10)]
    images: Vec<FileOut>,
}

/// What to change of a picture.
#[derive(ToSchema)]
pub(super) struct ImageChangeIn {
    /// It becomes the primary one. That it no longer is one can't be asked for: another must take its place.
    #[schema(schema_with = only_true)]
    is_primary: bool,
}

fn only_true() -> Object {
    ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true])).build()
}
