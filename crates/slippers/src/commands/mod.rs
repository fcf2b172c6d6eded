//! The subcommands, one file each.

mod admin;
mod backup;
mod config;
mod demo;
mod demo_gateways;
mod deploy;
mod doctor;
mod healthcheck;
mod migrate;
mod openapi;
mod seed;
mod serve;
mod transfer;
mod tune;

use std::process::ExitCode;
use std::time::Duration;

use crate::cli::{Cli, Command};
use crate::config::{Config, World};
use crate::failure::Failure;
use crate::logging;

/// Does what the command line says; answers the exit code.
pub(crate) fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let world = World::real(cli.flags());
    match cli.command {
        Command::Doctor { watch: true, .. } => {
            doctor::watch::run(&settings(&world)?).map(|()| ExitCode::SUCCESS)
        }
        Command::Doctor { json, url, .. } => Ok(doctor::run(&settings(&world)?, json, url.as_deref())),
        command => run_command(command, &world).map(|()| ExitCode::SUCCESS),
    }
}

fn run_command(command: Command, world: &World) -> Result<(), Failure> {
    match command {
        // It has an exit code of its own.
        Command::Doctor { .. } => Ok(()),
        Command::Serve { demo, take_over, .. } => serve::run(world, demo, take_over),
        Command::Migrate(what) => migrate::run(&settings(world)?, what),
        Command::Admin(what) => admin::run(&settings(world)?, what),
        Command::Seed { products } => seed::run(&settings(world)?, products),
        Command::Transfer { from, to } => {
            logging::start(&Config::load(world, false)?.log);
            transfer::run(&from, &to)
        }
        Command::Backup { to } => backup::back_up(&settings(world)?, &to),
        Command::Restore { from } => backup::restore(&settings(world)?, &from),
        Command::Tune { seconds } => tune::run(&settings(world)?, Duration::from_secs(seconds)),
        Command::Openapi => {
            openapi::run();
            Ok(())
        }
        Command::Healthcheck { .. } => healthcheck::run(&settings(world)?),
        Command::Deploy(what) => deploy::run(&settings(world)?, &what),
        Command::Config(what) => config::run(world, &what),
    }
}

/// The settings of a command that signs nothing; the log is started.
fn settings(world: &World) -> Result<Config, Failure> {
    let config = Config::load(world, false)?;
    logging::start(&config.log);
    Ok(config)
}
