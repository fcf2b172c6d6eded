//! The key that signs tokens: given, in a file, or made once and kept in the data folder.

use std::io;
use std::path::{Path, PathBuf};

use slippers_server::Entropy;
use slippers_server::settings::SecretKey;

use crate::files;

/// The key's file in the data folder.
pub(crate) const FILE_NAME: &str = "secret_key";
/// What to do about a key that can't be used.
pub(super) const FIX_TEXT: &str =
    "set at least 32 random bytes (for example from: openssl rand -hex 32), or leave it out and one is made";

/// What to do where a key must be given.
pub(super) const FIX_GIVE: &str =
    "set at least 32 random bytes (for example from: openssl rand -hex 32) here or in SECRET_KEY_FILE";

/// Random bytes of a key that we make; in the file they are twice as many hex digits.
const MADE_BYTES: usize = 48;

/// Where the key comes from.
#[derive(Clone, Debug)]
pub(crate) enum KeyPlan {
    /// From SECRET_KEY.
    Given(SecretKey),
    /// From SECRET_KEY_FILE.
    File(PathBuf),
    /// From the data folder, where it is made at the first start.
    Kept(PathBuf),
}

/// Why there is no key, and what to do.
#[derive(Debug)]
pub(crate) struct KeyProblem {
    pub(crate) what: String,
    pub(crate) fix: String,
}

impl KeyPlan {
    /// The key when there is one; `None` when it is still to be made.
    pub(crate) fn find(&self) -> Result<Option<SecretKey>, KeyProblem> {
        match self {
            Self::Given(key) => Ok(Some(key.clone())),
            Self::File(path) => match files::read_text(path) {
                Ok(text) => key_in(path, &text).map(Some),
                Err(error) => Err(unreadable(path, &error)),
            },
            Self::Kept(path) => match files::read_text(path) {
                Ok(text) => {
                    check_rights(path)?;
                    key_in(path, &text).map(Some)
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                // A data folder that is a file is told of under its own name.
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(None),
                Err(error) => Err(unreadable(path, &error)),
            },
        }
    }

    /// The key; made now when it is to be made. Of two processes that start at once both get the same.
    pub(crate) fn find_or_make(&self, entropy: &dyn Entropy) -> Result<SecretKey, KeyProblem> {
        if let Some(key) = self.find()? {
            return Ok(key);
        }
        let Self::Kept(path) = self else { return Err(vanished(self)) };
        let mut bytes = [0; MADE_BYTES];
        let made = entropy.fill(&mut bytes).and_then(|()| {
            let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            files::create_private(path, text.as_bytes())
        });
        match made {
            Ok(true) => tracing::info!(path = %path.display(), "made a new signing key"),
            Ok(false) => {}
            Err(error) => {
                return Err(KeyProblem {
                    what: format!("no key is set, and {} can't be made: {error}", path.display()),
                    fix: "give the user who runs slippers the right to write there, or set SECRET_KEY"
                        .to_owned(),
                });
            }
        }
        self.find()?.ok_or_else(|| vanished(self))
    }
}

fn key_in(path: &Path, text: &str) -> Result<SecretKey, KeyProblem> {
    SecretKey::new(text.trim_end_matches(['\r', '\n'])).map_err(|error| KeyProblem {
        what: format!("the key in {} {error}", path.display()),
        fix: FIX_TEXT.replace("leave it out", "take the file away"),
    })
}

fn check_rights(path: &Path) -> Result<(), KeyProblem> {
    match files::rights_of_others(path) {
        Ok(0) => Ok(()),
        Ok(rights) => Err(KeyProblem {
            what: format!("{} is open to other users (mode 6{rights:02o})", path.display()),
            fix: format!(
                "run: chmod 600 {}; if others may have read it, delete it instead: a new one is made and everybody signs in again",
                path.display()
            ),
        }),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> KeyProblem {
    KeyProblem {
        what: format!("{} can't be read: {error}", path.display()),
        fix: "give the user who runs slippers the right to read it, or correct the path".to_owned(),
    }
}

fn vanished(plan: &KeyPlan) -> KeyProblem {
    KeyProblem {
        what: format!("the key vanished while it was read ({plan:?})"),
        fix: "start again".to_owned(),
    }
}
