//! The limits of a connection's statements, and the one place that decides how the server learns of them.

use std::borrow::Cow;

use tokio_postgres::Config;

use crate::db::Db;
use crate::params::params;

/// In seconds: a statement; a wait for a lock; a transaction in which nothing happens. Compiling a plan (jit) costs more
/// than any of our statements, and so does to start workers for one: 20 ms for a search that finds nothing.
const LIMITS: [(&str, &str); 5] = [
    ("statement_timeout", "15s"),
    ("lock_timeout", "10s"),
    ("idle_in_transaction_session_timeout", "15s"),
    ("jit", "off"),
    ("max_parallel_workers_per_gather", "0"),
];

/// How the limits reach the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Session {
    /// With the start of the connection: they cost nothing after it.
    Ours,
    /// With each transaction. A pooler's connections are everybody's: what is set on one for longer than a transaction,
    /// others are cancelled by. A read outside of a transaction is bounded by what the pooler sets on its connections alone,
    /// such as by `connect_query` in the `pgbouncer.ini` that we ship.
    Shared,
}

impl Session {
    /// The connections' settings at their start.
    pub(crate) fn configure(self, config: &mut Config) {
        if self == Self::Ours {
            let mut options = config.get_options().unwrap_or_default().to_owned();
            for (name, value) in LIMITS {
                options.push_str(&format!(" -c {name}={value}"));
            }
            config.options(options.trim_start());
        }
    }

    /// Whether a connection that was begun with the limits keeps to them: some poolers pass over what they don't know. The
    /// same limit may be a role's, or set by the pooler: ours is the client's.
    pub(crate) async fn is_in_force(db: &Db) -> bool {
        let [(name, _), ..] = LIMITS;
        let source =
            db.one("SELECT source FROM pg_settings WHERE name = $1", params![name], |row| row.text(0)).await;
        source.is_ok_and(|source| source == "client")
    }

    /// What begins a transaction, given the BEGIN and, behind a semicolon, what it sets for itself, which prevails.
    pub(crate) fn begin(self, begin: &'static str) -> Cow<'static, str> {
        match self {
            Self::Ours => Cow::Borrowed(begin),
            Self::Shared => {
                let (begin, own) = begin.split_once(';').unwrap_or((begin, ""));
                let mut sql = begin.to_owned();
                for (name, value) in LIMITS {
                    sql.push_str(&format!("; SET LOCAL {name} = '{value}'"));
                }
                sql.push(';');
                sql.push_str(own);
                Cow::Owned(sql)
            }
        }
    }
}
