//! Statements that are prepared once a connection.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error, Statement};

use super::Typed;

/// More than a shop uses at once: a page of the catalogue alone has some hundred forms for each number of rows that is asked for.
/// Each holds some memory of the server.
const KEPT: usize = 500;

/// The statements of one connection. Dropping one closes it on the server.
#[derive(Default)]
pub(super) struct Prepared(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_text: HashMap<String, Statement>,
    /// Oldest first.
    order: VecDeque<String>,
}

impl Prepared {
    /// At once when the statement is there.
    pub(super) async fn get(
        &self,
        client: &Client,
        sql: &str,
        kinds: impl FnOnce() -> Vec<Type>,
    ) -> Result<Statement, Error> {
        if let Some(statement) = self.kept().by_text.get(sql) {
            return Ok(statement.clone());
        }
        let statement = client.prepare_typed(sql, &kinds()).await?;
        self.keep(sql, statement.clone());
        Ok(statement)
    }

    /// Prepares what is missing, in one trip; and again what that has made forgotten, until all are there together: what is sent behind
    /// them may rely on it.
    pub(super) async fn get_all(&self, client: &Client, statements: &[Typed]) -> Result<(), Error> {
        debug_assert!(statements.len() < KEPT, "they are never there together");
        while !self.has_all(statements) {
            let each = statements.iter().map(|(sql, kinds)| self.get(client, sql, || kinds.to_vec()));
            join_all(each).await.into_iter().try_for_each(|prepared| prepared.map(|_| ()))?;
        }
        Ok(())
    }

    pub(super) fn has_all(&self, statements: &[Typed]) -> bool {
        let kept = self.kept();
        statements.iter().all(|(sql, _)| kept.by_text.contains_key(*sql))
    }

    fn keep(&self, sql: &str, statement: Statement) {
        let mut kept = self.kept();
        if kept.by_text.insert(sql.to_owned(), statement).is_none() {
            kept.order.push_back(sql.to_owned());
        }
        if kept.order.len() > KEPT
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.by_text.remove(&oldest);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
