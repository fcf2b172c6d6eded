//! What was seen of products lately: where their rows lie, and their pictures. A page whose products are known looks up neither by a
//! number. In a large shop each such look-up touches memory that nothing else has touched lately, and there are forty of them in a
//! page (figures in bench/PROFILES.md).
//!
//! Pictures are kept under the number of the lists' order, which every change of a picture replaces too
//! (`migrations/0021_expand_pictures_in_order.sql`): what is kept under the number of a snapshot is what stands in it. Where a row lies
//! is only where to look first.

use std::collections::HashMap;
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use slippers_core::catalog::{Image, Slipper};
use slippers_core::places::ListOrder;
use slippers_core::types::SlipperId;

use super::tid::Tid;

/// Bytes in one half of the memory, so 8 MiB at most: some 16,000 products of three pictures.
const HALF: usize = 4 << 20;
/// What an entry of a table takes beside its pictures.
const ENTRY: usize = 64;
/// What the allocator adds to each text.
const TEXT: usize = 16;

/// A memory of fixed size.
///
/// Two halves: the young one is written; when it is full it becomes the old one, whose rest is forgotten. What is used is
/// written into the young one again.
#[derive(Default)]
pub(crate) struct Seen(Mutex<Halves>);

#[derive(Default)]
struct Halves {
    /// Under which all of them were read.
    order: Option<ListOrder>,
    young: HashMap<SlipperId, Sight>,
    old: HashMap<SlipperId, Sight>,
    /// Bytes in the young half.
    held: usize,
}

/// What was seen of a product.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    /// Where its row lay.
    pub(super) tid: Tid,
    /// Its pictures.
    pub(super) images: Arc<[Image]>,
}

/// What was seen of a page's products.
pub(super) type Sights = HashMap<SlipperId, Sight>;

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let halves = self.halves();
        f.debug_struct("Seen")
            .field("order", &halves.order)
            .field("held", &halves.held)
            .finish_non_exhaustive()
    }
}

impl Seen {
    /// All these products in this order; `None` where one was not seen.
    pub(super) fn of(&self, order: ListOrder, ids: &[SlipperId]) -> Option<Sights> {
        let mut halves = self.halves();
        if halves.order != Some(order) {
            return None;
        }
        ids.iter().map(|id| Some((*id, halves.find(*id)?))).collect()
    }

    /// Keeps what was seen of products in this order.
    pub(super) fn keep<'a>(&self, order: ListOrder, items: impl Iterator<Item = (&'a Slipper, Tid)>) {
        let mut halves = self.halves();
        if halves.order != Some(order) {
            *halves = Halves { order: Some(order), ..Halves::default() };
        }
        for (item, tid) in items {
            match halves.young.get_mut(&item.id) {
                Some(sight) => sight.tid = tid,
                None => halves.put(item.id, Sight { tid, images: item.images.as_slice().into() }),
            }
        }
    }

    fn halves(&self) -> MutexGuard<'_, Halves> {
        // Nothing above can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Halves {
    fn find(&mut self, id: SlipperId) -> Option<Sight> {
        if let Some(sight) = self.young.get(&id) {
            return Some(sight.clone());
        }
        let sight = self.old.remove(&id)?;
        self.put(id, sight.clone());
        Some(sight)
    }

    fn put(&mut self, id: SlipperId, sight: Sight) {
        let size = size(&sight.images);
        self.held += size;
        if self.held > HALF {
            self.old = mem::take(&mut self.young);
            self.held = size;
        }
        self.young.insert(id, sight);
    }
}

/// Bytes that the pictures of a product take.
fn size(images: &[Image]) -> usize {
    let text = |text: &str| TEXT + text.len();
    let of_one = |image: &Image| {
        let variants = image.variants.iter().map(|variant| size_of_val(variant) + text(&variant.path));
        size_of_val(image)
            + text(&image.path)
            + image.alt_text.as_deref().map_or(0, text)
            + variants.sum::<usize>()
    };
    ENTRY + images.iter().map(of_one).sum::<usize>()
}

#[cfg(test)]
mod tests;
