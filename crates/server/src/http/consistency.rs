//! Who has written reads what they wrote, also where copies of the database answer, and also at another instance.
//!
//! An answer to a call that may have written bears `X-Slippers-Consistency`: how far the database was then, signed. Who
//! sends it back within half a minute is answered by nothing that is older. Who does not is answered by the database
//! itself where something is theirs; see docs/adr/0021-replicas-that-do-not-lie.md.

use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use slippers_core::Position;
use slippers_core::types::Timestamp;
use subtle::ConstantTimeEq as _;

use super::call::Bearer;
use super::errors::ApiError;
use crate::accounts::tokens::{AccessClaims, Tokens};
use crate::shop::Shop;

/// The header, of answers and of requests.
pub(crate) const X_SLIPPERS_CONSISTENCY: HeaderName = HeaderName::from_static("x-slippers-consistency");
/// How long it counts. After that every copy that is in use has what it tells of, or nobody reads from it.
const LIFE_SECONDS: i64 = 30;
/// The longest that it is asked who somebody is who looks at the catalogue.
const WHO_LIMIT: Duration = Duration::from_secs(1);
/// Of the signature: a forgery is worth nothing but to its maker, who would read older rows.
const SIGNATURE_BYTES: usize = 16;

/// What a caller says that they have seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen(pub(crate) Option<Position>);

impl Seen {
    /// What the header of a request says, where there are copies that it matters to.
    pub(crate) fn of(shop: &Shop, has_copies: bool, headers: &HeaderMap) -> Self {
        if has_copies { Self::read(&shop.tokens, headers, shop.now()) } else { Self::default() }
    }

    /// Reads the header; one that is not ours or too old says nothing.
    fn read(tokens: &Tokens, headers: &HeaderMap, now: Timestamp) -> Self {
        let told = headers.get(X_SLIPPERS_CONSISTENCY);
        Self(told.and_then(|told| open(tokens, told.as_bytes(), now)))
    }
}

/// Tells a caller who may have written how far the database is.
pub(crate) fn tell_position(shop: &Shop, method: &Method, bearer: Bearer, headers: &mut HeaderMap) {
    if method.is_safe() {
        return;
    }
    let user = match bearer {
        Bearer::Valid(claims) => Some(claims.user),
        _ => None,
    };
    let told = shop.store.wrote(user).and_then(|position| tell(&shop.tokens, position, shop.now()));
    headers.extend(told.map(|told| (X_SLIPPERS_CONSISTENCY, told)));
}

/// The header that tells of a position.
fn tell(tokens: &Tokens, position: Position, now: Timestamp) -> Option<HeaderValue> {
    let mut bytes = encode(position, now.seconds()).to_vec();
    bytes.extend_from_slice(&sign(tokens, position, now.seconds()));
    HeaderValue::from_str(&URL_SAFE_NO_PAD.encode(bytes)).ok()
}

fn encode(position: Position, at: i64) -> [u8; 20] {
    let mut bytes = [0; 20];
    bytes[..4].copy_from_slice(&position.timeline.to_be_bytes());
    bytes[4..12].copy_from_slice(&position.offset.to_be_bytes());
    bytes[12..].copy_from_slice(&at.to_be_bytes());
    bytes
}

fn sign(tokens: &Tokens, position: Position, at: i64) -> [u8; SIGNATURE_BYTES] {
    let Position { timeline, offset } = position;
    let digest = tokens.digest(&format!("consistency 1 {timeline} {offset} {at}"));
    let mut signature = [0; SIGNATURE_BYTES];
    signature.copy_from_slice(&digest[..SIGNATURE_BYTES]);
    signature
}

fn open(tokens: &Tokens, told: &[u8], now: Timestamp) -> Option<Position> {
    let bytes: [u8; 20 + SIGNATURE_BYTES] = URL_SAFE_NO_PAD.decode(told).ok()?.try_into().ok()?;
    let (timeline, rest) = bytes.split_first_chunk::<4>()?;
    let (offset, rest) = rest.split_first_chunk::<8>()?;
    let (at, signature) = rest.split_first_chunk::<8>()?;
    let position = Position { timeline: u32::from_be_bytes(*timeline), offset: u64::from_be_bytes(*offset) };
    let at = i64::from_be_bytes(*at);
    let is_ours = bool::from(sign(tokens, position, at).as_slice().ct_eq(signature));
    // The clocks of instances differ a little.
    (is_ours && now.seconds().abs_diff(at) <= LIFE_SECONDS.unsigned_abs()).then_some(position)
}

/// Before kept pages of the catalogue are looked at: sees to it that they are not older than what the caller has seen, or
/// for an admin, than anything. Others may be told of what other instances changed a second later.
pub(crate) async fn keep_up(shop: &Shop, bearer: Bearer, seen: Seen) -> Result<(), ApiError> {
    let is_wanted = seen.0.is_some()
        || match bearer {
            Bearer::Valid(claims) => is_admin(shop, claims).await,
            _ => false,
        };
    if is_wanted {
        shop.store.catch_up(seen.0).await?;
    }
    Ok(())
}

/// A catalogue is shown to everybody: where it can't be known who asks, they are one of them.
async fn is_admin(shop: &Shop, claims: AccessClaims) -> bool {
    let found = shop.sessions.find(&*shop.store, claims, Instant::now());
    let found = tokio::time::timeout(WHO_LIMIT, found).await;
    matches!(found, Ok(Ok(Some(user))) if user.is_admin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{SecretKey, SessionSettings};

    const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);
    const SOMEWHERE: Position = Position { timeline: 3, offset: 0x1_0302_4738 };

    fn tokens(secret: &str) -> Tokens {
        Tokens::new(&SessionSettings {
            secret: SecretKey::new(secret).expect("a key"),
            access_minutes: 15,
            refresh_days: 1,
            cap_seconds: None,
            refresh_leeway_seconds: 10,
        })
    }

    fn told(tokens: &Tokens) -> HeaderMap {
        let told = tell(tokens, SOMEWHERE, NOW).expect("a header");
        HeaderMap::from_iter([(X_SLIPPERS_CONSISTENCY, told)])
    }

    #[test]
    fn what_is_told_is_read_back_for_half_a_minute() {
        let ours = tokens("0123456789abcdef0123456789abcdef");
        for (seconds, counts) in [(0, true), (30, true), (31, false), (-30, true), (-31, false)] {
            let read = Seen::read(&ours, &told(&ours), NOW.plus_seconds(seconds));
            assert_eq!(read.0, counts.then_some(SOMEWHERE), "{seconds}");
        }
    }

    #[test]
    fn what_is_not_ours_says_nothing() {
        let ours = tokens("0123456789abcdef0123456789abcdef");
        let theirs = tokens("another-0123456789abcdef01234567");
        assert_eq!(Seen::read(&ours, &told(&theirs), NOW).0, None);
        assert_eq!(Seen::read(&ours, &HeaderMap::new(), NOW).0, None);
        let good = told(&ours)[X_SLIPPERS_CONSISTENCY].as_bytes().to_vec();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] = if bad[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(open(&ours, &bad, NOW), None, "{at}");
        }
        assert_eq!(open(&ours, &good[1..], NOW), None);
    }
}
