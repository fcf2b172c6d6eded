//! `slippers tune`: measures this host and its database for some seconds, and tells which settings follow from that, beside those
//! of the old shop's tuning guide. It changes nothing.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use slippers_server::accounts::passwords::hash_password;

use crate::config::{Config, Database};
use crate::console;
use crate::failure::Failure;
use crate::wire;

/// Pools that are tried.
const POOLS: [u32; 4] = [4, 8, 16, 32];
/// A larger pool must bring more than this to be chosen, in percent: each connection costs the server some MiB.
const WORTH_PERCENT: f64 = 5.0;
/// How long the disk is asked.
const DISK_TIME: Duration = Duration::from_millis(500);
/// What the program takes without any kept page.
const BESIDES: u64 = 512 << 20;
const USUAL_CACHE: u64 = 64 << 20;

/// What was measured.
#[derive(Debug, Default)]
struct Measured {
    cores: usize,
    /// Blocks of 4 KiB that the disk of the data folder took a second, each synced.
    syncs: Option<f64>,
    /// Password hashes a second on one core.
    hashes: f64,
    memory_limit: Option<u64>,
    /// Commits a second by connections; empty on a file.
    commits: Vec<(u32, f64)>,
    /// Connections that the server has left for the shop.
    spare_connections: Option<i64>,
}

/// A setting, and what it follows from.
#[derive(Debug, PartialEq, Eq)]
struct Choice {
    name: &'static str,
    value: String,
    because: String,
}

pub(super) fn run(config: &Config, time: Duration) -> Result<(), Failure> {
    let measured = measure(config, time)?;
    tell(&measured);
    Ok(())
}

fn measure(config: &Config, time: Duration) -> Result<Measured, Failure> {
    let mut measured = Measured {
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        syncs: syncs(&config.data_dir).ok(),
        hashes: hashes(),
        memory_limit: slippers_server::memory_limit(),
        ..Measured::default()
    };
    if let Database::Postgres(server) = &config.database {
        let runtime = wire::runtime(1)?;
        let vitals = runtime.block_on(wire::vitals(server)).0.map_err(|error| unreachable(&error))?;
        let spare = vitals.connections_max - vitals.connections;
        let pools: Vec<u32> = POOLS.into_iter().filter(|pool| i64::from(*pool) < spare).collect();
        measured.spare_connections = Some(spare);
        measured.commits = runtime
            .block_on(wire::sweep_commits(server, &pools, time))
            .map_err(|error| unreachable(&error))?;
    }
    Ok(measured)
}

fn unreachable(error: &str) -> Failure {
    Failure::failed(format!("DATABASE_URL: {error}"), "see `slippers doctor`")
}

/// Writes and syncs a block again and again, in a file without a name that is gone with it.
fn syncs(folder: &Path) -> io::Result<f64> {
    let path = folder.join(format!(".tune-{}", std::process::id()));
    let mut file = File::options().write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < DISK_TIME {
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        count += 1;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}

fn hashes() -> f64 {
    let start = Instant::now();
    // The second is not colder than those of a shop.
    let made = (0..2).filter(|_| hash_password("tune", &*wire::entropy()).is_ok()).count();
    f64::from(u32::try_from(made).unwrap_or(0)) / start.elapsed().as_secs_f64().max(1e-6)
}

/// The fewest connections that no larger pool beats by more than a little.
fn pool(commits: &[(u32, f64)]) -> Option<u32> {
    let best = commits.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
    commits.iter().find(|(_, rate)| *rate * (1.0 + WORTH_PERCENT / 100.0) >= best).map(|(count, _)| *count)
}

fn choose(measured: &Measured) -> Vec<Choice> {
    let mut choices = vec![Choice {
        name: "WORKERS",
        value: "0".to_owned(),
        because: format!("a thread for each of {} cores; nothing here blocks one", measured.cores),
    }];
    if let Some(pool) = pool(&measured.commits) {
        let spare = measured.spare_connections.unwrap_or_default();
        choices.push(Choice {
            name: "DATABASE_POOL_SIZE",
            value: pool.to_string(),
            because: format!(
                "no larger pool commits more than 5 % faster; the server has {spare} left, for all instances"
            ),
        });
        choices.push(Choice {
            name: "DATABASE_MAX_OVERFLOW",
            value: "0".to_owned(),
            because: "more at once would be slower, and who comes then is told at once".to_owned(),
        });
    }
    let cache = measured
        .memory_limit
        .map_or(USUAL_CACHE, |limit| USUAL_CACHE.min(limit.saturating_sub(BESIDES).max(limit / 8)));
    choices.push(Choice {
        name: "CACHE_MAX_BYTES",
        value: cache.to_string(),
        because: match measured.memory_limit {
            Some(limit) => format!("the limit on memory is {} MiB", limit >> 20),
            None => "no limit on memory is set".to_owned(),
        },
    });
    choices
}

/// The guide's rows: their name, pool, overflow and workers.
const GUIDE: [(&str, u32, u32, u32); 3] =
    [("low", 20, 30, 4), ("moderate", 50, 100, 8), ("high", 100, 200, 16)];

fn tell(measured: &Measured) {
    let say = |text: &str| console::say(text);
    say("measured");
    say(&format!("  cores               {}", measured.cores));
    match measured.syncs {
        Some(syncs) => say(&format!(
            "  disk                {syncs:.0} synced blocks of 4 KiB a second in the data folder"
        )),
        None => say("  disk                the data folder can't be written to"),
    }
    say(&format!("  password hashes     {:.0} a second on one core", measured.hashes));
    for (count, rate) in &measured.commits {
        say(&format!("  commits             {rate:.0} a second by {count} connections"));
    }
    say("\nsettings that follow");
    for Choice { name, value, because } in choose(measured) {
        say(&format!("  {:<32} {because}", format!("{name}={value}")));
    }
    say("\nthe guide, without measuring");
    for (name, pool, overflow, workers) in GUIDE {
        let all = (pool + overflow) * workers;
        say(&format!(
            "  {name:<10} {pool} + {overflow} in each of {workers} workers: up to {all} connections"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_connections_that_are_as_good_as_more_are_chosen() {
        assert_eq!(pool(&[(4, 900.0), (8, 1000.0), (16, 1700.0), (32, 1740.0)]), Some(16));
        assert_eq!(pool(&[(4, 900.0), (8, 1000.0), (16, 1700.0), (32, 2000.0)]), Some(32));
        assert_eq!(pool(&[(4, 1000.0), (8, 990.0)]), Some(4));
        assert_eq!(pool(&[]), None);
    }

    #[test]
    fn a_small_host_gets_a_small_cache_and_a_file_no_pool() {
        let measured = Measured { cores: 2, memory_limit: Some(544 << 20), ..Measured::default() };
        let choices = choose(&measured);
        let value = |name: &str| {
            choices.iter().find(|choice| choice.name == name).map(|choice| choice.value.as_str())
        };
        // An eighth of the limit is more than what is left beside the rest.
        assert_eq!(value("CACHE_MAX_BYTES"), Some(USUAL_CACHE.to_string().as_str()));
        assert_eq!(value("DATABASE_POOL_SIZE"), None);
        let tiny = Measured { memory_limit: Some(256 << 20), ..Measured::default() };
        assert!(choose(&tiny).iter().any(|choice| choice.value == (32 << 20).to_string()), "{tiny:?}");
    }
}
