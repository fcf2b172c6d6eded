//! How many connections the server has to give, and how many of them the pool takes.

use std::fmt;
use std::num::NonZero;
use std::sync::Arc;

use slippers_core::StoreError;

use crate::db::Db;
use crate::error::OpenError;
use crate::params::params;
use crate::route::Route;
use crate::session::Session;
use crate::settings::PostgresSettings;

/// For each core: a commit waits for the disk, and while it does others can work. Measured on two cores: 8 connections
/// commit half of what 32 do, and 300 less than 32.
const FOR_EACH_CORE: u32 = 4;
const FEWEST: u32 = 8;
const MOST: u32 = 32;

/// What the server allows, in connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Its `max_connections`.
    pub max_connections: u32,
    /// Those that it keeps for superusers and for other reserved roles.
    pub reserved: u32,
    /// Those that streaming replication may take of them: before PostgreSQL 12.
    pub replication: u32,
    /// The least of what the database and the role are limited to; `None` = no limit.
    pub limit: Option<u32>,
}

impl Allowance {
    /// What is left for the shop.
    pub fn usable(&self) -> u32 {
        let left = self.max_connections.saturating_sub(self.reserved).saturating_sub(self.replication);
        left.min(self.limit.unwrap_or(u32::MAX))
    }
}

/// The arithmetic: `97 (max_connections 100 - 3 reserved)`.
impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { max_connections, reserved, replication, limit } = self;
        write!(f, "{} (max_connections {max_connections} - {reserved} reserved", self.usable())?;
        if *replication > 0 {
            write!(f, " - {replication} for replication")?;
        }
        if let Some(limit) = limit {
            write!(f, ", at most {limit} for this database and role")?;
        }
        f.write_str(")")
    }
}

/// What was found out about the way to the server before the pool is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// How connections are given their limits.
    pub(crate) session: Session,
    size: u32,
    max_overflow: u32,
}

impl Budget {
    /// Asks the server, on a connection past any pooler, and tries the way that the pool will take.
    pub(crate) async fn find(
        settings: &PostgresSettings,
        route: &Route,
        direct: &Db,
    ) -> Result<Self, OpenError> {
        let session = try_session(route).await?;
        // A pooler's clients are not the server's: it has a limit of its own.
        let is_direct = session == Session::Ours && settings.direct_url.is_none();
        let allowance = if is_direct { Some(ask(direct).await.map_err(failed)?) } else { None };
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let cores = u32::try_from(cores).unwrap_or(u32::MAX);
        let (size, max_overflow) = divide(settings, cores, allowance.as_ref())?;
        tracing::debug!(size, max_overflow, ?session, "the pool is sized");
        Ok(Self { session, size, max_overflow })
    }

    /// The settings with what was unset in them.
    pub(crate) fn settle(&self, settings: &PostgresSettings) -> PostgresSettings {
        PostgresSettings { pool_size: self.size, max_overflow: self.max_overflow, ..settings.clone() }
    }
}

/// Whether a connection may be begun with our limits and keeps to them. PgBouncer refuses them, or passes over them.
async fn try_session(route: &Route) -> Result<Session, OpenError> {
    match route.configured(Session::Ours).connect(Session::Ours, false, &Arc::default()).await {
        Ok(db) if Session::is_in_force(&db).await => Ok(Session::Ours),
        Ok(_) => Ok(Session::Shared),
        Err(no_way) if no_way.why.contains("startup parameter") => Ok(Session::Shared),
        Err(no_way) => Err(no_way.into()),
    }
}

// Since PostgreSQL 12 (120000) replication has connections of its own; `reserved_connections` came with 16.
const ASK: &str = "
    SELECT current_setting('max_connections')::bigint,
           current_setting('superuser_reserved_connections')::bigint
               + coalesce(current_setting('reserved_connections', true)::bigint, 0),
           CASE WHEN current_setting('server_version_num')::bigint < 120000
                THEN current_setting('max_wal_senders')::bigint ELSE 0 END,
           least((SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()),
                 (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user AND NOT rolsuper))::bigint";

async fn ask(db: &Db) -> Result<Allowance, StoreError> {
    let narrow = |figure: i64| u32::try_from(figure).unwrap_or(0);
    db.one(ASK, params![], |row| {
        Ok(Allowance {
            max_connections: narrow(row.int(0)?),
            reserved: narrow(row.int(1)?),
            replication: narrow(row.int(2)?),
            limit: row.get::<Option<i64>>(3)?.map(narrow),
        })
    })
    .await
}

fn failed(error: StoreError) -> OpenError {
    OpenError::Database(error.to_string())
}

/// Size and overflow. What was asked for by number is given or refused; what was not is made to fit.
fn divide(
    settings: &PostgresSettings,
    cores: u32,
    allowance: Option<&Allowance>,
) -> Result<(u32, u32), OpenError> {
    let usable = allowance.map_or(u32::MAX, Allowance::usable);
    let (size, overflow) = (settings.pool_size, settings.max_overflow);
    // One is left for word of changes from other instances; without it they are found by looking.
    let fitting = if allowance.is_some() { usable.saturating_sub(1).max(1) } else { usable };
    if size == 0 {
        let size = cores.saturating_mul(FOR_EACH_CORE).clamp(FEWEST, MOST).min(fitting).max(1);
        return Ok((size, overflow.min(fitting.saturating_sub(size))));
    }
    if settings.fits_server {
        let size = size.min(fitting).max(1);
        return Ok((size, overflow.min(fitting.saturating_sub(size))));
    }
    match allowance {
        Some(allowance) if size.saturating_add(overflow) > usable => {
            Err(OpenError::TooMany { size, overflow, allowance: *allowance })
        }
        _ => Ok((size, overflow)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Allowance = Allowance { max_connections: 100, reserved: 3, replication: 0, limit: None };

    fn settings(pool_size: u32, max_overflow: u32) -> PostgresSettings {
        PostgresSettings { pool_size, max_overflow, ..PostgresSettings::new("") }
    }

    #[test]
    fn unset_it_grows_with_the_cores_and_fits_the_server() {
        for (cores, max_connections, size) in
            [(1, 100, 8), (2, 100, 8), (4, 100, 16), (64, 100, 32), (64, 20, 16), (4, 4, 1), (4, 3, 1)]
        {
            let server = Allowance { max_connections, ..USUAL };
            assert_eq!(divide(&settings(0, 0), cores, Some(&server)).expect("fits"), (size, 0), "{cores}");
        }
        assert_eq!(divide(&settings(0, 0), 4, None).expect("a pooler's matter"), (16, 0));
        assert_eq!(divide(&settings(0, 500), 2, Some(&USUAL)).expect("fits"), (8, 88));
    }

    #[test]
    fn more_than_the_server_has_is_refused_with_the_arithmetic() {
        assert_eq!(divide(&settings(50, 47), 2, Some(&USUAL)).expect("just fits"), (50, 47));
        let refused = divide(&settings(50, 48), 2, Some(&USUAL)).expect_err("one too many").to_string();
        assert_eq!(
            refused,
            "a pool of 50 + 48 = 98 connections is more than the server gives: 97 (max_connections 100 - 3 reserved)"
        );
        assert_eq!(divide(&settings(600, 0), 2, None).expect("a pooler's matter"), (600, 0));
        let limited = Allowance { limit: Some(20), replication: 10, ..USUAL };
        assert_eq!(
            limited.to_string(),
            "20 (max_connections 100 - 3 reserved - 10 for replication, at most 20 for this database and role)"
        );
        assert!(divide(&settings(21, 0), 2, Some(&limited)).is_err());
    }

    #[test]
    fn a_preset_takes_what_there_is() {
        let preset = PostgresSettings { fits_server: true, ..settings(50, 100) };
        assert_eq!(divide(&preset, 2, Some(&USUAL)).expect("fits"), (50, 46));
        let preset = PostgresSettings { fits_server: true, ..settings(100, 200) };
        assert_eq!(divide(&preset, 2, Some(&USUAL)).expect("fits"), (96, 0));
    }
}
