//! What is remembered of lists of products, and how a page that is remembered is read.

use std::sync::Arc;

use slippers_core::StoreError;
use slippers_core::catalog::{Slipper, SlipperQuery};
use slippers_core::places::{ListOrder, Places};
use slippers_core::types::SlipperId;

use super::super::rows::{read_slipper, read_slipper_alone};
use super::super::seen::{Seen, Spot};
use super::statement::Way;
use crate::db::{Cells, Db};

/// What is remembered.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(super) places: Places,
    seen: Seen,
}

impl Memory {
    /// How the page that holds these is read.
    pub(super) fn known(&self, db: &Db, ids: Arc<[SlipperId]>) -> Way {
        // To plan it takes longer, which only pays where that is done once.
        let spots = if db.prepares() { self.seen.of(&ids) } else { None };
        match spots {
            Some(spots) => Way::Seen(ids, spots),
            None => Way::Known(ids),
        }
    }

    /// Remembers a page that was read in this order.
    pub(super) fn remember(
        &self,
        order: ListOrder,
        query: &SlipperQuery,
        items: Vec<(Slipper, Spot)>,
    ) -> Vec<Slipper> {
        if self.places.remember(order, query, items.iter().map(|(item, _)| item.id).collect()) {
            self.seen.keep(items.iter().map(|(item, spot)| (item.id, *spot)));
        }
        items.into_iter().map(|(item, _)| item).collect()
    }
}

/// The product of a row of [`Statement::page`](super::statement::Statement::page) and where it lies; an empty page is one row without a
/// product.
pub(super) fn read_item(
    row: &Cells<'_>,
    query: &SlipperQuery,
) -> Result<Option<(Slipper, Spot)>, StoreError> {
    if row.get::<Option<i64>>(2)?.is_none() {
        return Ok(None);
    }
    Ok(Some(if query.with_images {
        (read_slipper(row, 2)?, Spot { row: row.get(14)?, gallery: row.get(15)? })
    } else {
        (read_slipper_alone(row, 2)?, Spot { row: row.get(13)?, gallery: None })
    }))
}
