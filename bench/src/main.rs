//! What measures the shop beside its limits, one command each; the scripts know which and when.
//!
//! One program and not eight: linking is what takes long of a build for release.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]
#![expect(clippy::disallowed_methods, reason = "programs that measure may block")]

mod attacks;
mod bare;
mod bare_server;
mod beside;
mod buyers;
mod client;
mod cores;
mod cpu;
mod growth;
mod metrics;
mod open_loop;
mod orders_and_list;
mod overload;
mod percentiles;
mod report;
mod shop;
mod wrk;

use std::error::Error;

type Outcome<T> = Result<T, Box<dyn Error>>;

const USAGE: &str = "\
usage: slippers-bench COMMAND, where SLIPPERS is the shop's program
  attacks SLIPPERS [postgres]                              what shoppers notice of attacks from everywhere
  bare LISTEN SHOP PATH [HEADER: VALUE]...                 a bare hyper server that sends what the shop sends
  beside SLIPPERS [SECONDS] [ROUNDS] [PRODUCTS] [ROW]      cold pages, carts and orders beside their limits
  growth SLIPPERS [LARGE] [ROUNDS] [ROW]                   pages of a large shop beside those of a small one
  orders_and_list SLIPPERS [postgres]                      what orders leave of the rate of kept lists
  overload SLIPPERS                                        what ten times the capacity does on SQLite
  percentiles SLIPPERS [SECONDS] [PRODUCTS] [LARGE]        what clients wait under open-loop load
  report FOLDER TARGET HEADING...                          one page and two pictures of what was printed";

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((command, arguments)) = arguments.split_first() else { return Err(USAGE.into()) };
    match command.as_str() {
        "attacks" => attacks::run(arguments),
        "bare" => bare_server::run(arguments),
        "beside" => beside::run(arguments),
        "growth" => growth::run(arguments),
        "orders_and_list" => orders_and_list::run(arguments),
        "overload" => overload::run(arguments),
        "percentiles" => percentiles::run(arguments),
        "report" => report::run(arguments),
        "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        _ => Err(format!("there is no command {command}\n{USAGE}").into()),
    }
}

/// The one in the middle; of two there, the higher. 0 of none.
fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(0.0)
}
