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

/// Bytes in one half of the memory, so some 8 MiB at most: 16,000 products of three pictures, half as many where each has smaller ones.
const HALF: usize = 4 << 20;
/// What a product takes beside its pictures: a place in a table that is half full at worst, and the head of their list.
const ENTRY: usize = 128;
/// What the allocator adds to each piece.
const PIECE: usize = 16;

/// A memory of fixed size.
///
/// Two halves: the young one is written; when it is full it becomes the old one, whose rest is forgotten. What is used is
/// written into the young one again.
#[derive(Default)]
pub(crate) struct Seen(Mutex<Halves>);

#[derive(Default)]
struct Halves {
    young: HashMap<Key, Sight>,
    old: HashMap<Key, Sight>,
    /// Bytes in the young half.
    held: usize,
}

/// A product in an order of the lists. Readers of two orders come by turns where one replica is behind another.
type Key = (ListOrder, SlipperId);

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
        f.debug_struct("Seen").field("held", &halves.held).finish_non_exhaustive()
    }
}

impl Seen {
    /// All these products in this order; `None` where one was not seen.
    pub(super) fn of(&self, order: ListOrder, ids: &[SlipperId]) -> Option<Sights> {
        // Freed when nobody waits for the lock any more: it may be tens of thousands of pieces.
        let mut forgotten = HashMap::new();
        let mut halves = self.halves();
        ids.iter().map(|id| Some((*id, halves.find((order, *id), &mut forgotten)?))).collect()
    }

    /// Keeps what was seen of products in this order.
    pub(super) fn keep<'a>(&self, order: ListOrder, items: impl Iterator<Item = (&'a Slipper, Tid)>) {
        let mut forgotten = HashMap::new();
        let mut halves = self.halves();
        for (item, tid) in items {
            let key = (order, item.id);
            if let Some(sight) = halves.young.get_mut(&key) {
                sight.tid = tid;
            } else {
                let sight = Sight { tid, images: item.images.as_slice().into() };
                halves.put(key, sight, &mut forgotten);
            }
        }
    }

    fn halves(&self) -> MutexGuard<'_, Halves> {
        // Nothing above can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Halves {
    fn find(&mut self, key: Key, forgotten: &mut HashMap<Key, Sight>) -> Option<Sight> {
        if let Some(sight) = self.young.get(&key) {
            return Some(sight.clone());
        }
        let sight = self.old.remove(&key)?;
        self.put(key, sight.clone(), forgotten);
        Some(sight)
    }

    /// Puts it into the young half. If that is full, what was forgotten for it is left to the caller.
    fn put(&mut self, key: Key, sight: Sight, forgotten: &mut HashMap<Key, Sight>) {
        let size = size(&sight.images);
        if size > HALF {
            return;
        }
        self.held += size;
        if self.held > HALF {
            *forgotten = mem::replace(&mut self.old, mem::take(&mut self.young));
            self.held = size;
        }
        self.young.insert(key, sight);
    }
}

/// Bytes that a product with these pictures takes.
fn size(images: &[Image]) -> usize {
    let text = |text: &str| PIECE + text.len();
    let of_one = |image: &Image| {
        let variants = image.variants.iter().map(|variant| size_of_val(variant) + text(&variant.path));
        let alt_text = image.alt_text.as_deref().map_or(0, text);
        size_of_val(image) + text(&image.path) + alt_text + PIECE + variants.sum::<usize>()
    };
    ENTRY + images.iter().map(of_one).sum::<usize>()
}

#[cfg(test)]
mod tests;
