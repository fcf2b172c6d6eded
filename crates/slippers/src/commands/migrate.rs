//! `slippers migrate …`

use crate::cli::Migrate;
use crate::config::Config;
use crate::console;
use crate::data_dir;
use crate::failure::Failure;
use crate::wire;

pub(super) fn run(config: &Config, what: Migrate) -> Result<(), Failure> {
    let runtime = wire::runtime(1)?;
    let _inside = runtime.enter();
    match what {
        Migrate::Up => {
            data_dir::prepare(&config.data_dir)?;
            let (_, before) = wire::migration_status(config, &runtime)?;
            drop(wire::open_store(config, &runtime)?);
            let done =
                if before == 0 { "nothing to do".to_owned() } else { format!("{before} migrations run") };
            console::say(&format!("{} is up to date: {done}.", config.database));
        }
        Migrate::Status => {
            let (lines, pending) = wire::migration_status(config, &runtime)?;
            lines.iter().for_each(|line| console::say(line));
            let verdict = match pending {
                0 => "is up to date".to_owned(),
                _ if !wire::database_exists(config) => {
                    "does not exist yet; `slippers migrate up` makes it".to_owned()
                }
                count => format!("has {count} migrations to run; `slippers migrate up` runs them"),
            };
            console::say(&format!("{} {verdict}.", config.database));
        }
    }
    Ok(())
}
