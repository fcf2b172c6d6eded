//! `slippers config …`

use crate::cli::ConfigCommand;
use crate::config::{Config, World, report};
use crate::console;
use crate::failure::Failure;

pub(super) fn run(world: &World, what: &ConfigCommand) -> Result<(), Failure> {
    let text = match what {
        ConfigCommand::Check { .. } => report::check(&Config::load(world, true)?),
        ConfigCommand::List => report::list(),
    };
    console::say(text.trim_end());
    Ok(())
}
