//! Texts that want to be lines of the log or headers of an answer.

use serde_json::{Value, json};

use crate::pictures::png;
use crate::shop::{PASSWORD, Shop};
use crate::wire::{self, Line};

/// What no line of the log may begin with, and no answer may have as a header.
const FORGED: &str = "X-Forged";

/// Ends of lines in every spelling, colours, and an object as the log writes them.
fn poisons() -> Vec<String> {
    let object = format!(r#"{{"level":"ERROR","message":"{FORGED}: an admin was here"}}"#);
    let mut all =
        vec![format!("\u{1b}[2K\u{1b}[1A\u{1b}[31m{FORGED}\u{7}"), format!("\u{9b}31m{FORGED}"), object];
    for end in ["\r\n", "\n", "\r", "\u{85}", "\u{2028}", "\u{b}", "\u{c}", "\0"] {
        all.push(format!("x{end}{FORGED}: 1"));
    }
    all
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Sends a poison everywhere where a client may write.
fn send_everywhere(shop: &Shop, poison: &str) -> Vec<Vec<(String, String)>> {
    let encoded = percent(poison);
    let mut answers = Vec::new();
    let mut keep = |answer: crate::shop::Answer| {
        assert!(answer.status < 500, "{poison:?}: {}", answer.text());
        answers.push(answer.headers);
    };
    for target in [
        format!("/slippers/?search={encoded}&sort={encoded}"),
        format!("/{encoded}"),
        format!("/static/{encoded}"),
        format!("/orders/{encoded}"),
        format!("/slippers/?{encoded}=1"),
    ] {
        keep(wire::send(shop, "GET", &target, &[], b""));
    }
    let json = [("content-type", "application/json")];
    let person = json!({"name": poison, "surname": poison, "phone_number": poison, "password": PASSWORD,
        "confirm_password": PASSWORD});
    let login = json!({"name": poison, "password": poison});
    let forgotten = json!({"name": poison, "new_password": PASSWORD, "confirm_new_password": PASSWORD});
    for (path, body) in [
        ("/auth/register", person),
        ("/auth/login", login),
        ("/auth/forgot-password", forgotten),
        ("/auth/refresh", json!({"refresh_token": poison})),
    ] {
        keep(shop.send("POST", path, &json, Some(body.to_string().as_bytes())));
    }
    // As headers they go over the wire byte for byte. What is no HTTP any more may be hung up on.
    for name in [
        "User-Agent",
        "X-Request-ID",
        "X-Forwarded-For",
        "Referer",
        "Origin",
        "Authorization",
        "Idempotency-Key",
    ] {
        let mut line = Line::open(shop);
        let head =
            format!("GET /nowhere HTTP/1.1\r\nHost: shop\r\n{name}: {poison}\r\nConnection: close\r\n\r\n");
        line.say(head.as_bytes());
        line.hang_up_half();
        if let Some(answer) = line.hear_head() {
            keep(answer);
        }
        let mut line = Line::open(shop);
        let head = format!(
            "OPTIONS / HTTP/1.1\r\nHost: shop\r\nOrigin: http://localhost:3000\r\nAccess-Control-Request-Method: \
             GET\r\nAccess-Control-Request-Headers: {poison}\r\nConnection: close\r\n\r\n"
        );
        line.say(head.as_bytes());
        line.hang_up_half();
        if let Some(answer) = line.hear_head() {
            answers_have_no_control_character(&answer.headers);
        }
    }
    answers
}

#[track_caller]
fn answers_have_no_control_character(headers: &[(String, String)]) {
    for (name, value) in headers {
        assert!(!name.eq_ignore_ascii_case(FORGED), "{headers:?}");
        assert!(!value.contains(|c: char| c.is_ascii_control()), "{name}: {value:?}");
    }
}

#[test]
fn nobody_writes_lines_of_the_log_or_headers_of_an_answer() {
    for format in ["text", "json"] {
        let settings = [("SLIPPERS_LOG", "debug"), ("SLIPPERS_LOG_FORMAT", format), ("SLOW_REQUEST_MS", "0")];
        let mut shop = Shop::open_with(&settings);
        let admin = shop.admin();
        let slipper = shop.product(&admin, "Mu", &json!(10), 5);
        for poison in poisons() {
            for headers in send_everywhere(&shop, &poison) {
                answers_have_no_control_character(&headers);
            }
            let file = poison.replace(['\r', '\n', '"'], "%0A");
            shop.upload(&admin, slipper, &[(&file, &png())]).expect(400);
            let category = shop.call(&admin, "POST", "/categories/", &json!({"name": poison}));
            assert!([200, 409, 422].contains(&category.status), "{}", category.text());
            // Whose name the log may tell when an admin is made.
            shop.run(
                &[
                    "admin",
                    "create",
                    "--name",
                    &poison.replace('\0', ""),
                    "--phone",
                    "+998",
                    "--password-stdin",
                ],
                "x\n",
            );
        }
        // A fault of ours is what the log tells most of.
        shop.rows().run("ALTER TABLE categories RENAME TO hidden_away");
        for poison in poisons() {
            let path = format!("/categories/?limit=5&{}", percent(&poison));
            wire::send(&shop, "GET", &path, &[], b"").expect(500);
        }
        shop.terminate();
        let log = shop.said();
        assert!(log.contains("request_id") && log.contains("nowhere"), "the requests are in the log:\n{log}");
        for line in log.lines() {
            assert!(!line.trim_start().starts_with(FORGED), "{format}: {line:?}");
            let control = line.chars().find(|c| c.is_control() || ['\u{2028}', '\u{2029}'].contains(c));
            assert_eq!(control, None, "{format}: {line:?}");
            if format == "json" && line.starts_with('{') {
                let entry: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line:?}"));
                let message = entry["message"].as_str().or(entry["fields"]["message"].as_str());
                assert!(message.is_none_or(|text| !text.starts_with(FORGED)), "{line}");
            }
        }
    }
}

#[test]
fn a_request_gets_its_id_from_the_shop_alone() {
    let shop = Shop::open();
    let mut ids = std::collections::BTreeSet::new();
    for given in ["mine", "mine", "../../x", "' OR 1=1 --", "<script>alert(1)</script>"] {
        let answer = shop.send("GET", "/nowhere", &[("x-request-id", given)], None).expect(404);
        let id = answer.header("x-request-id").expect("an id").to_owned();
        assert_eq!(answer.json()["request_id"], id.as_str());
        assert!(id.chars().all(|c| c.is_ascii_hexdigit() || c == '-'), "{id}");
        assert!(ids.insert(id), "each has its own");
        assert!(!answer.text().contains(given));
    }
}
