//! One at a time for each payment, in this process: two who do the same at once would ask a gateway twice, and OCTO takes
//! about one question a second. That others do it too is harmless: whatever is done happens once by the store's rules.

use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;
use slippers_core::types::PaymentId;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, sleep_until};

/// Payments whose turns are remembered; of those beyond, two may do the same at once.
const REMEMBERED: usize = 4096;
/// The least time between two questions about a payment: a little more than the second that OCTO asks for.
const REST: Duration = Duration::from_millis(1100);

/// When it was last asked about a payment.
type Asked = Arc<Mutex<Option<Instant>>>;

/// Whose turn it is.
#[derive(Debug)]
pub(super) struct Turns(Cache<PaymentId, Asked>);

/// A turn; the next one begins when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    asked: OwnedMutexGuard<Option<Instant>>,
    /// Whether another one was before it, who may have done what it is for.
    pub(super) waited: bool,
}

impl Default for Turns {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl Turns {
    /// Waits for the turn.
    pub(super) async fn enter(&self, payment: PaymentId) -> Turn {
        let made: Result<Asked, std::convert::Infallible> =
            self.0.get_or_insert_with(&payment, || Ok(Asked::default()));
        let Ok(asked) = made;
        match Arc::clone(&asked).try_lock_owned() {
            Ok(asked) => Turn { asked, waited: false },
            Err(_taken) => Turn { asked: asked.lock_owned().await, waited: true },
        }
    }
}

impl Turn {
    /// Waits until the gateway may be asked again, and counts the question.
    pub(super) async fn rest(&mut self) {
        if let Some(last) = *self.asked {
            sleep_until(last + REST).await;
        }
        *self.asked = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_payment_has_one_turn_at_a_time_and_rests_between_questions() {
        let (turns, payment) = (Turns::default(), PaymentId::new(7));
        let begun = Instant::now();
        let mut first = turns.enter(payment).await;
        first.rest().await;
        assert_eq!((first.waited, begun.elapsed()), (false, Duration::ZERO));
        let other = turns.enter(PaymentId::new(8)).await;
        assert!(!other.waited);
        let (mut second, ()) = tokio::join!(turns.enter(payment), async {
            tokio::task::yield_now().await;
            drop(first);
        });
        assert!(second.waited);
        second.rest().await;
        assert_eq!(begun.elapsed(), REST);
    }
}
