//! Pictures that strangers send, made anew: decoded within limits and written by us, so that nothing of what came in their files is
//! ever sent to anybody. It knows files and pixels alone; what a shop does with pictures is in `slippers-server`.
#![forbid(unsafe_code)]

mod remake;
mod temporary;

pub use remake::{PictureError, Remade, SmallOne, remake};
pub use temporary::Temporary;
