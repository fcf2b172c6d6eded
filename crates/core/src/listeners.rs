//! Those who are told what was changed.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::accounts::Generations;
use crate::changes::{Change, ChangeListener, Horizon};

/// Everybody who listens.
#[derive(Default)]
pub struct Listeners {
    everybody: Mutex<Vec<Weak<dyn ChangeListener>>>,
    /// What moves with the changes of users.
    generations: Generations,
}

impl Listeners {
    /// Adds somebody, for as long as they live.
    pub fn add(&self, listener: Weak<dyn ChangeListener>) {
        self.everybody.lock().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    /// The numbers of users.
    pub fn generations(&self) -> &Generations {
        &self.generations
    }

    /// Tells all of them; those that are gone are forgotten.
    pub fn tell(&self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        for change in changes {
            if let Change::User(user) = change {
                self.generations.advance(*user);
            }
        }
        self.present().iter().for_each(|listener| listener.changed(changes));
    }

    /// Tells all of them that a look at what others have committed begins.
    pub fn look_begins(&self) {
        self.present().iter().for_each(|listener| listener.look_begins());
    }

    /// Tells all of them how far that look has seen, once what it saw was told.
    pub fn looked(&self, horizon: &Horizon) {
        self.present().iter().for_each(|listener| listener.looked(horizon));
    }

    /// Those who are still there. They are called outside of the lock: one may listen in turn.
    fn present(&self) -> Vec<Arc<dyn ChangeListener>> {
        let mut present: Vec<Arc<dyn ChangeListener>> = Vec::new();
        self.everybody.lock().unwrap_or_else(PoisonError::into_inner).retain(|listener| {
            let here = listener.upgrade();
            let stays = here.is_some();
            present.extend(here);
            stays
        });
        present
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listeners").finish_non_exhaustive()
    }
}
