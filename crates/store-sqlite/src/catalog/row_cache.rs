//! Products' rows in memory, each as true as the snapshot that it is shown in (docs/adr/0034-rows-in-memory.md).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::Weighter;
use quick_cache::unsync::Cache;
use slippers_core::StoreError;
use slippers_core::catalog::Slipper;
use slippers_core::types::SlipperId;

use super::rows::{SlipperRow, slipper_columns};
use crate::db::{Db, json_list};

/// What all rows may take, with [`ENTRY_BYTES`] for each: some 70,000 products with three pictures.
const CAPACITY: u64 = 28 * 1024 * 1024;
/// What an entry takes beside its bytes, roughly: its place in the table, two counts and what the allocator adds.
const ENTRY_BYTES: u64 = 112;
const USUAL_ENTRY_BYTES: u64 = 420;
/// Bytes that a processor fetches at once.
const CACHE_LINE: usize = 64;

/// A change of a row, up to which all are seen. The mark tells it from another of the same number, in a file that was put back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Moment {
    /// Changes are numbered one by one; 0 is before the first.
    pub(super) number: i64,
    /// Any number, drawn with the change.
    pub(super) mark: i64,
}

/// What a snapshot tells of the changes of rows.
#[derive(Debug)]
pub(super) struct Changes {
    /// [`RowCache::as_of`] before the snapshot was asked.
    pub(super) since: Moment,
    /// The mark that it has in the snapshot, if it is still written down.
    pub(super) mark_of_since: Option<i64>,
    /// The last change in the snapshot.
    pub(super) last: Moment,
    /// The products of the changes after `since` that are still written down. A number without one stands for all products.
    pub(super) slippers: Vec<Option<i64>>,
}

impl Changes {
    /// Whether `slippers` are all that changed.
    fn are_all_told(&self) -> bool {
        let told = i64::try_from(self.slippers.len());
        self.mark_of_since == Some(self.since.mark)
            && told.is_ok_and(|told| told == self.last.number - self.since.number)
    }
}

/// Rows by their ids, in the order in which these are given: CROSS JOIN keeps SQLite from another order of the tables
/// (<https://www.sqlite.org/optoverview.html#crossjoin>).
const ROWS: &str = concat!(
    "SELECT ",
    slipper_columns!(),
    " FROM json_each(?1) page CROSS JOIN slippers s ON s.id = page.value LEFT JOIN categories c ON c.id = s.category_id"
);

/// A row as bytes: one allocation instead of one for each of its texts.
#[derive(Clone)]
struct RowBytes(Arc<[u8]>);

impl RowBytes {
    fn row(&self) -> Result<SlipperRow<'_>, StoreError> {
        postcard::from_bytes(&self.0).map_err(|error| StoreError::Other(error.to_string()))
    }
}

/// Brings so many lines of each row near the processor, side by side. One after the other, each would wait for the memory until the one
/// before is read and its count written.
fn fetch<'a>(rows: impl Iterator<Item = &'a RowBytes>, lines: usize) {
    let of_each_line = rows.flat_map(|row| row.0.iter().step_by(CACHE_LINE).take(lines));
    std::hint::black_box(of_each_line.fold(0, |sum, byte| sum ^ byte));
}

/// Rows that were read and are to be kept.
struct ToKeep {
    rows: Vec<(SlipperId, RowBytes)>,
    /// One row after the other is written here: it grows once, not with each.
    scratch: Vec<u8>,
}

impl ToKeep {
    fn with_capacity(rows: usize) -> Self {
        Self { rows: Vec::with_capacity(rows), scratch: Vec::new() }
    }

    fn add(&mut self, row: &SlipperRow<'_>) -> Result<(), StoreError> {
        self.scratch.clear();
        let written = postcard::to_extend(row, std::mem::take(&mut self.scratch));
        self.scratch = written.map_err(|error| StoreError::Other(error.to_string()))?;
        self.rows.push((SlipperId::new(row.id), RowBytes(self.scratch.as_slice().into())));
        Ok(())
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<SlipperId, RowBytes> for ByBytes {
    fn weight(&self, _: &SlipperId, row: &RowBytes) -> u64 {
        u64::try_from(row.0.len()).unwrap_or(u64::MAX).saturating_add(ENTRY_BYTES)
    }
}

/// Rows as they are after a change. Snapshots that lie before it, and those beyond it until it has caught up with them, are
/// served from the file.
pub(super) struct RowCache(Mutex<Rows>);

struct Rows {
    as_of: Moment,
    rows: Cache<SlipperId, RowBytes, ByBytes>,
}

impl Default for RowCache {
    fn default() -> Self {
        Self(Mutex::new(Rows { as_of: Moment::default(), rows: no_rows() }))
    }
}

fn no_rows() -> Cache<SlipperId, RowBytes, ByBytes> {
    let usual = usize::try_from(CAPACITY / USUAL_ENTRY_BYTES).unwrap_or(0);
    Cache::with_weighter(usual, CAPACITY, ByBytes)
}

impl RowCache {
    /// The change after which the rows are as they are here.
    pub(super) fn as_of(&self) -> Moment {
        self.rows().as_of
    }

    /// The products with these ids in a snapshot, in their order. Those that are not in memory are read, and kept there.
    pub(super) fn read(
        &self,
        db: &Db<'_>,
        changes: &Changes,
        ids: &[SlipperId],
        with_images: bool,
    ) -> Result<Vec<Slipper>, StoreError> {
        self.follow(changes);
        let kept = self.get(changes, ids);
        let missing: Vec<i64> =
            ids.iter().zip(&kept).filter(|(_, row)| row.is_none()).map(|(id, _)| id.get()).collect();
        let mut read = Vec::with_capacity(missing.len());
        if !missing.is_empty() {
            let mut to_keep = ToKeep::with_capacity(missing.len());
            db.all(ROWS, [json_list(&missing)?], |cells| {
                let row = SlipperRow::read(cells)?;
                to_keep.add(&row)?;
                read.push(row.slipper(with_images)?);
                Ok(())
            })?;
            self.keep(changes, to_keep);
        }
        let mut read = read.into_iter().peekable();
        let page = ids.iter().zip(kept).map(|(id, kept)| match kept {
            Some(bytes) => bytes.row()?.slipper(with_images).map(Some),
            None => Ok(read.next_if(|slipper| slipper.id == *id)),
        });
        let page = page.filter_map(Result::transpose).collect::<Result<_, _>>()?;
        match read.next() {
            None => Ok(page),
            Some(_) => Err(StoreError::Other("rows came in another order than that of their ids".to_owned())),
        }
    }

    /// Forgets what has changed up to a snapshot, if that is beyond what is known.
    fn follow(&self, changes: &Changes) {
        let mut rows = self.rows();
        if rows.as_of != changes.since
            || changes.last == changes.since
            || changes.last.number < changes.since.number
        {
            return;
        }
        rows.as_of = changes.last;
        if changes.are_all_told() {
            for id in changes.slippers.iter().flatten() {
                rows.rows.remove(&SlipperId::new(*id));
            }
        } else {
            let forgotten = std::mem::replace(&mut rows.rows, no_rows());
            // To free so many takes milliseconds, which no other reader has to wait for.
            drop(rows);
            drop(forgotten);
        }
    }

    /// The rows of these products in a snapshot, as far as they are known.
    fn get(&self, changes: &Changes, ids: &[SlipperId]) -> Vec<Option<RowBytes>> {
        let rows = self.rows();
        let is_of_it = rows.as_of == changes.last;
        let found: Vec<_> = ids.iter().map(|id| rows.rows.get(id).filter(|_| is_of_it)).collect();
        // The counts alone while others wait.
        fetch(found.iter().copied().flatten(), 1);
        let found: Vec<_> = found.into_iter().map(Option::<&RowBytes>::cloned).collect();
        drop(rows);
        fetch(found.iter().flatten(), usize::MAX);
        found
    }

    /// Keeps rows that were read in a snapshot.
    fn keep(&self, changes: &Changes, read: ToKeep) {
        let mut rows = self.rows();
        if rows.as_of == changes.last {
            for (id, row) in read.rows {
                rows.rows.insert(id, row);
            }
        }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: SlipperId = SlipperId::new(1);
    const TWO: SlipperId = SlipperId::new(2);

    /// Each change has its number for a mark.
    fn at(number: i64) -> Moment {
        Moment { number, mark: number }
    }

    fn changes(since: i64, last: i64, slippers: &[i64]) -> Changes {
        let slippers = slippers.iter().copied().map(Some).collect();
        Changes { since: at(since), mark_of_since: Some(since), last: at(last), slippers }
    }

    fn bytes<const N: usize>(rows: [(SlipperId, &[u8]); N]) -> ToKeep {
        let rows = rows.map(|(id, bytes)| (id, RowBytes(bytes.into())));
        ToKeep { rows: rows.into(), scratch: Vec::new() }
    }

    /// Which of both products a snapshot finds in memory.
    fn found(rows: &RowCache, last: i64) -> [bool; 2] {
        let found = rows.get(&changes(last, last, &[]), &[ONE, TWO]);
        [found[0].is_some(), found[1].is_some()]
    }

    /// Both products, as they are after change 5.
    fn kept() -> RowCache {
        let rows = RowCache::default();
        rows.follow(&changes(0, 5, &[]));
        rows.keep(&changes(5, 5, &[]), bytes([(ONE, &[1]), (TWO, &[2])]));
        assert_eq!(found(&rows, 5), [true, true]);
        rows
    }

    #[test]
    fn snapshots_of_other_moments_are_not_served() {
        let rows = kept();
        assert_eq!(found(&rows, 4), [false, false]);
        assert_eq!(found(&rows, 6), [false, false]);
    }

    #[test]
    fn what_changed_is_forgotten_and_nothing_else() {
        let rows = kept();
        rows.follow(&changes(5, 7, &[2, 9]));
        assert_eq!((rows.as_of(), found(&rows, 7)), (at(7), [true, false]));
    }

    #[test]
    fn where_a_number_is_missing_everything_is_forgotten() {
        let rows = kept();
        rows.follow(&changes(5, 7, &[9]));
        assert_eq!((rows.as_of(), found(&rows, 7)), (at(7), [false, false]));
    }

    #[test]
    fn in_a_file_that_was_put_back_everything_is_forgotten() {
        for last in [5, 6] {
            let rows = kept();
            let last = Moment { number: last, mark: 99 };
            let slippers = vec![Some(9); usize::try_from(last.number - 5).expect("small")];
            let changes = Changes { since: at(5), mark_of_since: Some(98), last, slippers };
            rows.follow(&changes);
            let found = rows.get(&Changes { since: last, ..changes }, &[ONE, TWO]);
            assert_eq!((rows.as_of(), found.iter().flatten().count()), (last, 0));
        }
    }

    #[test]
    fn an_older_snapshot_and_one_that_was_asked_from_another_moment_change_nothing() {
        let rows = kept();
        rows.follow(&changes(5, 4, &[]));
        rows.follow(&changes(4, 6, &[2, 2]));
        assert_eq!((rows.as_of(), found(&rows, 5)), (at(5), [true, true]));
    }

    #[test]
    fn rows_of_another_moment_are_not_kept() {
        let rows = kept();
        rows.follow(&changes(5, 6, &[2]));
        rows.keep(&changes(5, 5, &[]), bytes([(TWO, &[0])]));
        assert_eq!(found(&rows, 6), [true, false]);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let rows = RowCache::default();
        let pictures = [b'x'; 4096];
        for id in 0..20_000 {
            rows.keep(&changes(0, 0, &[]), bytes([(SlipperId::new(id), &pictures)]));
        }
        let rows = rows.rows();
        let bytes: usize = rows.rows.iter().map(|(_, row)| row.0.len()).sum();
        let all = u64::try_from(bytes + rows.rows.len() * 112).expect("small");
        assert!((CAPACITY / 2..=CAPACITY).contains(&all), "{all}");
    }
}
