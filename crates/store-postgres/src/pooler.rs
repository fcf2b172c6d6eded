//! Whether a pooler stands on the way to the server, asked of the way itself.

use std::sync::Arc;
use std::time::Duration;

use crate::connection::{Endpoint, connect_as};
use crate::db::Db;
use crate::error::OpenError;
use crate::params::params;
use crate::route::{Route, row};
use crate::session::Session;

/// What was found on the way to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// PostgreSQL's version, as it calls itself.
    pub server: String,
    /// What gives each transaction another of the server's connections; `None` = nothing does.
    pub pooler: Option<Pooler>,
}

/// A pooler in transaction mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pooler {
    /// What it is and its version, where it tells this user.
    pub name: Option<String>,
    /// Whether a statement that was prepared is there in the next transaction.
    pub keeps_prepared: bool,
}

/// How long a second connection may wait while the first holds a transaction: a pooler with one connection lets it.
const PATIENCE: Duration = Duration::from_secs(1);
/// Transactions until another connection is met: a pooler hands out the one that was used last, or takes them in turns.
const TRIES: usize = 4;

/// Looks at a way with two connections, which are closed after it.
pub(crate) async fn look(route: &Route) -> Result<Way, OpenError> {
    let connect = async |prepared| route.connect(Session::Shared, prepared, &Arc::default()).await;
    let (one, other) = (connect(false).await?, connect(true).await?);
    let [server] = row(&one, "SHOW server_version").await.map_err(OpenError::Database)?;
    let is_pooled = gives_others(&one, &other).await.map_err(OpenError::Database)?;
    let pooler = if is_pooled {
        let keeps_prepared = keeps_prepared(&one, &other).await;
        Some(Pooler { name: name(route.current()).await, keeps_prepared })
    } else {
        None
    };
    Ok(Way { server, pooler })
}

const PID: &str = "SELECT pg_backend_pid()::text";

/// Whether a connection leads to another process of the server after a transaction than before.
async fn gives_others(one: &Db, other: &Db) -> Result<bool, String> {
    let [held] = row::<1>(one, &format!("BEGIN; {PID}")).await?;
    let before = tokio::time::timeout(PATIENCE, row::<1>(other, PID)).await;
    row::<1>(one, &format!("COMMIT; {PID}")).await?;
    // A server gives each connection a process of its own, and none need wait for another.
    let Ok(before) = before else { return Ok(true) };
    // Where connections are taken in turns the first has another now; where the last one is, the second.
    let ([first], [after]) = (row::<1>(one, PID).await?, row::<1>(other, PID).await?);
    Ok([after] != before? || first != held)
}

/// Whether a prepared statement is found again on another of the server's connections.
async fn keeps_prepared(one: &Db, other: &Db) -> bool {
    let asked = async || -> Option<i64> {
        let rows =
            tokio::time::timeout(PATIENCE, other.ask("SELECT pg_backend_pid()::bigint", params![].as_ref()));
        rows.await.ok()?.ok()?.first()?.try_get(0).ok()
    };
    let Some(first) = asked().await else { return false };
    for _ in 0..TRIES {
        // The process that prepared it is taken by the other one, if it is the next.
        let is_held = one.control("BEGIN").await.is_ok();
        let again = asked().await;
        let is_free = one.control("COMMIT").await.is_ok();
        match again {
            Some(again) if again == first && is_held && is_free => {}
            found => return found.is_some(),
        }
    }
    false
}

/// What PgBouncer calls itself in the database of its own figures, where this user may see them.
async fn name(mut endpoint: Endpoint) -> Option<String> {
    endpoint.config.dbname("pgbouncer");
    let asked = async {
        let db = connect_as(&endpoint, Session::Shared, false, Arc::default()).await.ok()?;
        db.simple("SHOW VERSION").await.ok()?.into_iter().next()
    };
    tokio::time::timeout(PATIENCE, asked).await.ok()?
}
