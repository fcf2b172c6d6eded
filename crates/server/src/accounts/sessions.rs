//! Whose session it is, asked of the database at most once a second.
//!
//! Every request of somebody who is signed in asks. What the database answered is kept under the user's generation, taken
//! *before* the database was asked: a change moves it before it is answered, so that nothing old is ever found again.
//! Changes that other processes make do not move it; what is kept is worth nothing after [`MAX_AGE`], so they count by then.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use slippers_core::accounts::{SessionId, User};
use slippers_core::types::UserId;
use slippers_core::{Store, StoreError};

use super::tokens::AccessClaims;

/// How long an answer of the database is used, from the moment at which it was asked for: how late this instance may
/// notice what another one has changed. The docs promise 1 s.
const MAX_AGE: Duration = Duration::from_secs(1);
/// Sessions that are kept at once: 256 KiB of places, and each user takes some 250 bytes, 1,100 at most. So it is never
/// more than 18 MiB, and 4 MiB with usual names.
const PLACES: usize = 1 << 14;

/// What is kept. Its memory is bounded whoever comes: a session has one place, given by the random bytes of its name that
/// no client can choose, and takes it from whoever has it.
pub(crate) struct Sessions {
    places: Box<[Mutex<Option<Box<Kept>>>]>,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("places", &self.places.len()).finish_non_exhaustive()
    }
}

struct Kept {
    session: SessionId,
    user: User,
    generation: u64,
    asked_at: Instant,
}

/// Where the truth is.
pub(crate) trait Source {
    /// As [`AccountStore::user_generation`](slippers_core::accounts::AccountStore::user_generation) promises.
    fn generation(&self, user: UserId) -> u64;

    /// Whose session it is.
    fn find(&self, session: SessionId) -> impl Future<Output = Result<Option<User>, StoreError>> + Send;
}

impl Source for dyn Store + '_ {
    fn generation(&self, user: UserId) -> u64 {
        self.user_generation(user)
    }

    async fn find(&self, session: SessionId) -> Result<Option<User>, StoreError> {
        self.find_session_user(session).await
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self::with_places(PLACES)
    }
}

impl Sessions {
    fn with_places(places: usize) -> Self {
        Self { places: (0..places).map(|_| Mutex::default()).collect() }
    }

    /// The user of a token whose session still stands; `None` when it was ended, or was never theirs.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer and nothing is kept.
    pub(crate) async fn find(
        &self,
        source: &(impl Source + ?Sized),
        claims: AccessClaims,
        now: Instant,
    ) -> Result<Option<User>, StoreError> {
        let AccessClaims { user, session } = claims;
        // Before anything is looked at: a change that comes later moves it.
        let generation = source.generation(user);
        if let Some(known) = self.kept(claims, generation, now) {
            return Ok(Some(known));
        }
        let found = source.find(session).await?.filter(|found| found.id == user);
        if let Some(user) = &found {
            let kept = Kept { session, user: user.clone(), generation, asked_at: now };
            *self.place(session) = Some(Box::new(kept));
        }
        Ok(found)
    }

    /// The same without asking; `None` also when nothing is kept.
    pub(crate) fn find_kept(
        &self,
        source: &(impl Source + ?Sized),
        claims: AccessClaims,
        now: Instant,
    ) -> Option<User> {
        self.kept(claims, source.generation(claims.user), now)
    }

    fn kept(&self, claims: AccessClaims, generation: u64, now: Instant) -> Option<User> {
        let place = self.place(claims.session);
        let kept = place.as_deref().filter(|kept| {
            kept.session == claims.session
                && kept.user.id == claims.user
                && kept.generation == generation
                && now.saturating_duration_since(kept.asked_at) < MAX_AGE
        });
        kept.map(|kept| kept.user.clone())
    }

    fn place(&self, session: SessionId) -> std::sync::MutexGuard<'_, Option<Box<Kept>>> {
        let [low, high, ..] = session.as_bytes();
        let index = usize::from(u16::from_le_bytes([*low, *high])) % self.places.len();
        // Nothing can panic while it is held, so a poisoned lock still guards a whole place.
        self.places[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
