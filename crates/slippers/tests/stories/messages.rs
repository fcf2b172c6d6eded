//! Forgotten passwords in a shop that reaches people by an SMS gateway.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::gateways::{self, Authority, Gateway, Heard};
use crate::password_resets::{NEW, first_waiting, forget, waiting};
use crate::program::run_in;
use crate::shop::{Answer, PASSWORD, PHONES, Shop, eventually};

const KEY: &str = "gateway-key-4711";

/// A shop whose messages go to this URL, with these settings beside.
fn shop(url: &str, more: &[(&str, &str)]) -> Shop {
    Shop::open_with(&[&[("SMS_URL", url), ("SLIPPERS_LOG", "trace")], more].concat())
}

fn plain(gateway: &Gateway<Heard>) -> String {
    format!("http://{}/send?key={KEY}&to={{phone}}&text={{text}}", gateway.address)
}

/// The first eight digits behind the words of a message.
pub(crate) fn code_in(text: &str) -> String {
    let (_, rest) = text.split_once("Slippers:").expect("our message");
    let rest = rest.trim_start_matches("%20").trim();
    let code: String = rest.chars().take_while(char::is_ascii_digit).collect();
    assert_eq!(code.len(), 8, "{text}");
    code
}

pub(crate) fn confirm(shop: &Shop, name: &str, code: &str) -> Answer {
    shop.post("/auth/confirm-reset", &json!({"name": name, "code": code}))
}

/// Nothing that must stay secret is in what the program said, however much it said.
#[track_caller]
fn assert_silent(shop: &Shop, code: Option<&str>) {
    let said = shop.said();
    for secret in [KEY, NEW, "your code", "Your code"].into_iter().chain(PHONES).chain(code) {
        assert!(!said.contains(secret), "{secret} is in the log:\n{said}");
    }
}

#[test]
fn the_code_arrives_and_makes_the_password_real() {
    let gateway = gateways::sms(&[]);
    let shop = shop(&plain(&gateway).replace("{text}", "{text}&id={id}"), &[]);
    let (admin, karim) = (shop.admin(), shop.customer("Karim"));
    forget(&shop, "Karim", NEW).expect(200);
    let heard = gateway.wait_for(1);
    assert!(heard.line.starts_with(&format!("GET /send?key={KEY}&to=%2B99890")), "{heard:?}");
    let code = code_in(&heard.line.replace("%3A", ":"));
    shop.post("/auth/login", &json!({"name": "Karim", "password": NEW})).expect(401);
    confirm(&shop, "Karim", &code).expect(200);
    shop.login("Karim", NEW);
    shop.call(&karim, "GET", "/cart", &Value::Null).expect(401);
    assert_eq!(waiting(&shop, &admin), [] as [Value; 0], "no admin was asked");
    for name in ["Nobody", "Admin"] {
        forget(&shop, name, NEW).expect(200);
    }
    forget(&shop, "Karim", NEW).expect(200);
    gateway.wait_for(2);
    assert_eq!(gateway.all().len(), 2, "nobody and admins are sent nothing");
    assert_silent(&shop, Some(&code));
}

#[test]
fn a_gateway_may_want_json_and_a_login() {
    let gateway = gateways::sms(&[]);
    let body = r#"{"to":"{digits}","id":"{id}","text":"{text}"}"#;
    let url = format!("http://shop:{KEY}@{}/broker-api/send", gateway.address);
    let shop =
        shop(&url, &[("SMS_BODY", body), ("SMS_HEADERS", "X-Client: slippers | X-Key: gateway-key-4711")]);
    shop.customer("Karim");
    forget(&shop, "Karim", NEW).expect(200);
    let heard = gateway.wait_for(1);
    assert_eq!(heard.line, "POST /broker-api/send HTTP/1.1");
    let sent: Value = serde_json::from_str(&heard.body).expect("JSON");
    assert!(sent["to"].as_str().is_some_and(|to| to.starts_with("99890") && to.len() == 12), "{sent}");
    assert_eq!(sent["id"].as_str().map(str::len), Some(16));
    let header = |name: &str| {
        let found = heard.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    assert_eq!(header("authorization"), "Basic c2hvcDpnYXRld2F5LWtleS00NzEx");
    assert_eq!((header("content-type"), header("x-client")), ("application/json", "slippers"));
    assert_eq!(header("host"), gateway.address.to_string());
    confirm(&shop, "Karim", &code_in(sent["text"].as_str().expect("a text"))).expect(200);
    assert_silent(&shop, None);
}

#[test]
fn a_busy_gateway_is_asked_again() {
    let gateway = gateways::sms(&[503]);
    let shop = shop(&plain(&gateway), &[("SLIPPERS_LOG", "warn")]);
    let admin = shop.admin();
    shop.customer("Karim");
    forget(&shop, "Karim", NEW).expect(200);
    let (first, second) = (gateway.wait_for(1), gateway.wait_for(2));
    assert_eq!(first.line, second.line, "the same message");
    confirm(&shop, "Karim", &code_in(&second.line.replace("%3A", ":"))).expect(200);
    assert_eq!(waiting(&shop, &admin), [] as [Value; 0]);
    assert!(!shop.said().contains("was not sent"), "{}", shop.said());
}

/// An admin finds what could not be delivered; it was told once.
#[track_caller]
fn assert_left_to_an_admin(shop: &Shop, why: &str) {
    let admin = shop.admin();
    let nobody = forget(shop, "Nobody", NEW).expect(200);
    shop.customer("Karim");
    let karim = forget(shop, "Karim", NEW).expect(200);
    assert_eq!(karim.text(), nobody.text());
    let reset = first_waiting(shop, &admin);
    assert_eq!(reset["name"], "Karim");
    let told = eventually("it is told", || {
        let told: Vec<String> =
            shop.said().lines().filter(|line| line.contains("was not sent")).map(str::to_owned).collect();
        (!told.is_empty()).then_some(told)
    });
    assert!(told.len() == 1 && told[0].contains(why), "{told:?}");
    assert_silent(shop, None);
    shop.post("/auth/login", &json!({"name": "Karim", "password": NEW})).expect(401);
    let path = format!("/admin/password-resets/{}/approve", reset["id"]);
    shop.call(&admin, "POST", &path, &Value::Null).expect(200);
    shop.login("Karim", NEW);
}

#[test]
fn a_dead_gateway_leaves_it_to_an_admin() {
    let url = format!("http://{}/{{digits}}/{{text}}?key={KEY}", gateways::dead());
    let shop = shop(&url, &[("MESSAGE_RETRY_SEC", "3")]);
    assert_left_to_an_admin(&shop, "Connection refused");
    assert!(shop.said().contains("(2 attempts)"), "{}", shop.said());
}

#[test]
fn a_gateway_that_refuses_is_not_asked_again() {
    let gateway = gateways::sms(&[401, 401]);
    assert_left_to_an_admin(&shop(&plain(&gateway), &[]), "the SMS gateway answered 401");
    assert_eq!(gateway.all().len(), 1);
}

#[test]
fn a_silent_gateway_holds_nobody_up_and_a_stop_leaves_it_to_an_admin() {
    let gateway = gateways::sms(&[0]);
    let mut shop = shop(&plain(&gateway), &[]);
    shop.customer("Karim");
    // The gateway has the message and says nothing while the shop answers all of these.
    forget(&shop, "Karim", NEW).expect(200);
    let code = code_in(&gateway.wait_for(1).line.replace("%3A", ":"));
    forget(&shop, "Nobody", NEW).expect(200);
    assert_eq!(shop.terminate(), Some(0));
    shop.restart();
    let admin = shop.admin();
    assert_eq!(first_waiting(&shop, &admin)["name"], "Karim");
    // It had arrived after all.
    confirm(&shop, "Karim", &code).expect(200);
    shop.login("Karim", NEW);
}

#[test]
fn a_gateway_behind_tls_is_trusted_if_the_system_trusts_it() {
    let authority = Authority::new();
    let gateway = gateways::secret_sms(&authority);
    let url = format!("https://{}/?to={{phone}}&text={{text}}&key={KEY}", gateway.address);
    let folder = TempDir::new().expect("a folder");
    let trusted = authority.file(folder.path());
    let trusted = trusted.to_str().expect("a path");
    let shop = shop(&url, &[("SSL_CERT_FILE", trusted)]);
    shop.customer("Karim");
    forget(&shop, "Karim", NEW).expect(200);
    confirm(&shop, "Karim", &code_in(&gateway.wait_for(1).line.replace("%3A", ":"))).expect(200);
}

#[test]
fn a_gateway_that_nobody_vouches_for_hears_nothing() {
    let gateway = gateways::secret_sms(&Authority::new());
    let folder = TempDir::new().expect("a folder");
    let other = Authority::new().file(folder.path());
    let url = format!("https://{}/?to={{phone}}&text={{text}}&key={KEY}", gateway.address);
    let settings = [("SSL_CERT_FILE", other.to_str().expect("a path")), ("MESSAGE_RETRY_SEC", "0")];
    assert_left_to_an_admin(&shop(&url, &settings), "certificate");
    assert_eq!(gateway.all().len(), 0);
}

#[test]
fn what_is_wrong_with_the_ways_to_people_is_told_with_its_fix() {
    let good = "https://gateway-key-4711.example/?t={text}&p={phone}";
    let mail = ("SMTP_FROM", "shop@example.uz");
    for (settings, told) in [
        (
            vec![("SMS_URL", "https://gateway-key-4711.example/?t={text}")],
            "SMS_URL (from environment): says nowhere whom",
        ),
        (
            vec![("SMS_URL", good), ("SMS_BODY", "{\"gateway-key-4711\":{text}}")],
            "SMS_BODY (from environment): begins like JSON",
        ),
        (
            vec![("SMS_URL", good), ("SMS_HEADERS", "gateway-key-4711")],
            "SMS_HEADERS (from environment): number 1",
        ),
        (vec![("SMS_BODY", "gateway-key-4711")], "SMS_BODY (from environment): is given without SMS_URL"),
        (
            vec![("SMTP_URL", "imap://gateway-key-4711@h"), mail],
            "SMTP_URL (from environment): begins neither",
        ),
        (vec![("SMTP_URL", "smtp://u:gateway-key-4711@h"), mail], "SMTP_TO (from default): is missing"),
        (
            vec![("SMS_URL", good), ("SMTP_URL", "smtp://h"), mail, ("SMTP_TO", "{phone}@h.uz")],
            "SMTP_TO (from environment): has a place for a phone",
        ),
    ] {
        let settings: Vec<(String, String)> =
            settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let dir = TempDir::new().expect("a folder");
        let (code, said, errors) = run_in(dir.path(), &settings, &["serve"], "");
        assert_ne!(code, 0, "{told}");
        assert!(errors.contains(told) && errors.contains("Fix: "), "{told}:\n{errors}");
        assert!(!errors.contains(KEY) && !said.contains(KEY), "{errors}");
    }
    let dir = TempDir::new().expect("a folder");
    let settings = [("SMS_URL".to_owned(), good.to_owned())];
    let (code, said, _) = run_in(dir.path(), &settings, &["config", "check"], "");
    assert!(code == 0 && !said.contains(KEY), "{said}");
}

#[test]
fn where_nobody_can_be_reached_an_admin_is_asked_at_once() {
    let shop = Shop::open();
    let admin = shop.admin();
    shop.customer("Karim");
    forget(&shop, "Karim", NEW).expect(200);
    eventually("it waits", || waiting(&shop, &admin).first().cloned());
    shop.login("Karim", PASSWORD);
}
