//! Every trick that is known against JSON Web Tokens, and what ours say.

use super::*;
use crate::SystemEntropy;
use crate::settings::SecretKey;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const USER: UserId = UserId::new(7);
const SESSION: SessionId = SessionId::new(*b"sixteen bytes!!!");
const SID: &str = "c2l4dGVlbiBieXRlcyEhIQ";

fn tokens_with(secret: &str) -> Tokens {
    Tokens::new(&SessionSettings {
        secret: SecretKey::new(secret).expect("a key"),
        access_minutes: 15,
        refresh_days: 1,
        cap_seconds: None,
        refresh_leeway_seconds: 10,
    })
}

fn tokens() -> Tokens {
    tokens_with("0123456789abcdef0123456789abcdef")
}

fn issue(cap_at: Option<Timestamp>) -> TokenPair {
    tokens().issue(USER, SESSION, cap_at, NOW, TokenId::draw(&SystemEntropy).expect("randomness"))
}

fn claims_of(token: &str) -> String {
    let payload = token.split('.').nth(1).expect("a payload");
    String::from_utf8(URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("UTF-8")
}

/// Signs any header and payload with the right key.
fn signed(header: &str, payload: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let mac = tokens().mac(&signed).finalize().into_bytes();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
}

fn refused(token: &str) -> bool {
    tokens().read_access(token, NOW) == Err(TokenError::Invalid)
        && tokens().read_refresh(token, NOW) == Err(TokenError::Invalid)
}

const GOOD_HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

fn good_claims() -> String {
    format!(r#"{{"sub":"7","exp":1800000060,"type":"access","sid":"{SID}"}}"#)
}

#[test]
fn signatures_are_those_of_the_standard() {
    // RFC 4231 test cases 2 (a short key) and 6 (a key longer than a block).
    for (key, data, mac) in [
        (b"Jefe".to_vec(), "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c7"),
        (
            vec![0xaa; 131],
            "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f",
        ),
    ] {
        let mut hmac = Hmac::<Sha256>::new(&block_key(&key).into());
        hmac.update(data.as_bytes());
        let found: String = hmac.finalize().into_bytes()[..16].iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(found, mac);
    }
}

#[test]
fn tokens_say_what_the_legacy_said_and_the_session() {
    let pair = issue(Some(NOW.plus_seconds(28_800)));
    assert!(pair.access.starts_with(&format!("{HEADER}.")));
    assert_eq!(URL_SAFE_NO_PAD.decode(HEADER).expect("base64url"), GOOD_HEADER.as_bytes());
    assert_eq!(
        claims_of(&pair.access),
        format!(r#"{{"sub":"7","exp":1800000900,"type":"access","sess_exp":1800028800,"sid":"{SID}"}}"#)
    );
    let refresh = claims_of(&pair.refresh);
    let start = format!(
        r#"{{"sub":"7","exp":1800028800,"type":"refresh","sess_exp":1800028800,"sid":"{SID}","jti":""#
    );
    assert!(refresh.starts_with(&start), "{refresh}");
    assert_eq!(refresh.len(), start.len() + 22 + 2);
    assert_eq!(pair.refresh_stored.expires_at, NOW.plus_seconds(28_800));
    assert!(!claims_of(&issue(None).access).contains("sess_exp"));
    assert_eq!(issue(None).refresh_stored.expires_at, NOW.plus_seconds(86_400));
}

#[test]
fn what_was_issued_is_read_again() {
    for cap_at in [None, Some(NOW.plus_seconds(100))] {
        let pair = issue(cap_at);
        let access = tokens().read_access(&pair.access, NOW);
        assert_eq!(access, Ok(AccessClaims { user: USER, session: SESSION }));
        let refresh = tokens().read_refresh(&pair.refresh, NOW);
        let hash = pair.refresh_stored.hash;
        assert_eq!(refresh, Ok(RefreshClaims { hash, user: USER, session: SESSION, cap_at }));
    }
}

#[test]
fn refresh_tokens_of_one_session_and_second_differ() {
    assert_ne!(issue(None).refresh_stored.hash, issue(None).refresh_stored.hash);
}

#[test]
fn one_kind_does_not_pass_for_the_other() {
    let pair = issue(None);
    assert_eq!(tokens().read_access(&pair.refresh, NOW), Err(TokenError::Invalid));
    assert_eq!(tokens().read_refresh(&pair.access, NOW), Err(TokenError::Invalid));
}

#[test]
fn expiry_and_the_end_of_a_session_are_told_apart() {
    let pair = issue(Some(NOW.plus_seconds(3600)));
    let at = |seconds| tokens().read_access(&pair.access, NOW.plus_seconds(seconds)).err();
    assert_eq!([at(899), at(900), at(3599)], [None, Some(TokenError::Invalid), Some(TokenError::Invalid)]);
    assert_eq!(at(3600), Some(TokenError::SessionOver));
    let at = |seconds| tokens().read_refresh(&pair.refresh, NOW.plus_seconds(seconds)).err();
    assert_eq!(
        [at(3599), at(3600), at(99_999)],
        [None, Some(TokenError::SessionOver), Some(TokenError::SessionOver)]
    );
}

#[test]
fn only_our_key_signs() {
    let other = tokens_with("another key of more than 32 bytes....");
    let pair = other.issue(USER, SESSION, Some(NOW), NOW, TokenId([7; 16]));
    assert!(refused(&pair.access) && refused(&pair.refresh), "not even its end of session is believed");
    let good = issue(None).access;
    let (head, signature) = good.rsplit_once('.').expect("a signature");
    for bad in ["", "AA", &signature[..42], &"A".repeat(43), &signature.repeat(2)] {
        assert!(refused(&format!("{head}.{bad}")), "{bad}");
    }
}

#[test]
fn every_changed_character_is_noticed() {
    let good = issue(None).access;
    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        assert!(refused(&String::from_utf8(bytes).expect("ASCII")), "{at}");
    }
}

#[test]
fn no_other_header_is_heard() {
    assert!(!refused(&signed(GOOD_HEADER, &good_claims())));
    for header in [
        r#"{"alg":"none","typ":"JWT"}"#,
        r#"{"alg":"NoNe","typ":"JWT"}"#,
        r#"{"alg":"hs256","typ":"JWT"}"#,
        r#"{"alg":"HS384","typ":"JWT"}"#,
        r#"{"alg":"RS256","typ":"JWT"}"#,
        r#"{"alg":"HS256"}"#,
        r#"{"typ":"JWT","alg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"JWT","crit":["exp"]}"#,
        r#"{"alg":"HS256","typ":"JWT","kid":"../../dev/null"}"#,
        r#"{"alg":"HS256","typ":"JWT","jwk":{"kty":"oct","k":"AA"}}"#,
        r#"{"alg":"HS256","typ":"JWT","alg":"none"}"#,
        r#"{"alg":"HS256","typ":"JWT","b64":false}"#,
        "",
    ] {
        assert!(refused(&signed(header, &good_claims())), "{header}");
    }
    let unsigned = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    assert!(refused(&format!("{unsigned}.{}.", URL_SAFE_NO_PAD.encode(good_claims()))));
}

#[test]
fn claims_are_complete_single_and_of_their_kind() {
    let good = good_claims();
    for (from, to) in [
        (r#""sub":"7","#, ""),
        (r#""exp":1800000060,"#, ""),
        (r#""type":"access","#, ""),
        (r#""sub":"7""#, r#""sub":7"#),
        (r#""sub":"7""#, r#""sub":"+7""#),
        (r#""sub":"7""#, r#""sub":"07""#),
        (r#""sub":"7""#, r#""sub":"7 ""#),
        (r#""sub":"7""#, r#""sub":"9223372036854775808""#),
        (r#""sub":"7""#, r#""sub":"7","sub":"1""#),
        ("1800000060", r#""1800000060""#),
        ("1800000060", "1800000060.5"),
        ("1800000060", "1e99"),
        ("1800000060", "null"),
        ("1800000060", "99999999999999999999"),
        ("1800000060", r#"{"$serde_json::private::Number":"1800000060"}"#),
        ("1800000060", r#"1800000060,"exp":1900000000"#),
        (r#""access""#, r#""Access""#),
        (r#""access""#, r#""access","type":"refresh""#),
        (r#""access""#, r#""access","sess_exp":null"#),
        (r#""access""#, r#""access","sess_exp":"1900000000""#),
        (r#""access""#, r#""access","sess_exp":1900000000,"sess_exp":1900000001"#),
        (SID, "AAAA"),
        (SID, ""),
        (SID, "c2l4dGVlbiBieXRlcyEhIQ=="),
        ("}", "}}"),
        ("}", ""),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        assert!(refused(&signed(GOOD_HEADER, &bad)), "{bad}");
    }
    for bad in ["", "[]", "null", r#"["7",1800000060,"access"]"#] {
        assert!(refused(&signed(GOOD_HEADER, bad)), "{bad}");
    }
}

#[test]
fn claims_that_are_not_ours_are_ignored() {
    let extra = good_claims().replacen('}', r#","nbf":1900000000,"iss":"x","is_admin":true}"#, 1);
    assert!(tokens().read_access(&signed(GOOD_HEADER, &extra), NOW).is_ok());
}

#[test]
fn there_is_one_way_to_write_a_token() {
    let good = issue(None).access;
    let (head, signature) = good.rsplit_once('.').expect("a signature");
    // The last character of 32 bytes carries two spare bits: another one with the same meaning is not taken.
    let spare = signature.chars().last().map(|last| char::from(last as u8 + 1)).expect("a character");
    for bad in [
        format!(" {good}"),
        format!("{good} "),
        format!("{good}\n"),
        format!("{good}="),
        format!("{good}."),
        format!(".{good}"),
        format!("{head}..{signature}"),
        format!("{head}.x.{signature}"),
        good.replacen('.', "=.", 1),
        good.replacen('.', " .", 1),
        format!("{head}.{}{spare}", &signature[..signature.len() - 1]),
        good.replace('.', ""),
        String::new(),
        "..".into(),
    ] {
        assert!(refused(&bad), "{bad:?}");
    }
}

#[test]
fn giants_are_refused_before_they_are_decoded() {
    let padded = |length: usize| {
        let claims = good_claims().replacen('}', &format!(r#","x":"{}"}}"#, "x".repeat(length)), 1);
        signed(GOOD_HEADER, &claims)
    };
    assert!(!refused(&padded(2900)));
    assert!(padded(3100).len() > MAX_TOKEN_BYTES && refused(&padded(3100)));
}

#[test]
fn secrets_do_not_show() {
    let pair = issue(None);
    let shown = format!("{pair:?} {:?}", tokens());
    assert!(
        !shown.contains(&pair.access) && !shown.contains(&pair.refresh) && !shown.contains("0123"),
        "{shown}"
    );
}
