//! Those who are told what was changed.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use rusqlite::Connection;
use slippers_core::accounts::Generations;
use slippers_core::{Change, ChangeListener, StoreError};

use crate::error::interpret_error;

/// Everybody who listens.
#[derive(Default)]
pub(crate) struct Listeners {
    everybody: Mutex<Vec<Weak<dyn ChangeListener>>>,
    /// What moves with the changes of users.
    generations: Generations,
}

impl Listeners {
    pub(crate) fn add(&self, listener: Weak<dyn ChangeListener>) {
        self.everybody.lock().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    pub(crate) fn generations(&self) -> &Generations {
        &self.generations
    }

    /// Tells all of them; those that are gone are forgotten.
    pub(crate) fn tell(&self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        for change in changes {
            if let Change::User(user) = change {
                self.generations.advance(*user);
            }
        }
        let mut present: Vec<Arc<dyn ChangeListener>> = Vec::new();
        // They are called outside of the lock: one may listen in turn.
        self.everybody.lock().unwrap_or_else(PoisonError::into_inner).retain(|listener| {
            let here = listener.upgrade();
            let stays = here.is_some();
            present.extend(here);
            stays
        });
        present.iter().for_each(|listener| listener.changed(changes));
    }
}

/// Sees what other processes commit to the same file.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere {
    seen: Option<i64>,
}

impl Elsewhere {
    /// Whether another process has committed something since the last look through this connection. The first look says
    /// no. It costs a read of the log's header, and does not see what this connection commits itself.
    pub(crate) fn has_changed(&mut self, conn: &Connection) -> Result<bool, StoreError> {
        let mut statement = conn.prepare_cached("PRAGMA data_version").map_err(interpret_error)?;
        let now = statement.query_row([], |row| row.get::<_, i64>(0)).map_err(interpret_error)?;
        let before = self.seen.replace(now);
        Ok(before.is_some_and(|before| before != now))
    }
}
