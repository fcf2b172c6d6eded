//! Signatures of webhooks: Standard Webhooks 1.0, symmetric (`v1`), <https://www.standardwebhooks.com>.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

const PREFIX: &str = "whsec_";
/// The bytes that a secret may have, as the specification says.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// What signs webhooks. It never shows in a log.
#[derive(Clone)]
pub struct WebhookSecret(Vec<u8>);

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret([redacted])")
    }
}

impl WebhookSecret {
    /// Reads `whsec_` and 24 to 64 bytes in base64; `None` when it is something else.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
        BYTES.contains(&bytes.len()).then_some(Self(bytes))
    }

    /// `v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64; `None` never, as HMAC takes keys of any length.
    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

/// The header `webhook-signature`: a signature by each secret, so that a receiver which knows any of them can check it
/// while they are changed.
pub(super) fn signatures(secrets: &[WebhookSecret], id: &str, timestamp: i64, body: &[u8]) -> String {
    let each: Vec<String> = secrets.iter().filter_map(|secret| secret.sign(id, timestamp, body)).collect();
    each.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published example: https://docs.svix.com/receiving/verifying-payloads/how-manual, and the tests of the
    /// specification's reference libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const TIMESTAMP: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn the_published_example_is_signed_as_published() {
        let secret = WebhookSecret::parse(SECRET).expect("a secret");
        assert_eq!(signatures(&[secret], ID, TIMESTAMP, BODY), SIGNATURE);
    }

    #[test]
    fn each_secret_signs_and_none_shows() {
        let other = format!("whsec_{}", STANDARD.encode([7; 32]));
        let secrets = [other.as_str(), SECRET].map(|text| WebhookSecret::parse(text).expect("a secret"));
        let header = signatures(&secrets, ID, TIMESTAMP, BODY);
        assert!(header.ends_with(&format!(" {SIGNATURE}")) && header.matches("v1,").count() == 2, "{header}");
        assert_eq!(format!("{secrets:?}"), "[WebhookSecret([redacted]), WebhookSecret([redacted])]");
        assert_ne!(signatures(&secrets[1..], ID, TIMESTAMP + 1, BODY), SIGNATURE);
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        for bytes in [0, 23, 65] {
            let text = format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
            assert!(WebhookSecret::parse(&text).is_none(), "{bytes}");
        }
        let good = STANDARD.encode([7; 24]);
        assert!(WebhookSecret::parse(&format!("whsec_{good}")).is_some());
        for text in ["", "whsec_", "secret", good.as_str(), "whsec_!!!!"] {
            assert!(WebhookSecret::parse(text).is_none(), "{text}");
        }
    }
}
