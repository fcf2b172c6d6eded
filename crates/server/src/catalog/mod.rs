//! The catalogue over HTTP.

mod address;
mod category_api;
mod input;
mod output;
mod shapes;
mod slipper_api;

pub(crate) use address::page_key;
pub(crate) use category_api::router as category_router;
pub(crate) use input::SlipperPath;
pub(crate) use output::{ImageOut, VariantOut};
#[cfg(feature = "counting")]
pub(crate) use slipper_api::render_list;
pub(crate) use slipper_api::router as slipper_router;

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use slippers_core::catalog::CatalogError;

use crate::cache::Page;
use crate::http::errors::{ApiError, Code};

/// A page of the catalogue as the answer of a handler. The stack sends it, in the same way as one that was kept.
#[derive(Clone, Debug)]
pub(crate) struct CatalogPage(pub(crate) Arc<Page>);

impl IntoResponse for CatalogPage {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<CatalogError> for ApiError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::CategoryNotFound => Code::CategoryNotFound.into(),
            CatalogError::SlipperNotFound => Code::SlipperNotFound.into(),
            CatalogError::CategoryNameTaken => Code::CategoryNameTaken.into(),
            CatalogError::NotEmpty => Self::because(Code::Internal, error),
            CatalogError::Store(error) => error.into(),
        }
    }
}
