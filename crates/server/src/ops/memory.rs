//! The memory that this process may take, by its cgroup, and caches that make room before it is gone.

use std::io;
use std::path::{Path, PathBuf};

use slippers_core::StoreError;

use crate::shop::Shop;

/// From this share of the limit on, in percent, kept pages make room.
const TIGHT: u64 = 90;
/// Below this share they may grow again.
const LOOSE: u64 = 80;
/// Kept pages keep this share of what they may take: the first few are what most people ask for.
const LEAST_SHARE: u64 = 16;
/// What version 1 writes where there is no limit is a little less than 2^63.
const NO_LIMIT: u64 = 1 << 60;

/// Where the system tells.
const OWN: &str = "/proc/self/cgroup";
const ROOT: &str = "/sys/fs/cgroup";

/// A limit, and how much of it is used by what can't be given back at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Room {
    limit: u64,
    used: u64,
}

impl Room {
    const fn percent(self) -> u64 {
        self.used.saturating_mul(100) / if self.limit == 0 { 1 } else { self.limit }
    }
}

/// The limit on this process's memory in bytes, the narrowest of its cgroup and those around it; `None` = there is none.
pub fn memory_limit() -> Option<u64> {
    let own = read(Path::new(OWN)).ok()?;
    tightest(&own, Path::new(ROOT)).map(|room| room.limit)
}

/// Fits the kept pages into the memory that is left.
pub(crate) async fn make_room(shop: &Shop) -> Result<(), StoreError> {
    let own = tokio::fs::read_to_string(OWN).await.unwrap_or_default();
    // A few files of the kernel's own memory: they are read in microseconds.
    if let Some(room) = tightest(&own, Path::new(ROOT)) {
        let (may, most) = (shop.cache.capacity(), shop.settings.cache.max_bytes);
        let fit = fitting(room, may, most);
        if fit != may {
            shop.cache.set_capacity(fit);
        }
        if fit < may {
            let Room { limit, used } = room;
            tracing::warn!(
                limit,
                used,
                fit,
                "memory runs short ({} % of the limit): kept pages may take {fit} bytes",
                room.percent()
            );
        }
    }
    Ok(())
}

/// How much kept pages may take now, where they may take `may`, and `most` where there is room.
fn fitting(room: Room, may: u64, most: u64) -> u64 {
    let least = most / LEAST_SHARE;
    match room.percent() {
        percent if percent >= TIGHT => (may / 2).max(least),
        percent if percent < LOOSE => may.saturating_mul(2).max(least).min(most),
        _ => may,
    }
}

/// The cgroup with the least room left, of this process's own and those around it.
fn tightest(own: &str, root: &Path) -> Option<Room> {
    own.lines()
        .filter_map(|line| Group::of(line, root))
        .flat_map(Group::rooms)
        .max_by_key(|room| room.percent())
}

/// A cgroup: its version, where its hierarchy begins and where it is in that.
struct Group {
    is_v2: bool,
    base: PathBuf,
    path: PathBuf,
}

impl Group {
    /// Reads a line of `/proc/self/cgroup`: `0::/path` is version 2, `4:memory:/path` version 1.
    fn of(line: &str, root: &Path) -> Option<Self> {
        let mut parts = line.splitn(3, ':');
        let (number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let is_v2 = number == "0" && controllers.is_empty();
        let base = match controllers {
            _ if is_v2 && root.join("unified").is_dir() => root.join("unified"),
            _ if is_v2 => root.to_owned(),
            "memory" => root.join("memory"),
            _ => return None,
        };
        let path = base.join(path.trim_start_matches('/'));
        Some(Self { is_v2, base, path })
    }

    fn rooms(self) -> Vec<Room> {
        let folders = self.path.ancestors().take_while(|folder| folder.starts_with(&self.base));
        folders.filter_map(|folder| self.room(folder)).collect()
    }

    fn room(&self, folder: &Path) -> Option<Room> {
        let (limit, used, idle) = if self.is_v2 {
            ("memory.max", "memory.current", "inactive_file ")
        } else {
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file ")
        };
        // `max` is no number.
        let number = |name| read(&folder.join(name)).ok()?.trim().parse::<u64>().ok();
        let limit = number(limit).filter(|limit| *limit < NO_LIMIT)?;
        // Pages of files that nobody uses go before anything is killed.
        let stat = read(&folder.join("memory.stat")).unwrap_or_default();
        let idle = stat.lines().find_map(|line| line.strip_prefix(idle)?.parse().ok()).unwrap_or(0);
        Some(Room { limit, used: number(used)?.saturating_sub(idle) })
    }
}

#[expect(clippy::disallowed_methods, reason = "files of the kernel, which are in memory")]
fn read(path: &Path) -> io::Result<String> {
    std::fs::read_to_string(path)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn put(folder: &Path, name: &str, text: &str) {
        std::fs::create_dir_all(folder).expect("a folder");
        let mut file = std::fs::File::create(folder.join(name)).expect("a file");
        file.write_all(text.as_bytes()).expect("written");
    }

    #[test]
    fn the_narrowest_limit_around_the_process_counts_and_idle_files_do_not() {
        let root = tempfile::tempdir().expect("a folder");
        let slice = root.path().join("system.slice");
        let service = slice.join("slippers.service");
        put(&service, "memory.max", "max\n");
        put(&service, "memory.current", "900\n");
        assert_eq!(tightest("0::/system.slice/slippers.service", root.path()), None);
        put(&slice, "memory.max", "1000\n");
        put(&slice, "memory.current", "950\n");
        put(&slice, "memory.stat", "anon 500\ninactive_file 200\n");
        let found = tightest("0::/system.slice/slippers.service", root.path());
        assert_eq!(found, Some(Room { limit: 1000, used: 750 }));
        put(&service, "memory.max", "910\n");
        let found = tightest("0::/system.slice/slippers.service", root.path());
        assert_eq!(found, Some(Room { limit: 910, used: 900 }));
        assert_eq!(tightest("", root.path()), None);
    }

    #[test]
    fn version_one_is_read_too() {
        let root = tempfile::tempdir().expect("a folder");
        let own = root.path().join("memory/box");
        put(&own, "memory.limit_in_bytes", "1000\n");
        put(&own, "memory.usage_in_bytes", "800\n");
        put(&own, "memory.stat", "inactive_file 1\ntotal_inactive_file 300\n");
        put(&root.path().join("memory"), "memory.limit_in_bytes", "9223372036854771712\n");
        let found = tightest("9:name=systemd:/\n4:memory:/box\n0::/", root.path());
        assert_eq!(found, Some(Room { limit: 1000, used: 500 }));
    }

    #[test]
    fn kept_pages_make_room_step_by_step_and_take_it_back() {
        let room = |used| Room { limit: 100, used };
        assert_eq!(fitting(room(89), 64, 64), 64);
        assert_eq!(fitting(room(90), 64, 64), 32);
        assert_eq!(fitting(room(99), 4, 64), 4, "no less than a sixteenth");
        assert_eq!(fitting(room(85), 4, 64), 4, "neither way between the two");
        assert_eq!(fitting(room(10), 4, 64), 8);
        assert_eq!(fitting(room(10), 48, 64), 64);
        assert_eq!(fitting(room(99), 0, 0), 0, "nothing is kept");
        assert_eq!(fitting(Room { limit: 0, used: 0 }, 64, 64), 64);
    }
}
