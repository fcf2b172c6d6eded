//! One question for a page that many want at once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::watch;

use super::generations::Stamp;
use super::key::PageKey;
use super::page::Page;
use super::sync::{Mutex, spawn, timeout};
use crate::http::errors::{ApiError, Code};

/// How long a question may take. Who waits for it is told then; the next one asks anew.
const DEADLINE: Duration = Duration::from_secs(10);

/// What became of a question. Errors are for those who wait and for nobody after them.
pub(super) type Outcome = Result<Arc<Page>, ApiError>;

/// Which page, of which state.
type Flight = (PageKey, Stamp);
type Tell = watch::Sender<Option<Outcome>>;
type Told = watch::Receiver<Option<Outcome>>;

/// The questions that are under way.
#[derive(Debug)]
pub(super) struct Flights {
    flights: Mutex<HashMap<Flight, Told>>,
    deadline: Duration,
}

impl Default for Flights {
    fn default() -> Self {
        Self::ending_after(DEADLINE)
    }
}

impl Flights {
    /// Questions that take longer are given up.
    pub(super) fn ending_after(deadline: Duration) -> Self {
        Self { flights: Mutex::default(), deadline }
    }

    /// The answer to `ask`, or to the same question of somebody else for the same state of the catalogue. `look` is
    /// asked again once it is sure that nobody else does, since somebody may just have been told.
    ///
    /// The question ends whoever stops waiting for it.
    pub(super) async fn join(
        self: &Arc<Self>,
        key: PageKey,
        stamp: Stamp,
        look: impl FnOnce() -> Option<Arc<Page>>,
        ask: impl Future<Output = Outcome> + Send + 'static,
    ) -> Outcome {
        let (landing, told) = {
            let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
            match flights.entry((key, stamp)) {
                Entry::Occupied(flight) => (None, flight.get().clone()),
                Entry::Vacant(_) if let Some(page) = look() => return Ok(page),
                Entry::Vacant(place) => {
                    let (tell, told) = watch::channel(None);
                    let landing =
                        Landing { flights: self.clone(), flight: Some((place.key().clone(), tell)) };
                    (Some(landing), place.insert(told).clone())
                }
            }
        };
        let Some(landing) = landing else { return hear(told).await };
        let mut flight: Pin<Box<dyn Future<Output = Outcome> + Send>> = Box::pin(fly(landing, ask));
        // Most questions are answered before they would wait: those need no task of their own.
        match futures_util::poll!(flight.as_mut()) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => {
                spawn(flight);
                hear(told).await
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

async fn fly(mut landing: Landing, ask: impl Future<Output = Outcome> + Send) -> Outcome {
    let outcome = match timeout(landing.flights.deadline, AssertUnwindSafe(ask).catch_unwind()).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_panic)) => Err(ApiError::because(Code::Internal, "the making of a page panicked")),
        Err(_elapsed) => Err(ApiError::retry_after(Code::TimedOut, 1)),
    };
    landing.tell(outcome.clone());
    outcome
}

async fn hear(mut told: Told) -> Outcome {
    match told.wait_for(Option::is_some).await.as_deref() {
        Ok(Some(outcome)) => outcome.clone(),
        // The program ends.
        Ok(None) | Err(_) => Err(ApiError::overloaded("the making of a page was given up")),
    }
}

/// Clears the place of a question, also when it is dropped on its way.
struct Landing {
    flights: Arc<Flights>,
    flight: Option<(Flight, Tell)>,
}

impl Landing {
    fn tell(&mut self, outcome: Outcome) {
        if let Some(tell) = self.clear() {
            // Fails when nobody waits.
            let _ = tell.send(Some(outcome));
        }
    }

    fn clear(&mut self) -> Option<Tell> {
        let (flight, tell) = self.flight.take()?;
        self.flights.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&flight);
        Some(tell)
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.clear();
    }
}
