//! What a token is, how it is shown, exchanged and ended. What time does to sessions is in the in-process stories.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use slippers_server::{Clock as _, SystemClock};
use tempfile::TempDir;

use crate::shop::{Answer, Caller, PASSWORD, Shop};

/// Header and claims, as a front-end reads them.
pub(crate) fn read(token: &str) -> (Value, Value) {
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 3, "not a JWT: {token}");
    let part = |text: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(text).expect("base64url without padding");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    (part(parts[0]), part(parts[1]))
}

pub(crate) fn claim(token: &str, name: &str) -> i64 {
    read(token).1[name].as_i64().unwrap_or_else(|| panic!("{name} is no number: {:?}", read(token)))
}

pub(crate) fn now() -> i64 {
    SystemClock.now().seconds()
}

/// Whether a moment is the expected one, give or take what the story itself takes.
#[track_caller]
pub(crate) fn assert_about(seconds: i64, expected: i64) {
    assert!((expected - 60..=expected + 60).contains(&seconds), "{seconds} instead of {expected}");
}

fn refresh(shop: &Shop, token: &str) -> Answer {
    shop.post("/auth/refresh", &json!({"refresh_token": token}))
}

fn cart(shop: &Shop, caller: &Caller) -> Answer {
    shop.call(caller, "GET", "/cart", &Value::Null)
}

#[track_caller]
fn assert_challenged(answer: Answer) {
    let answer = answer.expect_error(401, "Could not validate credentials");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
}

#[test]
fn tokens_are_jwts_whose_expiry_a_front_end_can_read() {
    let shop = Shop::open();
    let caller = shop.customer("Farhod");
    for (token, kind) in [(&caller.access, "access"), (&caller.refresh, "refresh")] {
        let (header, claims) = read(token);
        assert_eq!(header.to_string(), r#"{"alg":"HS256","typ":"JWT"}"#);
        assert_eq!(claims["type"], kind);
        let subject = claims["sub"].as_str().expect("sub is a text");
        assert!(subject.parse::<u64>().is_ok(), "{subject}");
        assert_about(claim(token, "sess_exp"), now() + 8 * 3600);
        assert!(claim(token, "exp") <= claim(token, "sess_exp"), "nothing outlives its session");
    }
    assert_about(claim(&caller.access, "exp"), now() + 15 * 60);
    assert!(claim(&caller.refresh, "exp") > now() + 7 * 3600);
}

#[test]
fn a4_lifetimes_are_what_the_settings_say_wherever_they_stand() {
    let dir = TempDir::new().expect("a folder");
    // The working directory of the program is its data folder here. The legacy ignored `.env` for these.
    let dotenv = "ACCESS_TOKEN_EXPIRE_MINUTES=60\nREFRESH_TOKEN_EXPIRE_DAYS=3\nSESSION_MAX_HOURS=0\nSESSION_MAX_DAYS=2\n";
    std::fs::File::create(dir.path().join(".env"))
        .and_then(|mut file| std::io::Write::write_all(&mut file, dotenv.as_bytes()))
        .expect("a file");
    let shop = Shop::open_in(dir, &[("TZ", "Asia/Tashkent")]);
    let body = json!({"name": "Umida", "surname": "Doe", "phone_number": "+998901112233", "password": PASSWORD, "confirm_password": PASSWORD});
    let answer = shop.post("/auth/register", &body).expect(200);
    assert_eq!((&answer.json()["expires_in"], answer.header("x-expires-in")), (&json!(60), Some("60")));
    let caller = Caller::from_answer("Umida", &answer);
    assert_about(claim(&caller.access, "exp"), now() + 3600);
    assert_about(claim(&caller.access, "sess_exp"), now() + 2 * 86_400);
    assert_eq!(
        claim(&caller.refresh, "exp"),
        claim(&caller.refresh, "sess_exp"),
        "three days, but not past the session"
    );
}

#[test]
fn a_session_without_a_cap_has_no_claim_of_one() {
    let shop = Shop::open_with(&[("SESSION_MAX_HOURS", "0"), ("SESSION_MAX_DAYS", "0")]);
    let caller = shop.customer("Umida");
    for token in [&caller.access, &caller.refresh] {
        assert_eq!(read(token).1.get("sess_exp"), None);
    }
    assert_about(claim(&caller.refresh, "exp"), now() + 86_400);
    let next = Caller::from_answer("Umida", &refresh(&shop, &caller.refresh));
    assert_eq!(read(&next.access).1.get("sess_exp"), None);
}

#[test]
fn b17_a_token_counts_with_the_scheme_in_any_case_and_bare() {
    let shop = Shop::open();
    let caller = shop.customer("Farhod");
    for scheme in ["Bearer ", "bearer ", "BEARER ", "bEaReR ", ""] {
        let value = format!("{scheme}{}", caller.access);
        shop.send("GET", "/cart", &[("authorization", &value)], None).expect(200);
    }
}

#[test]
fn what_is_no_valid_access_token_is_challenged() {
    let (shop, other_shop) = (Shop::open(), Shop::open());
    shop.customer("The First");
    let caller = shop.customer("Farhod");
    let stranger = other_shop.customer("Farhod");
    let (head, rest) = caller.access.split_once('.').expect("a JWT");
    let (claims, signature) = rest.split_once('.').expect("a JWT");
    let unsigned = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let mut raised: Value = read(&caller.access).1;
    raised["sub"] = json!("1");
    let raised = URL_SAFE_NO_PAD.encode(raised.to_string());
    for value in [
        format!("Basic {}", caller.access),
        format!("Token {}", caller.access),
        format!("Bearer {}", caller.refresh),
        caller.refresh.clone(),
        format!("Bearer {}", stranger.access),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer null".to_owned(),
        "Bearer a.b.c".to_owned(),
        format!("Bearer {head}.{claims}."),
        format!("Bearer {head}.{claims}"),
        format!("Bearer {unsigned}.{claims}."),
        format!("Bearer {unsigned}.{claims}.{signature}"),
        format!("Bearer {head}.{raised}.{signature}"),
        format!("Bearer {}", "x".repeat(20_000)),
    ] {
        for (method, path) in [("GET", "/cart"), ("GET", "/orders/"), ("POST", "/orders/from-cart")] {
            let answer = shop.send(method, path, &[("authorization", &value)], None);
            assert_eq!(answer.status, 401, "{value}");
            assert_challenged(answer);
        }
    }
    assert_challenged(shop.get("/cart"));
    cart(&shop, &caller).expect(200);
}

#[test]
fn a_refresh_token_is_taken_from_json_from_headers_and_from_a_form() {
    let shop = Shop::open();
    let mut caller = shop.customer("Malika");
    let json = ("content-type", "application/json");
    let form = ("content-type", "application/x-www-form-urlencoded");
    for path in ["/auth/refresh", "/auth/refresh/"] {
        for way in 0..7 {
            let token = caller.refresh.clone();
            let (in_json, in_form) =
                (json!({"refresh_token": token}).to_string(), format!("refresh_token={token}&x=1"));
            let send = |headers: &[(&str, &str)], body: Option<&str>| {
                shop.send("POST", path, headers, body.map(str::as_bytes))
            };
            let answer = match way {
                0 => send(&[json], Some(&in_json)),
                1 => send(&[form], Some(&in_form)),
                2 => send(&[("refresh-token", &token)], None),
                3 => send(&[("x-refresh-token", &token)], None),
                4 => send(&[json, ("refresh-token", &token)], Some("not json {")),
                5 => send(&[json, ("x-refresh-token", &token)], Some("[1]")),
                // The body comes before the headers.
                _ => send(
                    &[json, ("refresh-token", "rubbish"), ("x-refresh-token", "rubbish")],
                    Some(&in_json),
                ),
            };
            assert_eq!(answer.status, 200, "way {way}: {}", answer.text());
            let next = Caller::from_answer("Malika", &answer);
            assert_ne!(next.refresh, token);
            caller = next;
        }
    }
}

#[test]
fn what_is_no_refresh_token_is_refused_and_none_is_told() {
    let shop = Shop::open();
    let caller = shop.customer("Malika");
    let json = [("content-type", "application/json")];
    for body in [
        None,
        Some("{}"),
        Some("[]"),
        Some("rubbish"),
        Some(r#"{"refresh_token":null}"#),
        Some(r#"{"refresh_token":""}"#),
    ] {
        let answer = shop.send("POST", "/auth/refresh", &json, body.map(str::as_bytes));
        answer.expect_error(400, "Refresh token required in request body or headers");
    }
    for token in
        [json!("rubbish"), json!("a.b.c"), json!(caller.access), json!(12345), json!(true), json!(["x"])]
    {
        let answer = shop.post("/auth/refresh", &json!({"refresh_token": token}));
        let answer = answer.expect_error(401, "Invalid refresh token");
        assert_eq!(answer.header("authorization"), None);
    }
    // An Authorization header is no refresh token.
    let value = format!("Bearer {}", caller.refresh);
    let answer = shop.send("POST", "/auth/refresh", &[("authorization", &value)], None);
    answer.expect_error(400, "Refresh token required in request body or headers");
    refresh(&shop, &caller.refresh).expect(200);
}

#[test]
fn a_refresh_renews_both_tokens_and_keeps_the_end_of_the_session() {
    let shop = Shop::open();
    let old = shop.customer("Sardor");
    let answer = refresh(&shop, &old.refresh).expect(200);
    let new = Caller::from_answer("Sardor", &answer);
    assert_ne!(new.refresh, old.refresh);
    assert_eq!(claim(&new.access, "sess_exp"), claim(&old.access, "sess_exp"));
    assert_eq!(claim(&new.refresh, "sess_exp"), claim(&old.refresh, "sess_exp"));
    assert_eq!(answer.header("authorization"), Some(format!("Bearer {}", new.access).as_str()));
    assert_eq!(answer.header("refresh-token"), Some(new.refresh.as_str()));
    assert_eq!(answer.json()["user"]["name"], "Sardor");
    for caller in [&old, &new] {
        cart(&shop, caller).expect(200);
    }
}

#[test]
fn a_lost_answer_is_forgiven_inside_the_leeway() {
    let shop = Shop::open_with(&[("REFRESH_REUSE_LEEWAY_SEC", "300")]);
    let caller = shop.customer("Sardor");
    let [first, again] = [0, 1].map(|_| Caller::from_answer("Sardor", &refresh(&shop, &caller.refresh)));
    assert_ne!(first.refresh, again.refresh, "another successor, not the same one again");
    for successor in [&first, &again] {
        cart(&shop, successor).expect(200);
        refresh(&shop, &successor.refresh).expect(200);
    }
}

#[test]
fn b16_without_a_leeway_a_second_use_ends_the_whole_family() {
    let shop = Shop::open_with(&[("REFRESH_REUSE_LEEWAY_SEC", "0")]);
    let stolen = shop.customer("Sardor");
    let elsewhere = shop.login("Sardor", PASSWORD);
    let next = Caller::from_answer("Sardor", &refresh(&shop, &stolen.refresh));
    let latest = Caller::from_answer("Sardor", &refresh(&shop, &next.refresh));
    cart(&shop, &latest).expect(200);
    refresh(&shop, &stolen.refresh).expect_error(401, "Invalid refresh token");
    for caller in [&stolen, &next, &latest] {
        refresh(&shop, &caller.refresh).expect_error(401, "Invalid refresh token");
        assert_challenged(cart(&shop, caller));
    }
    // Another session of the same person is another family.
    cart(&shop, &elsewhere).expect(200);
    refresh(&shop, &elsewhere.refresh).expect(200);
}

#[test]
fn b16_a_logout_ends_its_session_at_once_and_no_other() {
    let shop = Shop::open();
    let (leaving, staying) = (shop.customer("Gulnora"), shop.login("Gulnora", PASSWORD));
    let answer = shop.call(&leaving, "POST", "/auth/logout", &Value::Null).expect(200);
    let body = answer.json();
    assert_eq!(body["message"], "Logged out successfully");
    let time = body["timestamp"].as_str().expect("text");
    assert!(time.len() == 26 && !time.contains(['+', 'Z']), "UTC without a zone: {time}");
    assert_eq!(body.as_object().expect("an object").len(), 2);
    assert_eq!(answer.header("clear-site-data"), Some(r#""cache", "storage""#));
    assert_eq!(answer.header("x-logout"), Some("true"));
    assert_challenged(cart(&shop, &leaving));
    refresh(&shop, &leaving.refresh).expect_error(401, "Invalid refresh token");
    cart(&shop, &staying).expect(200);
    refresh(&shop, &staying.refresh).expect(200);
    shop.login("Gulnora", PASSWORD);
}

#[test]
fn a_logout_with_only_a_refresh_token_ends_that_session_too() {
    let shop = Shop::open();
    let caller = shop.customer("Gulnora");
    shop.post("/auth/logout", &json!({"refresh_token": caller.refresh})).expect(200);
    assert_challenged(cart(&shop, &caller));
    refresh(&shop, &caller.refresh).expect_error(401, "Invalid refresh token");
}

#[test]
fn everybody_may_log_out_again_and_again() {
    let shop = Shop::open();
    let caller = shop.customer("Gulnora");
    shop.post("/auth/logout", &json!({})).expect(200);
    shop.send("POST", "/auth/logout/", &[("authorization", "Bearer rubbish")], Some(b"rubbish")).expect(200);
    shop.post("/auth/logout", &json!({"refresh_token": "rubbish"})).expect(200);
    cart(&shop, &caller).expect(200);
    for _ in 0..3 {
        shop.call(&caller, "POST", "/auth/logout", &Value::Null).expect(200);
    }
    assert_challenged(cart(&shop, &caller));
}

#[test]
fn sessions_outlive_a_restart_of_the_program() {
    let mut shop = Shop::open();
    let caller = shop.customer("Sardor");
    let ended = shop.login("Sardor", PASSWORD);
    shop.call(&ended, "POST", "/auth/logout", &Value::Null).expect(200);
    assert_eq!(shop.terminate(), Some(0));
    shop.restart();
    cart(&shop, &caller).expect(200);
    refresh(&shop, &caller.refresh).expect(200);
    assert_challenged(cart(&shop, &ended));
}
