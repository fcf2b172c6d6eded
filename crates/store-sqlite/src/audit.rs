//! The record of admin actions.

use async_trait::async_trait;
use serde_json::Value;
use slippers_core::StoreError;
use slippers_core::audit::{AuditQuery, AuditRecord, AuditStore, By, Entry, Fact, MAX_AUDIT_LISTED};
use slippers_core::types::{Timestamp, UserId};

use crate::db::{Cells, Db};
use crate::store::SqliteStore;

#[async_trait]
impl AuditStore for SqliteStore {
    async fn list_audit(&self, query: AuditQuery) -> Result<Vec<AuditRecord>, StoreError> {
        self.readers.read(|db| list(db, query))
    }
}

const RECORD: &str = "
    INSERT INTO audit_records (at, admin_id, action, subject, subject_id, change) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// Records an action in the transaction that does it.
pub(crate) fn record(db: &Db<'_>, entry: &Entry, now: Timestamp) -> Result<(), StoreError> {
    let admin = match entry.by {
        By::Admin(id) => Some(id.get()),
        By::CommandLine => None,
    };
    let fields: Vec<String> =
        entry.change.iter().map(|(field, fact)| format!("{}:{}", Value::from(*field), json(fact))).collect();
    let change = format!("{{{}}}", fields.join(","));
    db.run(RECORD, (now.micros(), admin, entry.action, entry.subject, entry.id, change))?;
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
    FROM audit_records WHERE id < ?1 ORDER BY id DESC LIMIT ?2";

fn list(db: &Db<'_>, query: AuditQuery) -> Result<Vec<AuditRecord>, StoreError> {
    db.all(LIST, (query.before.unwrap_or(i64::MAX), query.max.clamp(1, MAX_AUDIT_LISTED)), read_record)
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
