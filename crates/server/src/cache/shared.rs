//! Pages that instances have from each other, by way of Redis.
//!
//! An entry begins with the position of the database that it was read at, and its name with the database itself, so that
//! it is held against what the reader knows of that database (`horizons`), never against anybody's own counting. An entry
//! that is too old is passed over and overwritten.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use redis::Cmd;

use super::horizons::Sharing;
use super::key::PageKey;
use super::redis::Redis;

/// Other versions of the program may render other pages.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Bytes of the position before the page.
const POSITION: usize = 8;

/// The second level.
#[derive(Clone, Debug)]
pub(super) struct SharedPages {
    redis: Arc<Redis>,
    ttl: Duration,
}

impl SharedPages {
    pub(super) const fn new(redis: Arc<Redis>, ttl: Duration) -> Self {
        Self { redis, ttl }
    }

    /// The JSON of a page that is as new as it must be.
    pub(super) async fn get(&self, key: &PageKey, sharing: &Sharing) -> Option<Bytes> {
        let needed = sharing.needed?;
        let mut command = Cmd::new();
        command.arg("GET").arg(name(key, sharing));
        let entry: Bytes = self.redis.ask::<Option<Bytes>>(&command).await??;
        read(&entry, needed)
    }

    /// Lets others have a page. Nobody waits for it.
    pub(super) fn put(&self, key: &PageKey, sharing: &Sharing, json: &[u8]) {
        if !self.redis.is_up() {
            return;
        }
        let mut entry = Vec::with_capacity(POSITION + json.len());
        entry.extend_from_slice(&sharing.settled.to_be_bytes());
        entry.extend_from_slice(json);
        let millis = u64::try_from(self.ttl.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut command = Cmd::new();
        command.arg("SET").arg(name(key, sharing)).arg(entry).arg("PX").arg(millis);
        let redis = self.redis.clone();
        tokio::spawn(async move {
            let _: Option<()> = redis.ask(&command).await;
        });
    }
}

/// The page behind its position, when that is far enough.
fn read(entry: &Bytes, needed: u64) -> Option<Bytes> {
    let (position, _) = entry.split_first_chunk::<POSITION>()?;
    (u64::from_be_bytes(*position) >= needed).then(|| entry.slice(POSITION..))
}

fn name(key: &PageKey, sharing: &Sharing) -> String {
    let mut name = format!("slippers:page:{VERSION}:{}:", sharing.database);
    // Writing to a String can't fail.
    let _ = match key {
        PageKey::Slippers(query) => {
            let category = query.category.map(slippers_core::types::CategoryId::get);
            let search = query.search.as_ref().map_or("", |term| term.as_str());
            let (page, sort, images) = (query.page, query.sort, query.with_images);
            write!(name, "list:{page:?}:{category:?}:{sort:?}:{images}:{search}")
        }
        PageKey::Slipper { id, with_images } => write!(name, "slipper:{id}:{with_images}"),
        PageKey::Images(id) => write!(name, "images:{id}"),
        PageKey::Categories { skip, limit } => write!(name, "categories:{skip}:{limit}"),
        PageKey::Category(id) => write!(name, "category:{id}"),
    };
    name
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::key::tests::{list, search, slipper};
    use super::*;

    #[test]
    fn a_page_is_taken_only_when_it_is_as_new_as_it_must_be() {
        let mut entry = 7_u64.to_be_bytes().to_vec();
        entry.extend_from_slice(b"{}");
        let entry = Bytes::from(entry);
        assert_eq!(read(&entry, 7).as_deref(), Some(&b"{}"[..]));
        assert_eq!(read(&entry, 6).as_deref(), Some(&b"{}"[..]));
        assert_eq!(read(&entry, 8), None);
        assert_eq!(read(&Bytes::from_static(b"short"), 0), None);
    }

    #[test]
    fn each_page_of_each_database_has_a_name_of_its_own() {
        let sharing = |database: &str| Sharing { database: database.into(), settled: 0, needed: None };
        let keys = [
            list(0),
            list(20),
            search("a"),
            search("b"),
            slipper(1),
            slipper(11),
            PageKey::Images(slippers_core::types::SlipperId::new(1)),
            PageKey::Categories { skip: 0, limit: 10 },
            PageKey::Categories { skip: 10, limit: 0 },
        ];
        let names: HashSet<String> = keys
            .iter()
            .flat_map(|key| ["one", "two"].map(|database| name(key, &sharing(database))))
            .collect();
        assert_eq!(names.len(), 2 * keys.len());
    }
}
