//! The catalogue over HTTP.

mod category_api;
mod input;
mod output;
mod shapes;
mod slipper_api;

pub(crate) use category_api::router as category_router;
pub(crate) use input::SlipperPath;
pub(crate) use output::{ImageOut, VariantOut};
pub(crate) use slipper_api::router as slipper_router;

use slippers_core::catalog::CatalogError;

use crate::http::errors::{ApiError, Code};

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
