//! What a simulator remembers over restarts, where somebody keeps it.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

/// Keeps what a simulator knows: where there is one, a simulator that is started again goes on where it stood, also when it
/// was killed.
pub trait Memory: fmt::Debug + Send + Sync {
    /// What was kept last; `None` = nothing.
    fn recall(&self) -> Option<Value>;

    /// Keeps what a simulator knows now, before anybody is answered.
    fn keep(&self, known: &Value);
}

/// Rows that can be kept.
pub(super) trait Kept {
    /// All of it.
    fn kept(&self) -> Value;

    /// Takes what was kept; what can't be read is forgotten.
    fn recall(&mut self, kept: &Value);
}

/// A simulator's memory, and what it holds.
pub(super) struct Notebook {
    memory: Option<Arc<dyn Memory>>,
    held: Value,
}

impl Notebook {
    /// Opens it, and gives the rows what it holds.
    pub(super) fn open(memory: Option<Arc<dyn Memory>>, rows: &mut impl Kept) -> Self {
        let held = memory.as_ref().and_then(|memory| memory.recall()).unwrap_or_default();
        rows.recall(&held["rows"]);
        Self { memory, held }
    }

    /// The port that the simulator had, so that its links lead to it still.
    pub(super) fn port(&self) -> u16 {
        self.held["port"].as_u64().and_then(|port| port.try_into().ok()).unwrap_or(0)
    }

    /// Keeps what is new.
    pub(super) fn keep(&mut self, port: u16, rows: &impl Kept) {
        let Some(memory) = &self.memory else { return };
        let known = json!({"port": port, "rows": rows.kept()});
        if known != self.held {
            memory.keep(&known);
            self.held = known;
        }
    }
}
