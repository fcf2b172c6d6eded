//! Who may sign in, and the sessions of those who did.

mod generations;
mod resets;
pub mod rules;
mod store;

use std::fmt;

pub use generations::Generations;
pub use resets::{
    CodeHash, MAX_CODES, MAX_TRIES, NewReset, PendingReset, RESET_SECONDS, ResetStore, ResetVerdict,
    WaitingReset, judge_reset,
};
pub use store::{AccountError, AccountStore, FirstSession, Rotation};

use crate::catalog::SearchTerm;
use crate::places::Paged;
use crate::types::{Page, Phone, Timestamp, UserId};

/// What stands for the name of somebody whose account was deleted.
pub const DELETED_USER: &str = "Deleted user";

/// A person who can sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Their number.
    pub id: UserId,
    /// The name they sign in with, 2 to 100 characters, unique to the letter.
    pub name: String,
    /// Their surname, at most 100 characters.
    pub surname: String,
    /// Their phone, unique.
    pub phone: Phone,
    /// Whether they run the shop.
    pub is_admin: bool,
    /// When they registered.
    pub created_at: Timestamp,
    /// When they were last changed.
    pub updated_at: Timestamp,
}

/// A hashed password in PHC string form. It never shows in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps a hash that a password hasher made.
    pub fn new(phc: String) -> Self {
        Self(phc)
    }

    /// The hash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash([redacted])")
    }
}

/// A user together with what their password is checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub user: User,
    /// Their password, hashed.
    pub password: PasswordHash,
}

/// A user to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// 2 to 100 characters.
    pub name: String,
    /// At most 100 characters.
    pub surname: String,
    /// Their phone.
    pub phone: Phone,
    /// Their password, hashed.
    pub password: PasswordHash,
    /// Whether they run the shop.
    pub is_admin: bool,
}

/// What somebody changes of their own account; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileChange {
    /// Another name to sign in with.
    pub name: Option<String>,
    /// Another surname.
    pub surname: Option<String>,
    /// Another phone.
    pub phone: Option<Phone>,
    /// Another password.
    pub password: Option<PasswordChange>,
}

/// A password in place of the present one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordChange {
    /// The present one, hashed, as it was read: what the current password was checked against.
    pub present: PasswordHash,
    /// The next one, hashed.
    pub next: PasswordHash,
    /// The session that the change is made in: the only one that goes on.
    pub session: SessionId,
}

/// What an admin changes of somebody else's account; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserChange {
    /// Another name to sign in with.
    pub name: Option<String>,
    /// Another surname.
    pub surname: Option<String>,
    /// Another phone.
    pub phone: Option<Phone>,
    /// Whether they run the shop.
    pub is_admin: Option<bool>,
}

/// Which users are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserQuery {
    /// Which part of the list.
    pub page: Page,
    /// Only those who run the shop, or only those who don't.
    pub is_admin: Option<bool>,
    /// Only those whose folded name, folded surname or phone contains this.
    pub search: Option<SearchTerm>,
}

impl Paged for UserQuery {
    type List = (Option<bool>, Option<SearchTerm>);
    type Id = UserId;

    fn list(&self) -> Self::List {
        (self.is_admin, self.search.clone())
    }

    fn page(&self) -> Page {
        self.page
    }

    fn search(&self) -> Option<&SearchTerm> {
        self.search.as_ref()
    }
}

/// A part of the list of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPage {
    /// The users.
    pub items: Vec<User>,
    /// How many there are in the whole list.
    pub total: i64,
    /// Whether they were counted to the end.
    pub total_is_exact: bool,
}

/// A session's name: 128 random bits, which the caller draws.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId([u8; 16]);

impl SessionId {
    /// Wraps 16 random bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// SHA-256 of a refresh token: all that is stored of one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RefreshHash([u8; 32]);

impl RefreshHash {
    /// Wraps a SHA-256 digest.
    pub const fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for RefreshHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshHash([redacted])")
    }
}

/// A refresh token as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// Its digest.
    pub hash: RefreshHash,
    /// Until when it can be used.
    pub expires_at: Timestamp,
}

/// A session to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// Its name.
    pub id: SessionId,
    /// The point past which nothing renews it; `None` = no cap.
    pub cap_at: Option<Timestamp>,
    /// Its first refresh token.
    pub refresh: RefreshToken,
}

/// Whose request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The user.
    pub user: UserId,
    /// Whether they run the shop.
    pub is_admin: bool,
}

impl User {
    /// The user as someone who acts.
    pub const fn actor(&self) -> Actor {
        Actor { user: self.id, is_admin: self.is_admin }
    }
}
