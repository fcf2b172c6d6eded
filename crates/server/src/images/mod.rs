//! Pictures of products over HTTP: taken in, made anew, put away.

mod api;
mod input;
mod output;
mod pictures;
mod shapes;
mod upload;

pub(crate) use api::router;
pub(crate) use pictures::{Pictures, to_the_end};

use slippers_core::images::ImageError;

use crate::http::errors::{ApiError, Code};

impl From<ImageError> for ApiError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::SlipperNotFound => Code::SlipperNotFound.into(),
            ImageError::ImageNotFound => Code::ImageNotFound.into(),
            ImageError::Store(error) => error.into(),
        }
    }
}
