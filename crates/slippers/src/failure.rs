//! Why a command failed: what is wrong, how to mend it, and the exit code.

use std::fmt;
use std::process::ExitCode;

use slippers_core::StoreError;

use crate::config::Faults;
use crate::config::secret::KeyProblem;

/// A failed command.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    what: String,
    fix: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It was understood and did not work: exit code 1.
    Failed,
    /// It could not be understood, or the settings are wrong: exit code 2.
    Misused,
}

impl Failure {
    /// It did not work.
    pub(crate) fn failed(what: impl fmt::Display, fix: impl Into<String>) -> Self {
        Self { kind: Kind::Failed, what: what.to_string(), fix: Some(fix.into()) }
    }

    /// It could not be understood.
    pub(crate) fn misused(what: impl fmt::Display, fix: impl Into<String>) -> Self {
        Self { kind: Kind::Misused, what: what.to_string(), fix: Some(fix.into()) }
    }

    /// 1 when it did not work, 2 when it could not be understood.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.kind {
            Kind::Failed => 1,
            Kind::Misused => 2,
        })
    }

    /// Whether the exit code is 2.
    pub(crate) fn is_misuse(&self) -> bool {
        self.kind == Kind::Misused
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.fix {
            Some(fix) => write!(f, "\n  Fix: {fix}"),
            None => Ok(()),
        }
    }
}

impl From<Faults> for Failure {
    fn from(faults: Faults) -> Self {
        // Each fault brings its own fix.
        Self { kind: Kind::Misused, what: faults.to_string(), fix: None }
    }
}

impl From<KeyProblem> for Failure {
    fn from(problem: KeyProblem) -> Self {
        Self::misused(format!("SECRET_KEY: {}", problem.what), problem.fix)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let fix = match error {
            StoreError::Unavailable(_) => {
                "see that the disk is not full and the file's folder is writable, then run the command again"
            }
            StoreError::Undecided(_) => "look whether it was done, and run the command again if not",
            StoreError::Corrupt(_) => "restore the database file from a backup",
            StoreError::Conflict(_) | StoreError::Other(_) => {
                "run it again with SLIPPERS_LOG=debug and report what it says"
            }
        };
        Self::failed(error, fix)
    }
}
