//! The record of admin actions.

use async_trait::async_trait;
use serde_json::Value;
use slippers_core::StoreError;
use slippers_core::audit::{AuditQuery, AuditRecord, AuditStore, By, Entry, Fact, MAX_AUDIT_LISTED};
use slippers_core::types::{Timestamp, UserId};

use crate::db::{Cells, Db};
use crate::params::params;
use crate::pool::Class;
use crate::store::PostgresStore;

#[async_trait]
impl AuditStore for PostgresStore {
    async fn list_audit(&self, query: AuditQuery) -> Result<Vec<AuditRecord>, StoreError> {
        self.read_as(Class::Back, query, |db, query| Box::pin(list(db, *query))).await
    }
}

const RECORD: &str = "
    INSERT INTO audit_records (at, admin_id, action, subject, subject_id, change) VALUES ($1, $2, $3, $4, $5, $6)";

/// Records an action in the transaction that does it.
pub(crate) async fn record(db: &Db, entry: &Entry, now: Timestamp) -> Result<(), StoreError> {
    let admin = match entry.by {
        By::Admin(id) => Some(id.get()),
        By::CommandLine => None,
    };
    let fields: Vec<String> =
        entry.change.iter().map(|(field, fact)| format!("{}:{}", Value::from(*field), json(fact))).collect();
    let change = format!("{{{}}}", fields.join(","));
    db.run(RECORD, params![now.micros(), admin, entry.action, entry.subject, entry.id, change]).await?;
    Ok(())
}

fn json(fact: &Fact) -> Value {
    match fact {
        Fact::Text(text) => text.as_str().into(),
        Fact::Number(number) => (*number).into(),
        Fact::Flag(flag) => (*flag).into(),
        Fact::Gone => Value::Null,
        Fact::Changed => "changed".into(),
    }
}

const LIST: &str = "
    SELECT id, at, admin_id, action, subject, subject_id, change
    FROM audit_records WHERE id < $1 ORDER BY id DESC LIMIT $2";

async fn list(db: &Db, query: AuditQuery) -> Result<Vec<AuditRecord>, StoreError> {
    let values = params![query.before.unwrap_or(i64::MAX), query.max.clamp(1, MAX_AUDIT_LISTED)];
    db.all(LIST, values, read_record).await
}

fn read_record(row: &Cells<'_>) -> Result<AuditRecord, StoreError> {
    Ok(AuditRecord {
        id: row.int(0)?,
        at: row.time(1)?,
        by: row.get::<Option<i64>>(2)?.map_or(By::CommandLine, |id| By::Admin(UserId::new(id))),
        action: row.text(3)?,
        subject: row.text(4)?,
        subject_id: row.get(5)?,
        change: row.text(6)?,
    })
}
