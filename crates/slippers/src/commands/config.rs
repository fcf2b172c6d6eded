//! `slippers config …`

use crate::cli::ConfigCommand;
use crate::config::database::Postgres;
use crate::config::{Config, Database, World, report};
use crate::console;
use crate::failure::Failure;
use crate::wire::{self, Pooler, Way};

pub(super) fn run(world: &World, what: &ConfigCommand) -> Result<(), Failure> {
    match what {
        ConfigCommand::Check { .. } => {
            let config = Config::load(world, true)?;
            console::say(report::check(&config).trim_end());
            match &config.database {
                Database::Sqlite(_) => Ok(()),
                Database::Postgres(server) => check_way(server),
            }
        }
        ConfigCommand::List => {
            console::say(report::list().trim_end());
            Ok(())
        }
    }
}

/// Asks the way to the server what it is, and tells what the shop does there. A server that can't be asked yet is no fault of
/// the settings; one that they don't fit is.
fn check_way(server: &Postgres) -> Result<(), Failure> {
    let looked = wire::runtime(1).and_then(|runtime| wire::look_at_way(server, &runtime));
    match looked {
        Ok(way) => {
            console::say(&told(server, &way));
            fits(server, &way)
        }
        Err(failure) if failure.is_misuse() => Err(failure),
        Err(failure) => {
            console::say(&format!("The server was not asked what stands before it. {failure}"));
            Ok(())
        }
    }
}

/// What was found, and what the shop does about it.
fn told(server: &Postgres, way: &Way) -> String {
    let Way { server: version, pooler } = way;
    let Some(Pooler { name, keeps_prepared }) = pooler else {
        return format!("Asked the server: PostgreSQL {version}, and each connection is its own.");
    };
    let name = name.as_deref().unwrap_or("a pooler that does not tell this user its name");
    let statements = match (keeps_prepared, server.prepared) {
        (_, false) => "statements are sent unnamed, and none is prepared",
        (true, true) => "statements are prepared, which it knows",
        (false, true) => "statements would be prepared, which it does not know",
    };
    let changes = match server.direct_url {
        Some(_) => "migrations and word of changes go past it",
        None => {
            "migrations go through it, and changes of other instances are seen by looking, four times a second; \
             DATABASE_DIRECT_URL past it would do better"
        }
    };
    format!(
        "Asked the server: PostgreSQL {version} behind {name}, which gives each transaction another connection. Limits of \
         time are set with each transaction (SET LOCAL), {statements}, {changes}."
    )
}

fn fits(server: &Postgres, way: &Way) -> Result<(), Failure> {
    match &way.pooler {
        Some(pooler) if server.prepared && !pooler.keeps_prepared => Err(Failure::misused(
            "DATABASE_PREPARED_STATEMENTS: the pooler before the server of DATABASE_URL knows no prepared statements",
            "set DATABASE_PREPARED_STATEMENTS=false; from version 1.21 on PgBouncer knows them with max_prepared_statements=200",
        )),
        _ => Ok(()),
    }
}
