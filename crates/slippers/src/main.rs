//! `slippers`: a whole online shop in one program. This crate reads the settings, knows the subcommands and puts the
//! parts together; what the shop does is in the crates below it.
#![forbid(unsafe_code)]

mod cli;
mod commands;
mod config;
mod console;
mod data_dir;
mod failure;
mod files;
mod greeting;
mod logging;
mod password;
mod service;
mod stock;
mod wire;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match commands::run(cli::Cli::parse()) {
        Ok(code) => code,
        Err(failure) => {
            console::complain(&format!("error: {failure}"));
            failure.exit_code()
        }
    }
}
