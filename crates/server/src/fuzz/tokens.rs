//! Tokens: nobody makes one without the key.

use std::sync::LazyLock;

use serde_json::Value;
use slippers_core::accounts::SessionId;
use slippers_core::types::{Timestamp, UserId};

use crate::accounts::tokens::{AccessClaims, TokenError, TokenId, TokenPair, Tokens};
use crate::settings::{SecretKey, SessionSettings};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const USER: UserId = UserId::new(7);
const SESSION: SessionId = SessionId::new(*b"sixteen bytes!!!");

static TOKENS: LazyLock<Tokens> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "nothing can be fuzzed without a key")]
    let secret = SecretKey::new("0123456789abcdef0123456789abcdef").expect("a key");
    Tokens::new(&SessionSettings {
        secret,
        access_minutes: 15,
        refresh_days: 1,
        cap_seconds: None,
        refresh_leeway_seconds: 10,
    })
});

/// The only tokens that were ever issued; they stand in the corpora too, for fuzzers to forge.
static ISSUED: LazyLock<TokenPair> =
    LazyLock::new(|| TOKENS.issue(USER, SESSION, None, NOW, TokenId::of(*b"0123456789abcdef")));

/// No text is an access token but the one that was issued, to the letter.
pub(super) fn access(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let expected = if text == ISSUED.access {
        Ok(AccessClaims { user: USER, session: SESSION })
    } else {
        Err(TokenError::Invalid)
    };
    assert_eq!(TOKENS.read_access(text, NOW), expected, "{text:?}");
    assert!(TOKENS.read_refresh(text, NOW).is_err() || text == ISSUED.refresh, "{text:?}");
}

/// No text is a refresh token but the one that was issued, to the letter.
pub(super) fn refresh(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match TOKENS.read_refresh(text, NOW) {
        Ok(claims) => {
            assert_eq!(text, ISSUED.refresh);
            assert_eq!((claims.user, claims.session, claims.cap_at), (USER, SESSION, None));
            assert_eq!(claims.hash, ISSUED.refresh_stored.hash);
        }
        Err(error) => assert!(text != ISSUED.refresh && error == TokenError::Invalid, "{error}: {text:?}"),
    }
    assert!(TOKENS.read_access(text, NOW).is_err() || text == ISSUED.access, "{text:?}");
}

/// Claims that we signed are taken only when each of them says so: the right kind, not expired, under the cap.
pub(super) fn signed_claims(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let token = TOKENS.sign(text);
    let access = TOKENS.read_access(&token, NOW).map(|claims| (claims.user, claims.session));
    let refresh = TOKENS.read_refresh(&token, NOW).map(|claims| (claims.user, claims.session));
    assert!(access.is_err() || refresh.is_err(), "a token is of two kinds: {text}");
    for (found, kind) in [(access, "access"), (refresh, "refresh")] {
        let claims: Value = serde_json::from_str(text).unwrap_or_default();
        let cap = claims.get("sess_exp").map(Value::as_i64);
        let now = NOW.seconds();
        match found {
            Ok((user, _)) => {
                assert_eq!(claims["type"], kind, "{text}");
                assert_eq!(claims["sub"].as_str(), Some(user.to_string().as_str()), "{text}");
                assert!(claims["exp"].as_i64().is_some_and(|exp| exp > now), "it has expired: {text}");
                assert!(cap.is_none_or(|cap| cap.is_some_and(|cap| cap > now)), "past its cap: {text}");
                assert_eq!(claims["sid"].as_str().map(str::len), Some(22), "{text}");
            }
            Err(TokenError::SessionOver) => {
                assert!(cap.flatten().is_some_and(|cap| cap <= now), "the cap is not reached: {text}");
            }
            Err(TokenError::Invalid) => {}
        }
    }
}
