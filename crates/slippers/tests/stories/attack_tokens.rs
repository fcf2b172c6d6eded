//! Tokens that nobody was given. The attacker of most of these stories even knows the signing key, so that what refuses
//! them is not the signature alone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Sha256, Sha384, Sha512};

use crate::scene::Scene;
use crate::shop::PASSWORD;
use crate::tokens::{now, read};
use crate::wire;

const KEY: &str = "a-signing-key-that-has-leaked-0123456789";
const OURS: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// Signs with one hash function, whatever the header says.
macro_rules! signer {
    ($name:ident, $hash:ty) => {
        fn $name(key: &str, header: &str, claims: &str) -> String {
            let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
            let mut mac = <Hmac<$hash>>::new_from_slice(key.as_bytes()).expect("a key of any length");
            mac.update(text.as_bytes());
            format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
        }
    };
}
signer!(hs256, Sha256);
signer!(hs384, Sha384);
signer!(hs512, Sha512);

fn scene() -> (Scene, Value) {
    let scene = Scene::open_with(&[("SECRET_KEY", KEY)]);
    let claims = read(&scene.customer().access).1;
    (scene, claims)
}

fn but(claims: &Value, name: &str, value: Value) -> String {
    let mut claims = claims.clone();
    claims[name] = value;
    claims.to_string()
}

fn without(claims: &Value, name: &str) -> String {
    let mut claims = claims.clone();
    claims.as_object_mut().expect("claims").remove(name);
    claims.to_string()
}

/// None of them opens anything, and nothing changes.
#[track_caller]
fn all_refused(scene: &Scene, forged: &[(&str, String)]) {
    let before = scene.everything();
    let slipper = format!("/slippers/{}", scene.value("slipper_id"));
    for (what, token) in forged {
        for value in [format!("Bearer {token}"), token.clone()] {
            for (method, path) in [("GET", "/cart"), ("GET", "/users/"), ("DELETE", slipper.as_str())] {
                let answer = wire::send(&scene.shop, method, path, &[("authorization", &value)], b"");
                assert_eq!(answer.status, 401, "{what}: {method} {path}: {}", answer.text());
            }
        }
    }
    assert_eq!(scene.everything(), before, "nothing changed");
}

#[test]
fn no_header_of_a_token_chooses_how_it_is_checked() {
    let (scene, claims) = scene();
    let claims = claims.to_string();
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let mut forged: Vec<(&str, String)> = Vec::new();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#);
        forged.push(("no signature", format!("{}.{}.", part(&header), part(&claims))));
        forged.push(("no signature, no dot", format!("{}.{}", part(&header), part(&claims))));
        forged.push(("none, but signed", hs256(KEY, &header, &claims)));
    }
    forged.push(("HS384", hs384(KEY, r#"{"alg":"HS384","typ":"JWT"}"#, &claims)));
    forged.push(("HS512", hs512(KEY, r#"{"alg":"HS512","typ":"JWT"}"#, &claims)));
    forged.push(("HS512 that says HS256", hs512(KEY, OURS, &claims)));
    forged.push(("RS256, signed by HMAC", hs256(KEY, r#"{"alg":"RS256","typ":"JWT"}"#, &claims)));
    forged.push(("ES256, signed by HMAC", hs256(KEY, r#"{"alg":"ES256","typ":"JWT"}"#, &claims)));
    let jwk = format!(r#"{{"alg":"HS256","typ":"JWT","jwk":{{"kty":"oct","k":"{}"}}}}"#, part("mine"));
    forged.push(("a key that it brings along", hs256("mine", &jwk, &claims)));
    for more in [
        r#""kid":"../../../../dev/null""#,
        r#""kid":"' UNION SELECT '' --""#,
        r#""jku":"http://127.0.0.1/keys""#,
        r#""x5u":"http://127.0.0.1/cert""#,
        r#""crit":["exp"]"#,
        r#""b64":false"#,
        r#""zip":"DEF""#,
    ] {
        let header = format!(r#"{{"alg":"HS256","typ":"JWT",{more}}}"#);
        forged.push((more, hs256("", &header, &claims)));
        forged.push((more, hs256(KEY, &header, &claims)));
    }
    for header in [r#"{"typ":"JWT","alg":"HS256"}"#, r#"{"alg":"HS256"}"#, "{}", "[]", ""] {
        forged.push(("another header", hs256(KEY, header, &claims)));
    }
    all_refused(&scene, &forged);
}

#[test]
fn no_other_key_signs() {
    let (scene, claims) = scene();
    let keys = ["", " ", "secret", "supersecretkey", &KEY[1..], &KEY[..KEY.len() - 1], &KEY.to_uppercase()];
    let mut forged: Vec<_> =
        keys.iter().map(|key| ("another key", hs256(key, OURS, &claims.to_string()))).collect();
    let genuine = scene.customer().access.clone();
    let (start, signature) = genuine.rsplit_once('.').expect("a signature");
    forged.push(("cut", format!("{start}.{}", &signature[..signature.len() - 1])));
    forged.push(("padded", format!("{genuine}=")));
    forged.push(("twice", format!("{start}.{signature}.{signature}")));
    forged.push(("of the refresh token", {
        let (_, other) = scene.customer().refresh.rsplit_once('.').expect("a signature");
        format!("{start}.{other}")
    }));
    forged.push(("the refresh token", scene.customer().refresh.clone()));
    all_refused(&scene, &forged);
}

#[test]
fn claims_that_were_never_given_out_are_worth_nothing_even_with_the_key() {
    let (scene, claims) = scene();
    let sub = claims["sub"].as_str().expect("a text").to_owned();
    let admin = read(&scene.admin().access).1;
    let mut forged = vec![
        ("an admin in the session of somebody else", but(&claims, "sub", admin["sub"].clone())),
        ("somebody else in the session of an admin", but(&claims, "sid", admin["sid"].clone())),
        ("nobody's", but(&claims, "sub", json!("999999"))),
        ("a session that never was", but(&claims, "sid", json!("AAAAAAAAAAAAAAAAAAAAAA"))),
        ("over", but(&claims, "exp", json!(now() - 1))),
        ("over long ago", but(&claims, "exp", json!(-1))),
        ("a session that is over", but(&claims, "sess_exp", json!(now() - 1))),
        ("another kind", but(&claims, "type", json!("refresh"))),
        ("no kind of ours", but(&claims, "type", json!("Access"))),
        ("a number twice", claims.to_string().replacen('{', r#"{"sub":"1","#, 1)),
        ("no claims", "{}".to_owned()),
        ("a list", format!("[{claims}]")),
        ("deep", "[".repeat(2000)),
    ];
    for (name, value) in [
        ("sub", json!(1)),
        ("sub", json!(format!(" {sub}"))),
        ("sub", json!(format!("0{sub}"))),
        ("sub", json!(format!("+{sub}"))),
        ("sub", json!("-1")),
        ("sub", json!("1e0")),
        ("sub", json!("99999999999999999999999")),
        ("sub", json!([sub.clone()])),
        ("exp", json!("9999999999")),
        ("exp", json!(9_999_999_999.5)),
        ("exp", json!(true)),
        ("sid", json!("")),
        ("sid", json!("' OR 1=1 --")),
        ("type", json!(["access"])),
        ("sess_exp", json!("9999999999")),
    ] {
        forged.push(("of another type", but(&claims, name, value)));
    }
    for name in ["sub", "exp", "sid", "type"] {
        forged.push(("one missing", without(&claims, name)));
        forged.push(("null", but(&claims, name, Value::Null)));
    }
    let long = but(&claims, "more", json!("x".repeat(5000)));
    forged.push(("large", long));
    let forged: Vec<_> = forged.into_iter().map(|(what, claims)| (what, hs256(KEY, OURS, &claims))).collect();
    all_refused(&scene, &forged);
    let giant = format!("Bearer {}", hs256(KEY, OURS, &but(&claims, "more", json!("x".repeat(300_000)))));
    let answer = wire::send(&scene.shop, "GET", "/cart", &[("authorization", &giant)], b"");
    assert!((400..500).contains(&answer.status), "{}", answer.status);
}

#[test]
fn claims_that_the_shop_does_not_know_raise_nobody() {
    let (scene, claims) = scene();
    for (name, value) in [
        ("is_admin", json!(true)),
        ("role", json!("admin")),
        ("scope", json!("*")),
        ("user_id", json!(1)),
        ("iat", json!(now() + 86_400)),
        ("aud", json!("another shop")),
    ] {
        let token = hs256(KEY, OURS, &but(&claims, name, value));
        let bearer = format!("Bearer {token}");
        let send = |path: &str| wire::send(&scene.shop, "GET", path, &[("authorization", &bearer)], b"");
        assert_eq!(send("/users/me").expect(200).json()["name"], "Customer", "{name}");
        send("/users/").expect(403);
    }
}

#[test]
fn a_token_counts_only_where_tokens_stand() {
    let scene = Scene::open();
    let token = &scene.customer().access;
    for (path, header) in [
        (format!("/cart?access_token={token}&token={token}"), ("x-none", "")),
        ("/cart".to_owned(), ("cookie", token.as_str())),
        ("/cart".to_owned(), ("x-access-token", token.as_str())),
        ("/cart".to_owned(), ("proxy-authorization", token.as_str())),
        ("/cart".to_owned(), ("refresh-token", token.as_str())),
    ] {
        wire::send(&scene.shop, "GET", &path, &[header], b"").expect(401);
    }
}

#[test]
fn forged_refresh_tokens_renew_nothing_and_end_no_session() {
    let (scene, _) = scene();
    let genuine = scene.customer().refresh.clone();
    let claims = read(&genuine).1;
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let unsigned = format!("{}.{}.", part(r#"{"alg":"none","typ":"JWT"}"#), part(&claims.to_string()));
    for token in [
        unsigned,
        hs256("supersecretkey", OURS, &claims.to_string()),
        hs512(KEY, r#"{"alg":"HS512","typ":"JWT"}"#, &claims.to_string()),
        hs256(KEY, OURS, &but(&claims, "exp", json!(now() - 1))),
        hs256(KEY, OURS, &but(&claims, "type", json!("access"))),
        hs256(KEY, OURS, &but(&claims, "sid", json!("AAAAAAAAAAAAAAAAAAAAAA"))),
        scene.customer().access.clone(),
    ] {
        let body = json!({"refresh_token": token});
        scene.shop.post("/auth/refresh", &body).expect_error(401, "Invalid refresh token");
    }
    // Who can't sign ends nobody's session.
    let forged = hs256("supersecretkey", OURS, &claims.to_string());
    scene.shop.post("/auth/logout", &json!({"refresh_token": forged})).expect(200);
    scene.shop.call(scene.customer(), "GET", "/cart", &Value::Null).expect(200);
    scene.shop.post("/auth/refresh", &json!({"refresh_token": genuine})).expect(200);
}

#[test]
fn who_was_deleted_has_no_way_back_in() {
    let mut scene = Scene::open();
    scene.prepare("{user_id}");
    let user = format!("/users/{}", scene.value("user_id"));
    let name = scene.send(3, "GET", &user, "").expect(200).json()["name"].as_str().expect("text").to_owned();
    let gone = scene.shop.login(&name, PASSWORD);
    scene.send(3, "DELETE", &user, "").expect(200);
    let before = scene.everything();
    for path in ["/cart", "/orders/", "/users/me"] {
        scene.shop.call(&gone, "GET", path, &Value::Null).expect(401);
    }
    scene.shop.post("/auth/refresh", &json!({"refresh_token": gone.refresh})).expect(401);
    scene.shop.post("/auth/login", &json!({"name": name, "password": PASSWORD})).expect(401);
    let body = json!({"name": name, "code": "00000000"});
    scene.shop.post("/auth/confirm-reset", &body).expect(400);
    assert_eq!(scene.everything(), before, "nothing changed");
}
