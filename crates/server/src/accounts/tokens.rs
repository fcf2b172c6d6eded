//! Access and refresh tokens: JSON Web Tokens (RFC 7519) signed with HMAC-SHA-256, and nothing else.
//!
//! One key, one algorithm, one header: a token whose first part differs from ours by a single character is refused
//! before anything in it is looked at, so no header parameter (`alg`, `kid`, `jwk`, `crit`, ...) can steer anything
//! (RFC 8725 sections 3.1 and 3.10). Claims are read only after the signature held.

use std::fmt;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use slippers_core::accounts::{RefreshHash, RefreshToken, SessionId};
use slippers_core::types::{Timestamp, UserId};

use crate::Entropy;
use crate::settings::SessionSettings;

/// `{"alg":"HS256","typ":"JWT"}` in base64url: the first part of every token that we sign or take.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
/// Ours have some 300 bytes. Longer than this is refused before anything is decoded.
const MAX_TOKEN_BYTES: usize = 4096;
const SECONDS_PER_MINUTE: i64 = 60;
const SECONDS_PER_DAY: i64 = 86_400;

/// Signs and reads tokens.
#[derive(Clone)]
pub(crate) struct Tokens {
    /// HMAC with the key already in it.
    keyed: Hmac<Sha256>,
    access_seconds: i64,
    refresh_seconds: i64,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("access_seconds", &self.access_seconds)
            .field("refresh_seconds", &self.refresh_seconds)
            .finish_non_exhaustive()
    }
}

/// What tells one refresh token of a session from the next: 128 random bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenId([u8; 16]);

impl TokenId {
    /// The one of these bytes, so that a token is the same in every run.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) const fn of(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Draws one.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub(crate) fn draw(entropy: &dyn Entropy) -> io::Result<Self> {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes)?;
        Ok(Self(bytes))
    }
}

/// The two tokens of a session. It never shows in a log.
#[derive(Clone)]
pub(crate) struct TokenPair {
    /// For `Authorization: Bearer`.
    pub(crate) access: String,
    /// For `POST /auth/refresh`.
    pub(crate) refresh: String,
    /// What is stored of `refresh`.
    pub(crate) refresh_stored: RefreshToken,
}

impl fmt::Debug for TokenPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenPair").field("refresh_stored", &self.refresh_stored).finish_non_exhaustive()
    }
}

/// Why a token is worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    /// Not ours, of the other kind, or expired.
    #[error("the token is not valid")]
    Invalid,
    /// Ours, but its session has reached its cap.
    #[error("the session has reached its cap")]
    SessionOver,
}

/// What an access token says. Whether its session still stands is for the store to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AccessClaims {
    /// Who.
    pub(crate) user: UserId,
    /// In which session.
    pub(crate) session: SessionId,
}

/// What a refresh token says. Whether it was used before is for the store to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RefreshClaims {
    /// By which the store knows it.
    pub(crate) hash: RefreshHash,
    /// Who.
    pub(crate) user: UserId,
    /// In which session.
    pub(crate) session: SessionId,
    /// Past which nothing renews the session.
    pub(crate) cap_at: Option<Timestamp>,
}

/// Every claim that counts; others are ignored. A claim that stands twice is an error.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: i64,
    #[serde(rename = "type")]
    kind: String,
    sid: String,
    #[serde(default, deserialize_with = "present")]
    sess_exp: Option<i64>,
}

/// A claim may be missing, but not `null`.
fn present<'de, D: serde::Deserializer<'de>>(claim: D) -> Result<Option<i64>, D::Error> {
    i64::deserialize(claim).map(Some)
}

const ACCESS: &str = "access";
const REFRESH: &str = "refresh";

impl Tokens {
    /// Takes the key and the lifetimes.
    pub(crate) fn new(settings: &SessionSettings) -> Self {
        Self {
            keyed: Hmac::new(&block_key(settings.secret.as_bytes()).into()),
            access_seconds: settings.access_minutes.saturating_mul(SECONDS_PER_MINUTE),
            refresh_seconds: settings.refresh_days.saturating_mul(SECONDS_PER_DAY),
        }
    }

    /// Makes the two tokens of a session; the same arguments give the same tokens. Neither outlives `cap_at`.
    pub(crate) fn issue(
        &self,
        user: UserId,
        session: SessionId,
        cap_at: Option<Timestamp>,
        now: Timestamp,
        jti: TokenId,
    ) -> TokenPair {
        let sid = URL_SAFE_NO_PAD.encode(session.as_bytes());
        let jti = URL_SAFE_NO_PAD.encode(jti.0);
        let cap = cap_at.map(Timestamp::seconds);
        let sess_exp = cap.map(|cap| format!(r#","sess_exp":{cap}"#)).unwrap_or_default();
        let expiry = |lifetime: i64| {
            let end = now.plus_seconds(lifetime).seconds();
            cap.map_or(end, |cap| end.min(cap))
        };

        let exp = expiry(self.access_seconds);
        let access = self
            .sign(&format!(r#"{{"sub":"{user}","exp":{exp},"type":"{ACCESS}"{sess_exp},"sid":"{sid}"}}"#));
        let exp = expiry(self.refresh_seconds);
        let refresh = self.sign(&format!(
            r#"{{"sub":"{user}","exp":{exp},"type":"{REFRESH}"{sess_exp},"sid":"{sid}","jti":"{jti}"}}"#
        ));
        let refresh_stored =
            RefreshToken { hash: hash_refresh(&refresh), expires_at: Timestamp::from_seconds(exp) };
        TokenPair { access, refresh, refresh_stored }
    }

    /// Reads an access token.
    ///
    /// # Errors
    /// [`TokenError`]; [`TokenError::SessionOver`] only for a token that we signed.
    pub(crate) fn read_access(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenError> {
        let (user, session, _) = self.read(token, ACCESS, now)?;
        Ok(AccessClaims { user, session })
    }

    /// Reads a refresh token.
    ///
    /// # Errors
    /// As [`Tokens::read_access`].
    pub(crate) fn read_refresh(&self, token: &str, now: Timestamp) -> Result<RefreshClaims, TokenError> {
        let (user, session, cap_at) = self.read(token, REFRESH, now)?;
        Ok(RefreshClaims { hash: hash_refresh(token), user, session, cap_at })
    }

    fn read(
        &self,
        token: &str,
        kind: &str,
        now: Timestamp,
    ) -> Result<(UserId, SessionId, Option<Timestamp>), TokenError> {
        let claims = self.open(token).ok_or(TokenError::Invalid)?;
        let user = parse_user(&claims.sub).ok_or(TokenError::Invalid)?;
        let session = parse_session(&claims.sid).ok_or(TokenError::Invalid)?;
        if claims.kind != kind {
            return Err(TokenError::Invalid);
        }
        let cap_at = claims.sess_exp.map(Timestamp::from_seconds);
        // First the cap: at that moment the token has expired too, and the client must hear which of the two it was.
        if cap_at.is_some_and(|cap| cap <= now) {
            return Err(TokenError::SessionOver);
        }
        if Timestamp::from_seconds(claims.exp) <= now {
            return Err(TokenError::Invalid);
        }
        Ok((user, session, cap_at))
    }

    /// The claims of a token that we signed. `None` for everything else, whatever is wrong with it.
    fn open(&self, token: &str) -> Option<Claims> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let payload = signed.strip_prefix(HEADER)?.strip_prefix('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        // Compares in constant time, and the length too.
        self.mac(signed).verify_slice(&signature).ok()?;
        let claims = URL_SAFE_NO_PAD.decode(payload).ok()?;
        // An object: a list of the same values would be read into the claims too.
        if claims.starts_with(b"{") { serde_json::from_slice(&claims).ok() } else { None }
    }

    /// The token with these claims, whatever they say.
    pub(crate) fn sign(&self, claims: &str) -> String {
        let signed = format!("{HEADER}.{}", URL_SAFE_NO_PAD.encode(claims));
        let signature = self.mac(&signed).finalize().into_bytes();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A digest of a text that nobody can make who does not have the key. The text must not begin as a token does.
    pub(crate) fn digest(&self, text: &str) -> [u8; 32] {
        self.mac(text).finalize().into_bytes().into()
    }

    fn mac(&self, signed: &str) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        mac.update(signed.as_bytes());
        mac
    }
}

/// A key as HMAC takes it in, without a way to fail (RFC 2104 section 2): filled up with zeros to one block of SHA-256,
/// a longer one hashed first.
fn block_key(key: &[u8]) -> [u8; 64] {
    let mut block = [0; 64];
    match block.get_mut(..key.len()) {
        Some(start) => start.copy_from_slice(key),
        None => block[..32].copy_from_slice(&Sha256::digest(key)),
    }
    block
}

/// SHA-256 is enough for a secret of 128 random bits: there is nothing to guess.
fn hash_refresh(token: &str) -> RefreshHash {
    RefreshHash::new(Sha256::digest(token.as_bytes()).into())
}

/// A number written as we write it: no sign, blank or zero in front.
fn parse_user(sub: &str) -> Option<UserId> {
    let user = UserId::new(sub.parse().ok()?);
    (user.to_string() == sub).then_some(user)
}

fn parse_session(sid: &str) -> Option<SessionId> {
    URL_SAFE_NO_PAD.decode(sid).ok()?.try_into().ok().map(SessionId::new)
}

#[cfg(test)]
mod tests;
