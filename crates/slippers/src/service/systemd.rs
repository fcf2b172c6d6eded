//! What systemd is told, and what it brings. Without it every word here is said to nobody.

use std::io;
use std::net::TcpListener;

use sd_notify::NotifyState;

/// The socket that systemd listens on for us (`slippers.socket`), if it does. Called once, before there are threads: the
/// variables are taken from the environment, so that no child mistakes them for its own.
///
/// # Errors
/// What was brought is no listening TCP socket.
pub(crate) fn listener() -> io::Result<Option<TcpListener>> {
    listenfd::ListenFd::from_env().take_tcp_listener(0)
}

/// The shop serves.
pub(crate) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The shop ends.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("finishing what runs")]);
}

/// Another process is the shop from now on.
pub(crate) fn succeeded_by(process: u32) {
    tell(&[NotifyState::MainPid(process)]);
}

/// Gives signs of life for as long as it is polled: twice as often as the unit's `WatchdogSec` asks. They come from the
/// runtime that serves, so that they end when it hangs; a database that is gone is no reason to be killed.
pub(crate) async fn give_signs_of_life() {
    let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) else { return };
    let mut ticks = tokio::time::interval(limit / 2);
    loop {
        ticks.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd can't be told how things are: {error}");
    }
}
