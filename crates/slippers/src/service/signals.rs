//! Signals: SIGTERM and Ctrl-C end the program, SIGHUP and SIGUSR2 put another in its place.

use std::io::{self, IsTerminal as _};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::console;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The end.
    End,
    /// A successor.
    HandOver,
}

/// The signals that the serving process hears.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    user: Signal,
    /// The hang-up of a terminal means its end.
    hangup_ends: bool,
}

impl Signals {
    /// Hears them from now on. Called inside a runtime.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) fn hear() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            user: signal(SignalKind::user_defined2())?,
            hangup_ends: io::stderr().is_terminal(),
        })
    }

    /// What a signal asks for.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::End,
            _ = self.terminate.recv() => Asked::End,
            _ = self.user.recv() => Asked::HandOver,
            _ = self.hangup.recv() => if self.hangup_ends { Asked::End } else { Asked::HandOver },
        }
    }

    /// Resolves when the program is to end.
    pub(super) async fn stop(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv(), if self.hangup_ends => {}
        }
    }

    /// The next signal to end ends the program at once.
    pub(super) fn end_at_the_next(mut self) {
        tokio::spawn(async move {
            self.stop().await;
            console::complain("slippers: ended at once, by a second signal");
            // Acknowledged writes are on the disk already: there is nothing left to save.
            std::process::exit(1);
        });
    }
}
