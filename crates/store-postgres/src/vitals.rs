//! How a server is, for those who look after it. Each question is one trip, and none of them reads a table of the shop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use slippers_core::StoreError;
use slippers_core::types::Timestamp;

use crate::connection::{connect_as, read_url};
use crate::db::Db;
use crate::error::{Address, OpenError};
use crate::migrations;
use crate::session::Session;
use crate::settings::PostgresSettings;
use crate::store::{connect_directly, wall_clock};

/// How a primary is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vitals {
    /// Connections that it takes from others than superusers.
    pub connections_max: i64,
    /// Connections of clients that are open.
    pub connections: i64,
    /// The longest that anybody waits for a lock now, in seconds.
    pub blocked_seconds: i64,
    /// Who holds those locks, as process numbers.
    pub blockers: String,
    /// The longest that a transaction is open in which nothing happens, in seconds.
    pub idle_in_transaction_seconds: i64,
    /// Indexes that were not finished.
    pub invalid_indexes: String,
    /// Indexes of the migrations that are not there.
    pub missing_indexes: Vec<String>,
    /// Tables of 10,000 rows and more that are mostly read from end to end.
    pub scanned_tables: String,
    /// Tables a fifth of whose rows, and 10,000, are dead.
    pub bloated_tables: String,
    /// Whether commits wait for the disk.
    pub synchronous_commit: String,
    /// Whether what they wait for is on the disk then.
    pub is_durable: bool,
    /// How much of its numbers the fullest sequence has given, in percent.
    pub sequence_percent: i64,
    /// Transactions since the oldest row was frozen.
    pub transaction_age: i64,
    /// How far its clock is ahead of ours, in milliseconds.
    pub clock_ahead_ms: i64,
    /// The most that a replication slot keeps of the log, in bytes.
    pub slot_bytes: i64,
}

/// How a replica is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaVitals {
    /// Where it is, `host:port`.
    pub name: String,
    /// Whether it is one: it may have been promoted.
    pub is_replica: bool,
    /// Whether the primary spares it from cancelling reads.
    pub has_feedback: bool,
    /// Connections that it takes.
    pub connections_max: i64,
}

/// How a PgBouncer is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolerVitals {
    /// Its version, as `(1, 18)`.
    pub version: (i64, i64),
    /// `session`, `transaction` or `statement`.
    pub mode: String,
    /// Whether it knows prepared statements.
    pub prepares: bool,
    /// The longest that it lets a client wait, in seconds; 0 = for ever.
    pub wait_seconds: i64,
    /// Clients that it takes.
    pub clients_max: i64,
    /// Clients that wait for a connection now, and the longest of their waits in seconds.
    pub waiting: (i64, i64),
}

const PRIMARY: &str = "
    SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
        (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
        coalesce((SELECT max(extract(epoch FROM clock_timestamp() - query_start))::bigint
            FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0), 0),
        coalesce((SELECT string_agg(DISTINCT blocker::text, ', ')
            FROM pg_stat_activity, unnest(pg_blocking_pids(pid)) blocker), ''),
        coalesce((SELECT max(extract(epoch FROM clock_timestamp() - state_change))::bigint
            FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'), 0),
        coalesce((SELECT string_agg(i.relname, ', ' ORDER BY i.relname) FROM pg_index x
            JOIN pg_class i ON i.oid = x.indexrelid
            WHERE NOT x.indisvalid AND i.relnamespace = current_schema()::regnamespace), ''),
        coalesce((SELECT string_agg(indexname, ',') FROM pg_indexes WHERE schemaname = current_schema()), ''),
        coalesce((SELECT string_agg(relname, ', ' ORDER BY relname) FROM pg_stat_user_tables
            WHERE n_live_tup >= 10000 AND seq_scan > 100 AND seq_scan > coalesce(idx_scan, 0)), ''),
        coalesce((SELECT string_agg(relname, ', ' ORDER BY relname) FROM pg_stat_user_tables
            WHERE n_dead_tup >= 10000 AND n_dead_tup * 5 > n_live_tup), ''),
        current_setting('synchronous_commit'),
        current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on',
        coalesce((SELECT max(last_value::numeric * 100 / max_value)::bigint
            FROM pg_sequences WHERE schemaname = current_schema()), 0),
        (SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()),
        (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
        coalesce((SELECT max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn))::bigint
            FROM pg_replication_slots), 0)";

const REPLICA: &str = "
    SELECT pg_is_in_recovery(), current_setting('hot_standby_feedback') = 'on',
        current_setting('max_connections')::int";

impl Vitals {
    /// Asks the database that migrations go to.
    ///
    /// # Errors
    /// [`OpenError`] when it can't be asked.
    pub async fn look(settings: &PostgresSettings) -> Result<Self, OpenError> {
        let db = connect_directly(settings).await?;
        let asked = wall_clock();
        let told = db.simple(PRIMARY).await.map_err(|error| OpenError::Database(error.to_string()))?;
        Ok(Self::read(&told, asked, wall_clock()))
    }

    fn read(told: &[String], asked: Timestamp, heard: Timestamp) -> Self {
        let text = |at: usize| told.get(at).cloned().unwrap_or_default();
        let number = |at: usize| text(at).parse::<i64>().unwrap_or_default();
        let there = text(6);
        let there: Vec<&str> = there.split(',').collect();
        let missing = migrations::indexes().into_iter().filter(|name| !there.contains(&name.as_str()));
        let ours = asked.micros() + (heard.micros() - asked.micros()) / 2;
        Self {
            connections_max: number(0),
            connections: number(1),
            blocked_seconds: number(2),
            blockers: text(3),
            idle_in_transaction_seconds: number(4),
            invalid_indexes: text(5),
            missing_indexes: missing.collect(),
            scanned_tables: text(7),
            bloated_tables: text(8),
            synchronous_commit: text(9),
            is_durable: text(10) == "t",
            sequence_percent: number(11),
            transaction_age: number(12),
            clock_ahead_ms: (number(13) - ours) / 1000,
            slot_bytes: number(14),
        }
    }
}

impl ReplicaVitals {
    /// Asks a replica.
    ///
    /// # Errors
    /// [`OpenError`] when it can't be asked.
    pub async fn look(url: &str) -> Result<Self, OpenError> {
        let of = Address::Replica;
        let nowhere = || OpenError::Url { of, why: "it names no host".into() };
        let endpoint = read_url(url, of)?.into_iter().next().ok_or_else(nowhere)?;
        let db = connect_as(&endpoint, Session::Ours, false, Arc::default()).await;
        let told = db
            .map_err(OpenError::from)?
            .simple(REPLICA)
            .await
            .map_err(|error| OpenError::Database(error.to_string()))?;
        let is = |at: usize| told.get(at).is_some_and(|told| told == "t");
        Ok(Self {
            name: endpoint.name,
            is_replica: is(0),
            has_feedback: is(1),
            connections_max: told.get(2).and_then(|text| text.parse().ok()).unwrap_or_default(),
        })
    }
}

impl PoolerVitals {
    /// Asks the pooler that requests go through, on its console; `None` where there is none, or this role may not ask.
    pub async fn look(settings: &PostgresSettings) -> Option<Self> {
        let mut endpoint = read_url(&settings.url, Address::Shop).ok()?.into_iter().next()?;
        endpoint.config.dbname("pgbouncer");
        let db = connect_as(&endpoint, Session::Ours, false, Arc::default()).await.ok()?;
        Self::ask(&db).await.ok()
    }

    async fn ask(db: &Db) -> Result<Self, StoreError> {
        let mut this = Self::default();
        // `PgBouncer 1.18.0`
        let version = db.simple_rows("SHOW VERSION").await?.concat().concat();
        let mut numbers = version.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok());
        this.version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        for row in db.simple_rows("SHOW CONFIG").await? {
            let [name, value, ..] = &row[..] else { continue };
            let number = value.parse::<f64>().map_or(0, whole);
            match name.as_str() {
                "pool_mode" => this.mode.clone_from(value),
                "max_prepared_statements" => this.prepares = number > 0,
                "query_wait_timeout" => this.wait_seconds = number,
                "max_client_conn" => this.clients_max = number,
                _ => {}
            }
        }
        let columns = db.simple_columns("SHOW POOLS").await?;
        let at = |name: &str| columns.iter().position(|column| column == name);
        for row in db.simple_rows("SHOW POOLS").await? {
            let number = |name| at(name).and_then(|at| row.get(at)?.parse::<i64>().ok()).unwrap_or(0);
            this.waiting.0 += number("cl_waiting");
            this.waiting.1 = this.waiting.1.max(number("maxwait"));
        }
        Ok(this)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "seconds and counts of a configuration")]
fn whole(number: f64) -> i64 {
    number as i64
}

/// How many commits a second the server takes from so many connections at once, each tried for `time`. What is committed is a
/// number of a transaction and nothing else; the server writes and syncs its log for it as for an order.
///
/// # Errors
/// [`OpenError`] when the connections can't be made or a commit fails.
pub async fn sweep_commits(
    settings: &PostgresSettings,
    connections: &[u32],
    time: Duration,
) -> Result<Vec<(u32, f64)>, OpenError> {
    let failed = |error: StoreError| OpenError::Database(error.to_string());
    let most = connections.iter().copied().max().unwrap_or(0);
    let mut open = Vec::new();
    for _ in 0..most {
        open.push(connect_directly(settings).await?);
    }
    let mut found = Vec::new();
    for count in connections {
        let taken = usize::try_from(*count).unwrap_or(usize::MAX);
        let start = Instant::now();
        let each = open.iter().take(taken).map(|db| async move {
            let mut commits = 0_u32;
            while start.elapsed() < time {
                db.simple("SELECT txid_current()").await?;
                commits += 1;
            }
            Ok(commits)
        });
        let commits: u32 = try_join_all(each).await.map_err(failed)?.into_iter().sum();
        found.push((*count, f64::from(commits) / start.elapsed().as_secs_f64()));
    }
    Ok(found)
}
