//! `slippers transfer`

use std::sync::Arc;
use std::time::Instant;

use slippers_core::types::Money;

use crate::config::database::{Database, database_of};
use crate::console::{self, grouped};
use crate::failure::Failure;
use crate::wire;

pub(super) fn run(from: &str, to: &str) -> Result<(), Failure> {
    let start = Instant::now();
    let Some(Database::Sqlite(file)) = database_of(from) else {
        return Err(Failure::misused("--from is not the address of an SQLite file", "write sqlite:PATH"));
    };
    let Some(Database::Postgres(server)) = database_of(to) else {
        let fix = "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE";
        return Err(Failure::misused("--to is not the whole address of a PostgreSQL server", fix));
    };
    let runtime = wire::runtime(2)?;
    let bar = console::progress_bar("rows");
    let progress = {
        let bar = bar.clone();
        Arc::new(move |rows, of| {
            bar.set_length(of);
            bar.set_position(rows);
        })
    };
    let moved = wire::transfer(&file, &server, &runtime, progress);
    bar.finish_and_clear();
    let moved = moved?;
    for (table, rows) in moved.rows.iter().filter(|(_, rows)| **rows > 0) {
        console::say(&format!("{table:<20} {:>12} rows", grouped(*rows)));
    }
    for (column, sum) in &moved.money {
        // A sum that no Money can hold is told in minor units.
        let sum = i64::try_from(*sum)
            .map_or_else(|_| format!("{sum} minor units"), |sum| Money::from_minor(sum).to_string());
        console::say(&format!("{column:<28} sums up to {sum}"));
    }
    console::say(&format!(
        "{} is moved to {} and compared, after {:.1} s.\n\
         Next: DATABASE_URL={} (with its password), and SECRET_KEY_FILE naming the secret_key of the data folder, so that \
         nobody has to sign in again.",
        file.display(),
        server.url,
        start.elapsed().as_secs_f64(),
        server.url,
    ));
    Ok(())
}
