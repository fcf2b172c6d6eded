//! The servers that the shop leans on: PostgreSQL, its replicas, PgBouncer, Redis.

use slippers_server::RedisVitals;

use super::{Check, Finding, State};
use crate::config::database::Postgres;
use crate::config::{Config, Database};
use crate::wire::{self, PoolerVitals, ReplicaVitals, Vitals};

const CONNECTIONS: Check = Check {
    id: "postgres.connections",
    threshold: "at most four fifths of max_connections in use",
    why: "who comes when none is left is turned away, an administrator too",
};
const BLOCKED: Check = Check {
    id: "postgres.locks",
    threshold: "nobody waits for a lock for more than 5 s, no transaction is idle for a minute",
    why: "what waits behind a lock fails in the end, and an open transaction keeps dead rows alive",
};
const INDEXES: Check = Check {
    id: "postgres.indexes",
    threshold: "every index of the migrations is there and finished",
    why: "without it a page reads its whole table",
};
const SCANS: Check = Check {
    id: "postgres.scans",
    threshold: "no table of 10,000 rows is mostly read from end to end",
    why: "each such read costs more with every row",
};
const DEAD: Check = Check {
    id: "postgres.dead_rows",
    threshold: "fewer than a fifth of a table's rows, or than 10,000, are dead",
    why: "they are read past, and take room",
};
const DURABLE: Check = Check {
    id: "postgres.durability",
    threshold: "fsync, full_page_writes and synchronous_commit are on",
    why: "else orders that were answered can be lost with the power",
};
const NUMBERS: Check = Check {
    id: "postgres.numbers",
    threshold: "less than 70 % of each sequence and 200 million transactions since the oldest freeze",
    why: "when they run out nothing can be written",
};
const CLOCK: Check = Check {
    id: "postgres.clock",
    threshold: "within a second of this host's",
    why: "people and gateways compare times of both",
};
const SLOTS: Check = Check {
    id: "postgres.slots",
    threshold: "no replication slot keeps more than 5 GiB of the log",
    why: "a forgotten slot fills the disk, and then nothing can be written",
};
const OF_PRIMARY: [&Check; 9] =
    [&CONNECTIONS, &BLOCKED, &INDEXES, &SCANS, &DEAD, &DURABLE, &NUMBERS, &CLOCK, &SLOTS];
const REPLICAS: Check = Check {
    id: "postgres.replicas",
    threshold: "each answers, is a replica and has hot_standby_feedback",
    why: "one that is gone costs nothing but the primary's time, until the primary is gone too",
};
const POOLER: Check = Check {
    id: "pgbouncer.settings",
    threshold: "statements as it knows them, and query_wait_timeout above DATABASE_POOL_TIMEOUT",
    why: "statements prepared by name collide where connections are shared, and who waits longer there than here is cut off",
};
const POOLER_QUEUE: Check = Check {
    id: "pgbouncer.queue",
    threshold: "nobody waits there for a second",
    why: "waiting belongs to the shop, which can tell people to come again",
};
const REDIS: Check = Check {
    id: "redis.answers",
    threshold: "it answers",
    why: "without it each instance counts limits and keeps pages alone",
};
const REDIS_MEMORY: Check = Check {
    id: "redis.memory",
    threshold: "maxmemory is set, and maxmemory-policy is an LRU or LFU one",
    why: "pages come and go: without a bound it grows, without eviction it refuses new ones",
};

pub(super) fn look(config: &Config) -> Vec<Finding> {
    let runtime = match wire::runtime(1) {
        Ok(runtime) => runtime,
        Err(failure) => return vec![CONNECTIONS.skipped(failure.to_string())],
    };
    let mut findings = match &config.database {
        Database::Sqlite(_) => on_a_file(),
        Database::Postgres(server) => {
            let (primary, replicas, pooler) = runtime.block_on(wire::vitals(server));
            on_a_server(server, primary, &replicas, pooler.as_ref())
        }
    };
    findings.extend(match config.redis() {
        None => [&REDIS, &REDIS_MEMORY].map(|check| check.skipped("there is none (REDIS_URL)")),
        Some(address) => redis(runtime.block_on(RedisVitals::look(address))),
    });
    findings
}

fn on_a_file() -> Vec<Finding> {
    let checks = OF_PRIMARY.into_iter().chain([&REPLICAS, &POOLER, &POOLER_QUEUE]);
    checks.map(|check| check.skipped("the rows are in a file")).collect()
}

fn on_a_server(
    server: &Postgres,
    primary: Result<Vitals, String>,
    replicas: &[Result<ReplicaVitals, String>],
    pooler: Option<&PoolerVitals>,
) -> Vec<Finding> {
    let mut findings = match &primary {
        Ok(vitals) => of_primary(vitals),
        Err(error) => {
            let fix =
                format!("see that the server of DATABASE_URL ({}) runs and lets this user in", server.url);
            let mut all: Vec<Finding> = OF_PRIMARY.map(|check| check.skipped("it can't be asked")).into();
            if let Some(first) = all.first_mut() {
                *first = CONNECTIONS.found(State::Fail, error, fix);
            }
            all
        }
    };
    findings.push(of_replicas(replicas, primary.as_ref().ok()));
    match pooler {
        Some(pooler) => findings
            .extend([of_pooler(pooler, server.prepared, server.pool_timeout.as_secs()), of_queue(pooler)]),
        None => {
            let why = "there is none, or this role may not ask it (stats_users)";
            findings.extend([&POOLER, &POOLER_QUEUE].map(|check| check.skipped(why)));
        }
    }
    findings
}

fn of_primary(vitals: &Vitals) -> Vec<Finding> {
    let Vitals { connections, connections_max, clock_ahead_ms, .. } = vitals;
    let used = format!("{connections} of {connections_max} are open");
    let fix = "SELECT application_name, state, count(*) FROM pg_stat_activity GROUP BY 1, 2 tells whose they are; fewer \
               instances, a smaller DATABASE_POOL_SIZE, or PgBouncer";
    let skew = format!("it is {clock_ahead_ms} ms ahead of this host's");
    vec![
        CONNECTIONS.unless(connections * 5 > connections_max * 4, State::Warn, used, fix),
        locks(vitals),
        indexes(vitals),
        SCANS.unless_some(
            &vitals.scanned_tables,
            "EXPLAIN what reads them (pg_stat_statements names it), then index it",
        ),
        DEAD.unless_some(&vitals.bloated_tables, "VACUUM ANALYZE them, and see that autovacuum runs"),
        durability(vitals),
        numbers(vitals),
        CLOCK.unless(clock_ahead_ms.abs() > 1000, State::Warn, skew, "see chronyc tracking on both hosts"),
        SLOTS.unless(
            vitals.slot_bytes > 5 << 30,
            State::Warn,
            format!("{} MiB are kept", vitals.slot_bytes >> 20),
            "SELECT * FROM pg_replication_slots; pg_drop_replication_slot() for one that nobody uses",
        ),
    ]
}

fn locks(vitals: &Vitals) -> Finding {
    let Vitals { blocked_seconds, blockers, idle_in_transaction_seconds, .. } = vitals;
    let (measured, fix) = if *blocked_seconds > 5 {
        let measured = format!("somebody has waited for {blocked_seconds} s behind {blockers}");
        (
            measured,
            format!(
                "SELECT pid, query FROM pg_stat_activity WHERE pid IN ({blockers}); pg_terminate_backend() ends one"
            ),
        )
    } else if *idle_in_transaction_seconds > 60 {
        let measured = format!("a transaction is idle for {idle_in_transaction_seconds} s");
        (
            measured,
            "SELECT pid, application_name FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
                .to_owned(),
        )
    } else {
        return BLOCKED.ok("nobody waits for long");
    };
    BLOCKED.found(State::Warn, measured, fix)
}

fn indexes(vitals: &Vitals) -> Finding {
    if !vitals.missing_indexes.is_empty() {
        let fix = "make them as the migrations do (crates/store-postgres/migrations), CONCURRENTLY";
        return INDEXES.found(State::Fail, format!("missing: {}", vitals.missing_indexes.join(", ")), fix);
    }
    if !vitals.invalid_indexes.is_empty() {
        let fix = format!("REINDEX INDEX CONCURRENTLY {}", vitals.invalid_indexes);
        return INDEXES.found(State::Warn, format!("not finished: {}", vitals.invalid_indexes), fix);
    }
    INDEXES.ok("all are there")
}

fn durability(vitals: &Vitals) -> Finding {
    let Vitals { synchronous_commit, is_durable, .. } = vitals;
    if !is_durable {
        let fix = "fsync = on and full_page_writes = on in postgresql.conf";
        return DURABLE.found(State::Fail, "fsync or full_page_writes is off", fix);
    }
    let is_lax = matches!(synchronous_commit.as_str(), "off" | "local");
    let fix = "ALTER DATABASE ... RESET synchronous_commit, or on in postgresql.conf";
    DURABLE.unless(is_lax, State::Warn, format!("synchronous_commit is {synchronous_commit}"), fix)
}

fn numbers(vitals: &Vitals) -> Finding {
    let Vitals { sequence_percent, transaction_age, .. } = vitals;
    let measured = format!("{sequence_percent} % of a sequence, {transaction_age} transactions");
    let state =
        if *transaction_age > 1_000_000_000 || *sequence_percent > 90 { State::Fail } else { State::Warn };
    let fix = "VACUUM (FREEZE) for old transactions; ALTER SEQUENCE ... AS bigint for a full one";
    NUMBERS.unless(*sequence_percent >= 70 || *transaction_age > 200_000_000, state, measured, fix)
}

fn of_replicas(replicas: &[Result<ReplicaVitals, String>], primary: Option<&Vitals>) -> Finding {
    if replicas.is_empty() {
        return REPLICAS.skipped("there are none (DATABASE_REPLICA_URLS)");
    }
    for replica in replicas {
        let (measured, fix) = match replica {
            Err(error) => (error.clone(), "start it, or take it out of DATABASE_REPLICA_URLS"),
            Ok(ReplicaVitals { name, is_replica: false, .. }) => {
                (format!("{name} is no replica"), "where it was promoted, make DATABASE_URL lead to it")
            }
            Ok(ReplicaVitals { name, has_feedback: false, .. }) => (
                format!("{name} has no hot_standby_feedback"),
                "hot_standby_feedback = on in its postgresql.conf",
            ),
            Ok(replica)
                if primary.is_some_and(|primary| replica.connections_max < primary.connections_max) =>
            {
                (
                    format!("{} takes {} connections", replica.name, replica.connections_max),
                    "max_connections as on the primary",
                )
            }
            Ok(_) => continue,
        };
        return REPLICAS.found(State::Warn, measured, fix);
    }
    REPLICAS.ok(format!("all {} are well", replicas.len()))
}

fn of_pooler(pooler: &PoolerVitals, prepared: bool, pool_timeout: u64) -> Finding {
    let (major, minor) = pooler.version;
    if prepared && pooler.mode != "session" && !pooler.prepares {
        return POOLER.found(
            State::Fail,
            format!("version {major}.{minor} in {} mode does not know prepared statements", pooler.mode),
            "DATABASE_PREPARED_STATEMENTS=false, or max_prepared_statements = 200 from version 1.21 on",
        );
    }
    let wait = pooler.wait_seconds;
    let is_short = wait > 0 && u64::try_from(wait).is_ok_and(|wait| wait <= pool_timeout);
    let fix = format!("query_wait_timeout above {pool_timeout}");
    POOLER.unless(is_short, State::Warn, format!("version {major}.{minor}, query_wait_timeout {wait} s"), fix)
}

fn of_queue(pooler: &PoolerVitals) -> Finding {
    let (clients, seconds) = pooler.waiting;
    let fix = "default_pool_size as large as DATABASE_POOL_SIZE of all instances together, or those smaller";
    POOLER_QUEUE.unless(
        clients > 0 && seconds >= 1,
        State::Warn,
        format!("{clients} wait, for {seconds} s"),
        fix,
    )
}

fn redis(vitals: Result<RedisVitals, String>) -> [Finding; 2] {
    let RedisVitals { version, max_memory, policy } = match vitals {
        Ok(vitals) => vitals,
        Err(error) => {
            let fix = "see that the server of REDIS_URL runs, takes its password and, for rediss://, shows a certificate that the \
                       system or SSL_CERT_FILE vouches for";
            return [REDIS.found(State::Warn, error, fix), REDIS_MEMORY.skipped("it can't be asked")];
        }
    };
    let is_unbounded = max_memory == 0 || policy == "noeviction";
    let fix = "CONFIG SET maxmemory 256mb; CONFIG SET maxmemory-policy allkeys-lru; the same in redis.conf";
    [
        REDIS.ok(format!("version {version}")),
        REDIS_MEMORY.unless(
            is_unbounded,
            State::Warn,
            format!("maxmemory is {max_memory}, the policy {policy}"),
            fix,
        ),
    ]
}

impl Check {
    /// A finding of this state where something is wrong.
    fn unless(&self, is_wrong: bool, state: State, measured: String, fix: impl Into<String>) -> Finding {
        if is_wrong { self.found(state, measured, fix) } else { self.ok(measured) }
    }

    /// A warning where there are any.
    fn unless_some(&self, names: &str, fix: &str) -> Finding {
        if names.is_empty() { self.ok("there is none") } else { self.found(State::Warn, names, fix) }
    }
}

#[cfg(test)]
#[path = "servers_tests.rs"]
mod tests;
