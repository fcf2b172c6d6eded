//! The settings, the files and this host.

use std::net::SocketAddr;
use std::path::Path;

use super::{Check, Finding, State};
use crate::commands::healthcheck;
use crate::config::secret::FILE_NAME;
use crate::config::{Config, Database};
use crate::files;
use crate::wire;

/// Whose word counts for a client's address.
pub(super) fn proxies(config: &Config) -> Finding {
    let check = Check {
        id: "config.trusted_proxies",
        threshold: "only the proxies in front",
        why: "whom the shop trusts can claim any address, and so be under no limit",
    };
    let world = ["203.0.113.1", "2001:db8::1"].map(|address| address.parse().ok());
    let trusts_all = world.into_iter().flatten().any(|address| config.trusts(address));
    if trusts_all {
        let fix =
            "write the proxies' own addresses into TRUSTED_PROXIES (for one on this machine: 127.0.0.1)";
        return check.found(State::Fail, "TRUSTED_PROXIES holds the whole world", fix);
    }
    check.ok("no more than networks of ours are trusted")
}

/// Who can read the key that signs tokens.
pub(super) fn key(config: &Config) -> Finding {
    let check = Check {
        id: "config.secret_key",
        threshold: "readable for its owner alone",
        why: "who has the key can be anybody in this shop",
    };
    let file = config.data_dir.join(FILE_NAME);
    match files::rights_of_others(&file) {
        Ok(0) => check.ok(format!("{} is private", file.display())),
        Ok(rights) => {
            let measured = format!("{} has the rights {rights:03o} for others", file.display());
            check.found(State::Fail, measured, format!("chmod 600 {}", file.display()))
        }
        Err(_) => check.found(State::Skipped, format!("{} is not there", file.display()), ""),
    }
}

/// Whether the schema is this program's.
pub(super) fn schema(config: &Config) -> Finding {
    let check = Check {
        id: "database.schema",
        threshold: "every migration of this program, and none of a newer one",
        why: "a program and a schema that don't know each other damage rows",
    };
    if !wire::database_exists(config) {
        return check.found(State::Fail, "there is no database", "slippers migrate up");
    }
    let status = wire::runtime(1).and_then(|runtime| {
        let _inside = runtime.enter();
        wire::migration_status(config, &runtime)
    });
    match status {
        Ok((rows, 0)) => check.ok(format!("{} migrations, none is missing", rows.len())),
        Ok((_, pending)) => {
            check.found(State::Warn, format!("{pending} migrations are pending"), "slippers migrate up")
        }
        Err(failure) => {
            let text = failure.to_string();
            let (what, fix) = text.split_once("\n  Fix: ").unwrap_or((&text, "see what it says"));
            check.found(State::Fail, what, fix)
        }
    }
}

/// Whether the file is whole.
pub(super) fn pages(config: &Config) -> Finding {
    let check = Check {
        id: "sqlite.integrity",
        threshold: "every page can be read, every reference leads somewhere",
        why: "damage grows with each write, and backups of it are worth nothing",
    };
    let Database::Sqlite(file) = &config.database else {
        return check.found(State::Skipped, "the rows are on PostgreSQL", "");
    };
    if !file.exists() {
        return check.found(State::Skipped, "there is no file", "");
    }
    match wire::look_at_database(file) {
        Ok(()) => check.ok(format!("{} is whole", file.display())),
        Err(failure) => {
            let what = failure.to_string().lines().next().unwrap_or_default().to_owned();
            let fix = "stop the shop, move its folder away, and `slippers restore` the last backup";
            check.found(State::Fail, what, fix)
        }
    }
}

/// How old the last backup is.
pub(super) fn backup(config: &Config) -> Finding {
    const DAYS: u64 = 7;
    let check = Check {
        id: "backup.age",
        threshold: "one of the last seven days",
        why: "disks die, and people delete the wrong thing",
    };
    let Database::Sqlite(_) = config.database else {
        return check.found(
            State::Skipped,
            "the rows are on PostgreSQL, whose backups are not ours to see",
            "",
        );
    };
    let fix = "slippers backup FOLDER, from a timer";
    let made = crate::commands::backup::marker(config).metadata().and_then(|meta| meta.modified());
    match made.map(|time| time.elapsed()) {
        Err(_) => check.found(State::Warn, "none was ever made of this folder", fix),
        Ok(Ok(age)) if age.as_secs() / 86_400 >= DAYS => {
            check.found(State::Warn, format!("the last one is {} days old", age.as_secs() / 86_400), fix)
        }
        Ok(_) => check.ok("the last one is younger"),
    }
}

/// Connections, pictures and the database need descriptors.
pub(super) fn descriptors() -> Finding {
    const WANTED: u64 = 10_000 + 512;
    let check = Check {
        id: "host.descriptors",
        threshold: "10512 or more: 10,000 connections, the database, pictures",
        why: "without one left nobody is let in",
    };
    let limits = files::read_text(Path::new("/proc/self/limits")).unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    match line.and_then(|line| line.split_whitespace().next()).map(str::parse::<u64>) {
        Some(Ok(limit)) if limit < WANTED => {
            let fix = "LimitNOFILE=65536 in the unit (slippers deploy systemd), or ulimit -n 65536 before the start";
            check.found(State::Warn, format!("{limit} may be open"), fix)
        }
        Some(Ok(limit)) => check.ok(format!("{limit} may be open")),
        // `unlimited`
        Some(Err(_)) => check.ok("any number may be open"),
        None => check.found(State::Skipped, "/proc does not tell", ""),
    }
}

/// The kernel caps the listener's queue.
pub(super) fn backlog(config: &Config) -> Finding {
    let check = Check {
        id: "host.backlog",
        threshold: "net.core.somaxconn of BACKLOG or more",
        why: "what does not fit into the queue is refused in a rush, or comes again after a second",
    };
    let most = files::read_text(Path::new("/proc/sys/net/core/somaxconn"));
    match most.ok().and_then(|text| text.trim().parse::<i64>().ok()) {
        Some(most) if most < i64::from(config.backlog) => {
            let fix = format!("sysctl -w net.core.somaxconn={} (slippers deploy sysctl)", config.backlog);
            check.found(State::Warn, format!("somaxconn is {most}, BACKLOG {}", config.backlog), fix)
        }
        Some(most) => check.ok(format!("somaxconn is {most}, BACKLOG {}", config.backlog)),
        None => check.found(State::Skipped, "/proc/sys does not tell", ""),
    }
}

/// Whether somebody can buy.
pub(super) fn shop(config: &Config) -> Finding {
    let check = Check {
        id: "shop.answers",
        threshold: "200 at /health/live within 2 s",
        why: "nobody can buy in a shop that does not answer",
    };
    let address: SocketAddr = healthcheck::reachable(config.listen);
    if address.port() == 0 {
        return check.found(State::Skipped, "it may be on any port", "");
    }
    match healthcheck::ask(address, healthcheck::PATIENCE, config.tls.is_some()) {
        Ok(200) => check.ok(format!("{address} lives")),
        Ok(status) => check.found(
            State::Fail,
            format!("{address} answers {status}"),
            "see whether another program listens there: ss -ltnp",
        ),
        Err(error) => check.found(
            State::Fail,
            format!("{address}: {error}"),
            "slippers serve, or systemctl start slippers; its log tells why it ended",
        ),
    }
}
