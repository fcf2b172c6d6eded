//! Carries messages, again if need be: so many wait at once, so many are on their way, and none for ever.

use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::ports::{Message, Notifier, NotifyError};

/// Messages that may be in here; further ones are lost at once.
const MAX_WAITING: usize = 256;
/// Messages on their way at once.
const MAX_UNDER_WAY: usize = 16;
/// How long one attempt may take.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(15);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What became of a message that nobody took on. It names no secret and nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause} ({attempts} attempts)")]
pub(crate) struct Lost {
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// Why the last attempt failed.
    pub(crate) cause: String,
}

/// The one who carries.
#[derive(Debug)]
pub(crate) struct Courier {
    places: Semaphore,
    slots: Semaphore,
    retry_for: Duration,
    closing: CancellationToken,
}

impl Courier {
    /// One who tries a message again for so long.
    pub(crate) fn new(retry_for: Duration) -> Self {
        Self {
            places: Semaphore::new(MAX_WAITING),
            slots: Semaphore::new(MAX_UNDER_WAY),
            retry_for,
            closing: CancellationToken::new(),
        }
    }

    /// Brings a message, with longer and longer pauses between attempts.
    ///
    /// # Errors
    /// [`Lost`] when it would fail each time, when its time or the shop's is over, or at once in a crowd.
    pub(crate) async fn carry(&self, by: &dyn Notifier, message: &Message) -> Result<(), Lost> {
        let Ok(_place) = self.places.try_acquire() else {
            return Err(Lost { attempts: 0, cause: "too many messages wait already".to_owned() });
        };
        let since = Instant::now();
        let (mut attempts, mut pause) = (0, FIRST_PAUSE);
        loop {
            let slot = self.closing.run_until_cancelled(self.slots.acquire()).await;
            let Some(Ok(slot)) = slot else {
                return Err(Lost { attempts, cause: "the shop closes".to_owned() });
            };
            attempts += 1;
            let failure = match timeout(ATTEMPT_LIMIT, by.send(message)).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(failure)) => failure,
                Err(_) => NotifyError::ForNow(format!("not within {ATTEMPT_LIMIT:?}")),
            };
            drop(slot);
            let lost = Lost { attempts, cause: failure.to_string() };
            let is_over = since.elapsed() + pause > self.retry_for;
            if is_over || matches!(failure, NotifyError::ForGood(_)) || !self.rest(pause).await {
                return Err(lost);
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Lets time pass; answers whether the shop is still open then.
    pub(crate) async fn rest(&self, pause: Duration) -> bool {
        self.closing.run_until_cancelled(sleep(pause)).await.is_some()
    }

    /// What is on its way arrives or fails; nothing is tried again.
    pub(crate) fn close(&self) {
        self.closing.cancel();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;
    use crate::ports::Recipient;

    /// Fails as told, then succeeds; notes when it was asked.
    struct Moody {
        moods: Mutex<Vec<NotifyError>>,
        asked: Mutex<Vec<(Duration, String)>>,
        since: Instant,
    }

    impl Moody {
        fn new(moods: impl IntoIterator<Item = NotifyError>) -> Self {
            let mut moods: Vec<_> = moods.into_iter().collect();
            moods.reverse();
            Self { moods: Mutex::new(moods), asked: Mutex::default(), since: Instant::now() }
        }

        fn seconds(&self) -> Vec<u64> {
            self.asked.lock().expect("notes").iter().map(|(at, _)| at.as_secs()).collect()
        }
    }

    #[async_trait]
    impl Notifier for Moody {
        async fn send(&self, message: &Message) -> Result<(), NotifyError> {
            self.asked.lock().expect("notes").push((self.since.elapsed(), message.id.clone()));
            self.moods.lock().expect("moods").pop().map_or(Ok(()), Err)
        }
    }

    /// Never answers.
    struct Silent;

    #[async_trait]
    impl Notifier for Silent {
        async fn send(&self, _: &Message) -> Result<(), NotifyError> {
            std::future::pending().await
        }
    }

    fn message() -> Message {
        Message { id: "a1".into(), to: Recipient::Staff, text: "x".into() }
    }

    fn busy() -> NotifyError {
        NotifyError::ForNow("busy".into())
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_tried_again_with_longer_and_longer_pauses() {
        let by = Moody::new([busy(), busy(), busy()]);
        Courier::new(Duration::from_secs(60)).carry(&by, &message()).await.expect("it arrives");
        assert_eq!(by.seconds(), [0, 1, 3, 7]);
        assert!(by.asked.lock().expect("notes").iter().all(|(_, id)| id == "a1"), "under one number");
    }

    #[tokio::test(start_paused = true)]
    async fn its_time_is_over_some_day() {
        let by = Moody::new(vec![busy(); 99]);
        let lost = Courier::new(Duration::from_secs(120)).carry(&by, &message()).await.expect_err("lost");
        assert_eq!(by.seconds(), [0, 1, 3, 7, 15, 31, 61, 91]);
        assert_eq!(lost, Lost { attempts: 8, cause: "busy".into() });
        let once = Moody::new([busy()]);
        Courier::new(Duration::ZERO).carry(&once, &message()).await.expect_err("lost");
        assert_eq!(once.seconds(), [0]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_is_not_tried_again() {
        let by = Moody::new([busy(), NotifyError::ForGood("no such key".into())]);
        let lost = Courier::new(Duration::from_secs(60)).carry(&by, &message()).await.expect_err("lost");
        assert_eq!(lost, Lost { attempts: 2, cause: "no such key".into() });
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_one_is_given_up_and_a_crowd_is_bounded() {
        let courier = Courier::new(Duration::from_secs(20));
        let (first, message) = (Instant::now(), message());
        let lost = courier.carry(&Silent, &message).await.expect_err("lost");
        assert_eq!((lost.attempts, first.elapsed().as_secs()), (2, 31));
        let crowd = (0..MAX_WAITING + 1).map(|_| courier.carry(&Silent, &message));
        let lost = futures_util::future::join_all(crowd).await;
        let refused = lost.iter().filter(|lost| matches!(lost, Err(Lost { attempts: 0, .. }))).count();
        assert_eq!(refused, 1, "as many as there are places");
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_end_nothing_is_tried_again() {
        let courier = Courier::new(Duration::from_secs(60));
        let by = Moody::new(vec![busy(); 99]);
        let (message, since) = (message(), Instant::now());
        let close = async {
            sleep(Duration::from_millis(500)).await;
            courier.close();
        };
        let (lost, ()) = tokio::join!(courier.carry(&by, &message), close);
        assert_eq!(lost, Err(Lost { attempts: 1, cause: "busy".into() }));
        assert_eq!(since.elapsed(), Duration::from_millis(500));
        let lost = courier.carry(&by, &message).await.expect_err("closed");
        assert_eq!(lost.attempts, 0);
    }
}
