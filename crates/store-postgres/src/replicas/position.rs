//! Positions as PostgreSQL tells them.

use slippers_core::Position;

use crate::db::Db;
use crate::route::row;

/// Asked after a COMMIT: inside the transaction it is too low. The place of the next insertion, not what was written to
/// disk: with `synchronous_commit = off` that is behind what was acknowledged.
const POSITION: &str = "
    SELECT ('x' || substr(pg_walfile_name(at), 1, 8))::bit(32)::bigint::text, (at - '0/0'::pg_lsn)::text
    FROM pg_current_wal_insert_lsn() AS at";

/// Where the primary is, sent when it is first polled.
pub(crate) async fn position(db: &Db) -> Result<Position, String> {
    let [timeline, offset] = row(db, POSITION).await?;
    match (timeline.parse(), offset.parse()) {
        (Ok(timeline), Ok(offset)) => Ok(Position { timeline, offset }),
        _ => Err(format!("a position can't be read: {timeline} {offset}")),
    }
}

/// Whether a replica still is one, and how far it has replayed.
const REPLAYED: &str =
    "SELECT pg_is_in_recovery()::text, coalesce(pg_last_wal_replay_lsn() - '0/0'::pg_lsn, 0)::text";

/// How far a replica has come; `None` = it is none any more.
pub(super) async fn replayed(db: &Db) -> Result<Option<u64>, String> {
    let [is_replica, offset] = row(db, REPLAYED).await?;
    if is_replica != "true" {
        return Ok(None);
    }
    offset.parse().map(Some).map_err(|_| format!("a position can't be read: {offset}"))
}
