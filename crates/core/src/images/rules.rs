//! Rules of pictures.

use crate::catalog::Image;
use crate::types::ImageId;

/// The most pictures that one request may add.
pub const MAX_UPLOAD: usize = 10;

/// What is known of a product's pictures before others are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gallery {
    /// The last place that is taken.
    pub last_place: Option<i64>,
    /// Whether a picture stands for the product.
    pub has_primary: bool,
    /// Whether the product's `image` names one.
    pub has_image: bool,
}

/// How pictures are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addition {
    /// The place of the first; each further one takes the next.
    pub first_place: i64,
    /// Whether the first becomes the primary one.
    pub first_is_primary: bool,
    /// Whether the product's `image` becomes the first one's path.
    pub sets_image: bool,
}

/// How pictures are added to a product: after those that are there.
pub const fn plan_addition(gallery: Gallery) -> Addition {
    let first_place = match gallery.last_place {
        Some(last) => last.saturating_add(1),
        None => 0,
    };
    Addition { first_place, first_is_primary: !gallery.has_primary, sets_image: !gallery.has_image }
}

/// What follows from the deletion of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// The picture that becomes the primary one.
    pub promoted: Option<ImageId>,
    /// What the product's `image` becomes; `None` keeps it.
    pub image: Option<String>,
}

/// What follows when `removed` is taken from a product whose `image` is as given and which keeps `left`.
///
/// After the primary one the next stands for the product, by place, then by number. `image` follows where it named the
/// removed one or this was the primary one, and is empty when none is left.
pub fn plan_removal(image: &str, removed: &Image, left: &[Image]) -> Removal {
    let first = left.iter().min_by_key(|image| (!image.is_primary, image.order_index, image.id));
    let promoted = first.filter(|first| removed.is_primary && !first.is_primary).map(|promoted| promoted.id);
    let follows = removed.is_primary || image == removed.path;
    Removal { promoted, image: follows.then(|| first.map(|first| first.path.clone()).unwrap_or_default()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::Timestamp;

    fn image(id: i64, order_index: i64, is_primary: bool) -> Image {
        Image {
            id: ImageId::new(id),
            path: format!("/static/images/{id}.png"),
            is_primary,
            alt_text: None,
            order_index,
            created_at: Timestamp::from_micros(0),
            variants: Vec::new(),
        }
    }

    #[test]
    fn pictures_are_added_behind_the_present_ones() {
        let none = Gallery { last_place: None, has_primary: false, has_image: false };
        assert_eq!(
            plan_addition(none),
            Addition { first_place: 0, first_is_primary: true, sets_image: true }
        );
        let some = Gallery { last_place: Some(4), has_primary: true, has_image: true };
        assert_eq!(
            plan_addition(some),
            Addition { first_place: 5, first_is_primary: false, sets_image: false }
        );
    }

    #[test]
    fn the_next_by_place_takes_the_place_of_the_primary_one() {
        let left = [image(2, 7, false), image(3, 1, false), image(4, 1, false)];
        let primary = image(1, 0, true);
        let removal = plan_removal(&primary.path, &primary, &left);
        assert_eq!(removal.promoted, Some(ImageId::new(3)));
        assert_eq!(removal.image.as_deref(), Some("/static/images/3.png"));
        assert_eq!(plan_removal(&primary.path, &primary, &[]).image.as_deref(), Some(""));
    }

    #[test]
    fn a_picture_that_nobody_looks_at_goes_without_a_trace() {
        let left = [image(1, 0, true), image(3, 2, false)];
        let removal = plan_removal("/static/images/1.png", &image(2, 1, false), &left);
        assert_eq!(removal, Removal { promoted: None, image: None });
    }

    proptest! {
        #[test]
        fn image_never_names_what_is_gone(
            count in 1_i64..6, primary in 0_i64..6, removed in 0_i64..6, shown in 0_i64..6,
        ) {
            let all: Vec<Image> = (0..count).map(|id| image(id, id % 3, id == primary)).collect();
            let gone = all[usize::try_from(removed % count).expect("small")].clone();
            let left: Vec<Image> = all.iter().filter(|image| image.id != gone.id).cloned().collect();
            let shown = format!("/static/images/{shown}.png");
            let removal = plan_removal(&shown, &gone, &left);
            let after = removal.image.unwrap_or(shown);
            prop_assert!(after != gone.path);
            if gone.is_primary {
                prop_assert_eq!(removal.promoted.is_some(), !left.is_empty());
            } else {
                prop_assert_eq!(removal.promoted, None);
            }
        }
    }
}
