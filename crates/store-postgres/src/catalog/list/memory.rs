//! What is remembered of lists of products, and how a page that is remembered is read.

use std::sync::Arc;

use slippers_core::StoreError;
use slippers_core::catalog::{Slipper, SlipperQuery};
use slippers_core::places::{ListOrder, Places};
use slippers_core::types::SlipperId;

use super::super::rows::{read_slipper, read_slipper_alone};
use super::super::seen::{Seen, Sights};
use super::super::tid::Tid;
use super::statement::Way;
use crate::db::Cells;

/// What is remembered.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(super) places: Places,
    seen: Seen,
}

/// Where a page's pictures come from.
pub(super) enum Pictures {
    /// They are not shown.
    Hidden,
    /// From the database, with the products.
    Read,
    /// They were seen.
    Seen(Sights),
}

impl Memory {
    /// How the page that holds these in this order is read.
    pub(super) fn known(
        &self,
        order: ListOrder,
        query: &SlipperQuery,
        ids: Arc<[SlipperId]>,
    ) -> (Way, Pictures) {
        let sights = if query.with_images { self.seen.of(order, &ids) } else { None };
        let Some(sights) = sights else { return (Way::Known(ids), Pictures::of(query)) };
        let tids = ids.iter().filter_map(|id| sights.get(id)).map(|sight| sight.tid).collect();
        (Way::Seen(ids, tids), Pictures::Seen(sights))
    }

    /// Remembers a page that was read in this order.
    pub(super) fn remember(
        &self,
        order: ListOrder,
        query: &SlipperQuery,
        items: Vec<(Slipper, Tid)>,
    ) -> Vec<Slipper> {
        let is_known = self.places.remember(order, query, items.iter().map(|(item, _)| item.id).collect());
        if is_known && query.with_images {
            self.seen.keep(order, items.iter().map(|(item, tid)| (item, *tid)));
        }
        items.into_iter().map(|(item, _)| item).collect()
    }
}

impl Pictures {
    /// Those of a page of which nothing was seen.
    pub(super) const fn of(query: &SlipperQuery) -> Self {
        if query.with_images { Self::Read } else { Self::Hidden }
    }

    /// The product of a row, whose columns begin at 2, and where it lies; an empty page is one row without a product.
    pub(super) fn item(&self, row: &Cells<'_>) -> Result<Option<(Slipper, Tid)>, StoreError> {
        if row.get::<Option<i64>>(2)?.is_none() {
            return Ok(None);
        }
        let slipper = match self {
            Self::Hidden => read_slipper_alone(row, 2)?,
            Self::Read => read_slipper(row, 2)?,
            Self::Seen(sights) => {
                let slipper = read_slipper_alone(row, 2)?;
                let sight = sights.get(&slipper.id).ok_or_else(|| {
                    StoreError::Corrupt("a page holds what it was not asked for".to_owned())
                })?;
                Slipper { images: sight.images.to_vec(), ..slipper }
            }
        };
        let tid = row.get(if matches!(self, Self::Read) { 14 } else { 13 })?;
        Ok(Some((slipper, tid)))
    }
}
