//! `slippers serve`

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::Instant;

use super::demo::{self, Outcome};
use super::demo_gateways::Simulators;
use crate::config::{Config, World};
use crate::console;
use crate::failure::Failure;
use crate::logging;
use crate::service::{self, Inherited, Signals, Successor, systemd};
use crate::wire::{self, Bound};

/// Scrapes that may wait to be accepted.
const METRICS_BACKLOG: i32 = 16;

pub(super) fn run(world: &World, with_demo: bool, follows: bool) -> Result<(), Failure> {
    let start = Instant::now();
    // The line to the predecessor ends with this process, whatever is wrong with the settings.
    let inherited = Inherited::take(follows).map_err(|error| {
        Failure::failed(
            format!("what was left to this process is no listener: {error}"),
            "start it without LISTEN_FDS, or see the socket unit (slippers deploy systemd)",
        )
    })?;
    let mut config = Config::load(world, true)?;
    logging::start(&config.log);
    if config.hears_no_collector {
        tracing::warn!(
            "OTEL_EXPORTER_OTLP_ENDPOINT: no traces are exported, this program was built without --features otlp"
        );
    }
    if with_demo && config.tls.is_some() {
        return Err(Failure::misused(
            "TLS_CERT: the gateways that --demo plays call the shop by plain HTTP",
            "leave TLS_CERT and TLS_KEY out for the demo, or --demo for a real shop",
        ));
    }
    let mut left = inherited.listeners.into_iter();
    let mut place = |setting, address, backlog| match left.next() {
        Some(listener) => Ok(Bound::Inherited(listener)),
        None => wire::bind(setting, address, backlog),
    };
    let bound = place("SLIPPERS_LISTEN", config.listen, config.backlog)?;
    let metrics = config.metrics_listen.map(|address| place("METRICS_LISTEN", address, METRICS_BACKLOG));
    let metrics = metrics.transpose()?;
    let runtime = wire::runtime(config.workers)?;
    let inside = runtime.enter();
    let store = wire::open_store(&config, &runtime)?;
    let outcome = if with_demo && !follows {
        Some(runtime.block_on(demo::open(&config, &*store, &*wire::entropy()))?)
    } else {
        None
    };
    // Before the server, which is told of them; dropped after it.
    let gateways = if with_demo {
        let address = bound.address().unwrap_or(config.listen);
        let entropy = wire::entropy();
        runtime.block_on(Simulators::start(&mut config.payments, address, &config.data_dir, &*entropy))?
    } else {
        Simulators::default()
    };
    let server = wire::server(&config, store.clone(), with_demo)?;
    let signals = Signals::hear().map_err(|error| {
        Failure::failed(format!("signals can't be received: {error}"), "see what the system says")
    })?;
    let listener = bound.listen()?;
    let address = listener.local_addr().unwrap_or(config.listen);
    let metrics = metrics.map(Bound::listen).transpose()?;
    let metrics_address = metrics.as_ref().and_then(|listener| listener.local_addr().ok());
    let mut listeners = vec![listener.as_fd()];
    listeners.extend(metrics.as_ref().map(AsFd::as_fd));
    let successor = Successor::new(&listeners, inherited.is_of_systemd).map_err(|error| {
        Failure::failed(format!("no successor could be started: {error}"), "raise the limit of open files")
    })?;
    let lines = welcome(&config, address, metrics_address, outcome.as_ref(), &gateways);
    lines.iter().for_each(|line| console::say(line));
    tracing::info!(%address, startup_ms = start.elapsed().as_millis(), "listening on {address}");
    if let Some(listener) = metrics {
        runtime.spawn(server.serve_metrics(listener));
    }
    systemd::ready(&format!("open on {address}"));
    runtime.spawn(systemd::give_signs_of_life());
    if let Some(predecessor) = inherited.predecessor {
        predecessor.relieve();
    }
    let limit = server.request_limit();
    let stop = service::until_the_end(signals, successor, limit, inherited.is_of_systemd);
    runtime.block_on(server.run(listener, Box::pin(stop)));
    drop(inside);
    drop(runtime);
    // The last handle of the store closes the database, which folds its log into the file.
    drop(store);
    tracing::info!("stopped");
    Ok(())
}

/// The block that a person reads at the start.
fn welcome(
    config: &Config,
    address: SocketAddr,
    metrics: Option<SocketAddr>,
    outcome: Option<&Outcome>,
    gateways: &Simulators,
) -> Vec<String> {
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let site = if address.ip().is_unspecified() {
        format!("{scheme}://localhost:{}", address.port())
    } else {
        format!("{scheme}://{address}")
    };
    let mut lines = vec![format!("Slippers is open: {site}")];
    let mut line = |what: &str, is: &str| lines.push(format!("  {what:<10} {is}"));
    if address.ip().is_unspecified() {
        line("listens on", &format!("{address}, all networks"));
    }
    line("database", &config.database.to_string());
    line("docs", &format!("{site}/docs"));
    if let Some(address) = metrics {
        line("metrics", &format!("http://{address}/metrics"));
    }
    match outcome {
        None => {}
        Some(Outcome::LeftAlone) => line("demo", "the shop has goods already; nothing was changed"),
        Some(Outcome::Stocked(None)) => line("demo", "stocked"),
        Some(Outcome::Stocked(Some((name, password)))) => {
            line("demo", "stocked, with an admin; this password is shown only now:");
            line("admin", name);
            line("password", password.as_str());
        }
    }
    if !gateways.is_empty() {
        line("payments", "simulated: a page with a button stands for the gateway, no money moves");
    }
    lines
}
