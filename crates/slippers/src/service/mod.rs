//! The life of the serving process among others: what tells it to end or to be followed by another.

mod handover;
mod signals;
pub(crate) mod systemd;

pub(crate) use handover::{Predecessor, Successor};
use signals::Asked;
pub(crate) use signals::Signals;

use std::io;
use std::net::TcpListener;

use slippers_server::{Leave, RequestLimit};

/// The listeners that were there before this process: of the one that it follows, or of systemd.
#[derive(Default)]
pub(crate) struct Inherited {
    /// The public one, and that of the metrics.
    pub(crate) listeners: Vec<TcpListener>,
    /// Whom to tell that this process serves.
    pub(crate) predecessor: Option<Predecessor>,
    /// Whether systemd keeps the public one open when this process ends, also one that follows another.
    pub(crate) is_of_systemd: bool,
}

impl Inherited {
    /// Takes what was left to this process. Called once, before there are threads.
    ///
    /// # Errors
    /// Something was left that is no listener.
    pub(crate) fn take(follows: bool) -> io::Result<Self> {
        if follows {
            let (predecessor, listeners, is_of_systemd) = Predecessor::meet()?;
            return Ok(Self { listeners, predecessor: Some(predecessor), is_of_systemd });
        }
        let listeners: Vec<TcpListener> = systemd::listener()?.into_iter().collect();
        let is_of_systemd = !listeners.is_empty();
        Ok(Self { listeners, predecessor: None, is_of_systemd })
    }
}

/// Waits for the end: a signal, or a successor that serves. A successor is started when a signal asks for one or the limit of
/// requests is reached; where it can't serve, everything goes on as it was.
pub(crate) async fn until_the_end(
    mut signals: Signals,
    successor: Successor,
    limit: RequestLimit,
    is_of_systemd: bool,
) -> Leave {
    loop {
        tokio::select! {
            asked = signals.next() => match asked {
                Asked::End => break,
                Asked::HandOver => tracing::info!("a successor is started: a signal asks for it"),
            },
            () = limit.reached() => tracing::info!("a successor is started: LIMIT_MAX_REQUESTS is reached"),
        }
        tokio::select! {
            // One that serves already is not given up: it may have let somebody in.
            biased;
            started = successor.start() => match started {
                Ok(process) => {
                    tracing::info!(process, "handed over to process {process}");
                    systemd::succeeded_by(process);
                    return Leave::HandedOver;
                }
                Err(error) => tracing::error!(%error, "no successor, this process goes on: {error}"),
            },
            () = signals.stop() => break,
        }
    }
    tracing::info!("stopping: what runs is finished first; a second signal ends it at once");
    systemd::stopping();
    signals.end_at_the_next();
    // What waits in the queue of a socket that stays open is for the next process.
    if is_of_systemd { Leave::HandedOver } else { Leave::Closing }
}
