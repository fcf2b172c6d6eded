//! Who may hash, and when: two queues before the same cores.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::Block;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use slippers_core::accounts::PasswordHash;
use tokio::sync::OwnedSemaphorePermit;

use super::legacy::{Checked, check_with};
use super::{PasswordError, draw_salt, hash_with, new_memory};
use crate::Entropy;
use crate::http::errors::ApiError;
use crate::pool::{Place, Pool, PoolError, Share};
use crate::shop::Shop;

/// Those who sign in or are signed in and may wait for a core. At some 25 ms a hash the last of them waits one and a half
/// seconds for one.
const MAX_LOGINS_WAITING: usize = 64;
/// Strangers, who register or have forgotten their password, and may wait for a core. They have a queue of their own, so
/// that no flood of them takes a place from those who sign in; it is short, because those wait behind it too.
const MAX_STRANGERS_WAITING: usize = 16;

/// Hashes and checks passwords for the server: off the async workers, at most one a core at once and one core less, a bounded
/// number waiting. The 19 MiB of each are taken at the first use and kept.
///
/// A request that goes away while it waits frees its place; a hash that runs is finished, and keeps its core till then.
#[derive(Clone)]
pub(crate) struct Hasher {
    /// A slot for each core.
    logins: Pool,
    /// The same slots, other places.
    strangers: Pool,
    memory: Memory,
    worked_on: Arc<AtomicU64>,
}

/// What hashes were computed in, to be used again.
type Memory = Arc<Mutex<Vec<Box<[Block]>>>>;

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("free_cores", &self.logins.free_slots()).finish_non_exhaustive()
    }
}

impl Default for Hasher {
    /// For all cores that this process may use but one, which everybody else finds free however many guess passwords: an answer
    /// of 50 us that meets hashes on every core waits for a slice of one, 1.4 ms.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::new(NonZeroUsize::new(cores - 1).unwrap_or(NonZeroUsize::MIN))
    }
}

impl Hasher {
    /// At most `parallel` hashes at once.
    pub(crate) fn new(parallel: NonZeroUsize) -> Self {
        let parallel = parallel.get().min(1024);
        let logins = Pool::new(parallel, MAX_LOGINS_WAITING, Share::Tenth);
        let strangers = logins.beside(MAX_STRANGERS_WAITING);
        Self { logins, strangers, memory: Arc::default(), worked_on: Arc::default() }
    }

    /// Those who sign in or are signed in.
    pub(crate) const fn logins(&self) -> &Pool {
        &self.logins
    }

    /// Everybody else.
    pub(crate) const fn strangers(&self) -> &Pool {
        &self.strangers
    }

    /// Counts the passwords that were hashed or checked.
    pub(crate) fn worked_on(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.worked_on)
    }

    /// A place for somebody who signs in, or is signed in.
    ///
    /// # Errors
    /// [`PasswordError::Overloaded`] at once, without waiting.
    pub(crate) fn enter_login(&self) -> Result<Turn, PasswordError> {
        self.enter(&self.logins)
    }

    /// A place for anybody else.
    ///
    /// # Errors
    /// As [`Hasher::enter_login`].
    pub(crate) fn enter_stranger(&self) -> Result<Turn, PasswordError> {
        self.enter(&self.strangers)
    }

    fn enter(&self, queue: &Pool) -> Result<Turn, PasswordError> {
        let (memory, worked_on) = (Arc::clone(&self.memory), self.worked_on());
        Ok(Turn { place: queue.enter()?, memory, worked_on })
    }
}

/// A place in a queue of the [`Hasher`], for one piece of work after the other.
#[derive(Debug)]
pub(crate) struct Turn {
    place: Place,
    memory: Memory,
    worked_on: Arc<AtomicU64>,
}

/// A [`Turn`] that is near, to be dropped before anything that is not for a password is waited for.
#[derive(Debug)]
pub(crate) struct Near<'t> {
    turn: &'t Turn,
    _permit: OwnedSemaphorePermit,
}

impl Near<'_> {
    /// Hashes a password of any length.
    ///
    /// # Errors
    /// [`PasswordError::Entropy`] and [`PasswordError::Hashing`].
    pub(crate) async fn hash(
        &self,
        password: &str,
        entropy: &dyn Entropy,
    ) -> Result<PasswordHash, PasswordError> {
        let salt = draw_salt(entropy)?;
        let password = password.to_owned();
        self.turn.run(move |memory| hash_with(&password, &salt, memory)).await?
    }

    /// Checks a password against what is stored, of today or of the old shop, in constant time; against nothing it does
    /// the work of a hash too, so that the time does not tell whether there is such a user. Only bcrypt takes longer:
    /// who still has one of those can be told apart until they have signed in.
    ///
    /// # Errors
    /// [`PasswordError::Hashing`] when the thread died.
    pub(crate) async fn check(
        &self,
        password: &str,
        stored: Option<&PasswordHash>,
    ) -> Result<Checked, PasswordError> {
        let (password, stored) = (password.to_owned(), stored.cloned());
        self.turn.run(move |memory| check_with(&password, stored.as_ref(), memory)).await
    }
}

impl Turn {
    /// Waits until this turn is near, before somebody is looked up: with a hundred at once, those for whom there is no place
    /// waited for sixty look-ups that nobody needed yet.
    ///
    /// # Errors
    /// [`PasswordError::Hashing`] when the program ends.
    pub(crate) async fn near(&self) -> Result<Near<'_>, PasswordError> {
        Ok(Near { turn: self, _permit: self.place.near().await? })
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut [Block]) -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        self.worked_on.fetch_add(1, Ordering::Relaxed);
        let memories = Arc::clone(&self.memory);
        let job = move || {
            let kept = memories.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut memory = kept.unwrap_or_else(new_memory);
            let result = work(&mut memory);
            memories.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
            result
        };
        Ok(self.place.run(job).await?)
    }
}

impl From<PoolError> for PasswordError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Overloaded => Self::Overloaded,
            PoolError::Died(_) => Self::hashing(error),
        }
    }
}

/// Refuses a sign-in that would find no place, before its body is read. It takes none: a body that comes slowly would
/// keep it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoginRoom;

/// The same for strangers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StrangerRoom;

impl FromRequestParts<Arc<Shop>> for LoginRoom {
    type Rejection = ApiError;

    async fn from_request_parts(_: &mut Parts, shop: &Arc<Shop>) -> Result<Self, ApiError> {
        shop.hasher.enter_login()?;
        Ok(Self)
    }
}

impl FromRequestParts<Arc<Shop>> for StrangerRoom {
    type Rejection = ApiError;

    async fn from_request_parts(_: &mut Parts, shop: &Arc<Shop>) -> Result<Self, ApiError> {
        shop.hasher.enter_stranger()?;
        Ok(Self)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;

    use super::super::NOBODY;
    use super::*;
    use crate::SystemEntropy;

    fn hasher(parallel: usize) -> Hasher {
        Hasher::new(NonZeroUsize::new(parallel).expect("not zero"))
    }

    fn login(hasher: &Hasher) -> Turn {
        hasher.enter_login().expect("a place")
    }

    #[tokio::test]
    async fn it_takes_no_memory_before_its_first_use_and_then_keeps_it() {
        let hasher = hasher(1);
        let kept = || hasher.memory.lock().expect("the memory").len();
        assert_eq!(kept(), 0);
        let turn = login(&hasher);
        let near = turn.near().await.expect("nobody else is there");
        let stored = near.hash("12345678", &SystemEntropy).await.expect("a hash");
        assert_eq!(kept(), 1);
        for (password, checked) in [("12345678", Checked::Right), ("87654321", Checked::Wrong)] {
            assert_eq!(near.check(password, Some(&stored)).await.expect("an answer"), checked);
        }
        assert_eq!(kept(), 1);
    }

    #[tokio::test]
    async fn nobody_matches_nothing() {
        let turn = login(&hasher(1));
        for password in ["", "12345678", NOBODY] {
            let near = turn.near().await.expect("nobody else is there");
            assert_eq!(near.check(password, None).await.expect("an answer"), Checked::Wrong);
        }
    }

    /// Starts work that runs until the sender is used or dropped, and waits until it runs.
    async fn occupy(hasher: &Hasher) -> std::sync::mpsc::Sender<()> {
        let (release, released) = std::sync::mpsc::channel();
        let (started, runs) = tokio::sync::oneshot::channel();
        let turn = login(hasher);
        tokio::spawn(async move {
            let work = move |_: &mut [Block]| {
                started.send(()).ok();
                released.recv().ok();
            };
            turn.run(work).await
        });
        runs.await.expect("it runs");
        release
    }

    /// Takes places until there are none.
    fn fill(enter: impl Fn() -> Result<Turn, PasswordError>) -> Vec<Turn> {
        std::iter::from_fn(|| enter().ok()).collect()
    }

    #[tokio::test]
    async fn a_crowd_beyond_the_queue_is_refused_at_once() {
        let hasher = hasher(1);
        let release = occupy(&hasher).await;
        let turns = fill(|| hasher.enter_login());
        assert_eq!(turns.len(), MAX_LOGINS_WAITING);
        let refused = hasher.enter_login();
        assert!(matches!(refused, Err(PasswordError::Overloaded)), "{refused:?}");
        release.send(()).expect("it still runs");
        for turn in turns {
            turn.run(|_| ()).await.expect("its turn comes");
        }
    }

    #[tokio::test]
    async fn no_crowd_of_strangers_takes_the_place_of_a_login_nor_the_other_way_round() {
        let hasher = hasher(1);
        let strangers = fill(|| hasher.enter_stranger());
        assert_eq!(strangers.len(), MAX_STRANGERS_WAITING);
        let logins = fill(|| hasher.enter_login());
        assert_eq!(logins.len(), 1 + MAX_LOGINS_WAITING);
        drop(strangers);
        assert!(hasher.enter_stranger().is_ok() && hasher.enter_login().is_err());
        drop(logins);
        let release = occupy(&hasher).await;
        let stranger = hasher.enter_stranger().expect("a place");
        let waits = tokio::time::timeout(Duration::from_millis(10), stranger.run(|_| ())).await;
        assert!(waits.is_err(), "the cores are the same");
        drop(release);
        stranger.run(|_| ()).await.expect("the core is free again");
    }

    #[tokio::test]
    async fn strangers_and_logins_come_near_in_the_order_in_which_they_asked() {
        let hasher = hasher(1);
        let strangers = fill(|| hasher.enter_stranger());
        let (first, second) = (strangers[0].near().await, strangers[1].near().await);
        let turn = login(&hasher);
        let mut theirs = std::pin::pin!(strangers[2].near());
        let mut ours = std::pin::pin!(turn.near());
        assert!((&mut theirs).now_or_never().is_none() && (&mut ours).now_or_never().is_none());
        drop(first);
        assert!((&mut ours).now_or_never().is_none(), "who asked before comes before");
        let theirs = (&mut theirs).now_or_never().expect("it has come near");
        drop(second);
        assert!((&mut ours).now_or_never().is_some_and(|near| near.is_ok()));
        drop(theirs);
    }

    #[tokio::test]
    async fn a_caller_that_leaves_frees_its_place_but_not_a_core_that_runs() {
        let hasher = hasher(1);
        let release = occupy(&hasher).await;
        let gone = tokio::time::timeout(Duration::from_millis(10), login(&hasher).run(|_| ())).await;
        assert!(gone.is_err());
        assert_eq!(hasher.logins.free_places(), MAX_LOGINS_WAITING);
        assert_eq!(hasher.logins.free_slots(), 0);
        drop(release);
        login(&hasher).run(|_| ()).await.expect("the core is free again");
    }

    #[tokio::test]
    async fn work_that_panics_gives_its_core_back() {
        let hasher = hasher(1);
        let died = login(&hasher).run(|_| panic!("on purpose")).await;
        assert!(matches!(died, Err(PasswordError::Hashing(_))), "{died:?}");
        login(&hasher).run(|_| ()).await.expect("the core is free again");
    }
}
