//! What clients send of pictures, beside the pictures.

use slippers_core::types::{ImageId, SlipperId};

use crate::http::input::{BodyKind, Check, Fault, Flag, IdIn, Input, Int};

/// A picture of a product, by its place in the path.
#[derive(Clone, Copy, Debug)]
pub(super) struct ImagePath(pub(super) SlipperId, pub(super) ImageId);

impl Input for ImagePath {
    const BODY: BodyKind = BodyKind::None;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let slipper = check.path("slipper_id", IdIn(SlipperId::new, Int::any()));
        let image = check.path("image_id", IdIn(ImageId::new, Int::any()));
        Some(Self(slipper?, image?))
    }
}

/// A picture that is to become the primary one.
#[derive(Clone, Copy, Debug)]
pub(super) struct ImageChange(pub(super) ImagePath);

impl Input for ImageChange {
    const BODY: BodyKind = BodyKind::Object;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let path = ImagePath::read(check);
        let is_primary = check.required("is_primary", Flag);
        if is_primary == Some(false) {
            let text = "another picture must be made the primary one instead";
            check.refuse("is_primary", Fault::value(text));
            return None;
        }
        is_primary?;
        path.map(Self)
    }
}
