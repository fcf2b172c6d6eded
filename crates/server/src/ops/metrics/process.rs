//! What the system knows of this process, from `/proc/self`: under the names that every exporter uses.

use std::fs;

use super::table;
use super::text::Page;

/// Ticks a second in which Linux tells a process's time: `USER_HZ`, 100 on every architecture that we build for.
const TICKS: f64 = 100.0;

/// Writes what can be read; elsewhere than on Linux that is nothing. Some of it is read from files that never block.
pub(super) fn write(page: &mut Page) {
    if let Some(seconds) = text("stat").as_deref().and_then(cpu_seconds) {
        page.put(&table::CPU, seconds);
    }
    let status = text("status").unwrap_or_default();
    if let Some(kib) = number(&status, "VmRSS:") {
        page.put(&table::RSS, kib * 1024);
    }
    if let Ok(entries) = fs::read_dir("/proc/self/fd") {
        // Less the one that this look has opened.
        page.put(&table::OPEN_FDS, entries.count().saturating_sub(1));
    }
    if let Some(most) = text("limits").as_deref().and_then(|text| number(text, "Max open files")) {
        page.put(&table::MAX_FDS, most);
    }
    if let Some(threads) = number(&status, "Threads:") {
        page.put(&table::THREADS, threads);
    }
}

#[expect(clippy::disallowed_methods, reason = "/proc is memory: it does not block")]
fn text(file: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/self/{file}")).ok()
}

/// The first number of the line that begins so.
fn number(text: &str, start: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(start))?;
    line.split_whitespace().next()?.parse().ok()
}

/// User and system time (fields 14 and 15 of proc(5)'s `stat`), which come after a name that may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_process_with_an_odd_name_is_found() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 3 0 100 1 2";
        assert_eq!(cpu_seconds(stat).map(|seconds| format!("{seconds}")), Some("2".to_owned()));
        assert!(cpu_seconds("").is_none());
    }

    #[test]
    fn this_process_can_be_told() {
        let mut page = Page::default();
        write(&mut page);
        let text = page.finish();
        for name in ["process_cpu_seconds_total ", "process_resident_memory_bytes ", "process_open_fds "] {
            assert!(text.lines().any(|line| line.starts_with(name)), "{name} of {text}");
        }
    }
}
