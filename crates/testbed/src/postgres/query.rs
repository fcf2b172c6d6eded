//! Statements of tests and what they answer. In this process: one of `psql` for each takes 50 ms of a processor where this takes
//! 1.5 (200 of each), and stories ask by the thousand.

use tokio_postgres::error::Error as Failure;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::error::Error;

/// Runs statements at this address and gives their rows, columns separated by `|`. Blocks; its thread is its own, since
/// whoever asks may be a task of a runtime that can't be blocked by another.
pub(super) fn query(address: &str, sql: &str) -> Result<String, Error> {
    let what = || format!("`{sql}`");
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Error::io(what()))?;
        let said = |failure| Error::Failed { what: what(), output: words_of(&failure) };
        runtime.block_on(ask(address, sql)).map_err(said)
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().spawn_scoped(scope, work).map_err(Error::io(what()))?;
        thread.join().unwrap_or_else(|panicked| std::panic::resume_unwind(panicked))
    })
}

async fn ask(address: &str, sql: &str) -> Result<String, Failure> {
    let (client, connection) = tokio_postgres::connect(address, NoTls).await?;
    let connection = tokio::spawn(connection);
    let answer = rows(&client, sql).await;
    // The server is told that this was all.
    drop(client);
    match connection.await {
        // What it said before it closed the connection is not among its answers.
        Ok(Err(why)) if answer.as_ref().is_err_and(Failure::is_closed) => Err(why),
        _ => answer,
    }
}

async fn rows(client: &Client, sql: &str) -> Result<String, Failure> {
    let mut answer = String::new();
    for statement in sql.split(";\n") {
        for message in client.simple_query(statement).await? {
            let SimpleQueryMessage::Row(row) = message else { continue };
            let columns: Vec<&str> = (0..row.len()).map(|at| row.get(at).unwrap_or_default()).collect();
            answer.push_str(&columns.join("|"));
            answer.push('\n');
        }
    }
    Ok(answer.trim_end().to_owned())
}

/// The server's words where it spoke, else what was in the way of asking it.
fn words_of(failure: &Failure) -> String {
    let Some(said) = failure.as_db_error() else {
        let cause = std::error::Error::source(failure).map(|cause| format!(": {cause}"));
        return format!("{failure}{}", cause.unwrap_or_default());
    };
    let place = said.where_().map(|place| format!("\nCONTEXT: {place}"));
    format!("{said}{}", place.unwrap_or_default())
}
