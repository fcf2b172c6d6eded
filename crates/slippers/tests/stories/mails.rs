//! Forgotten passwords in a shop that sends mails: codes to people whose phone has an address, notices to the staff.

use serde_json::Value;
use tempfile::TempDir;

use crate::gateways::{self, Authority, Gateway, Kind, Mail};
use crate::messages::{code_in, confirm};
use crate::password_resets::{NEW, first_waiting, forget, waiting};
use crate::shop::{PHONES, Shop};

const STAFF: &str = "office@example.uz, Boss <boss@example.uz>";

fn settings(server: &Gateway<Mail>) -> Vec<(&'static str, String)> {
    vec![
        ("SMTP_URL", format!("smtp://{}?tls=none", server.address)),
        ("SMTP_FROM", "Slippers <shop@example.uz>".to_owned()),
        ("SLIPPERS_LOG", "trace".to_owned()),
    ]
}

fn open(settings: &[(&str, String)], more: &[(&str, &str)]) -> Shop {
    let settings = settings.iter().map(|(name, value)| (*name, value.as_str()));
    Shop::open_with(&settings.chain(more.iter().copied()).collect::<Vec<_>>())
}

/// A text without its quoted-printable line ends.
fn joined(mail: &Mail) -> String {
    mail.text.replace("=\n", "").replace('\n', " ")
}

#[test]
fn a_mail_to_sms_gateway_brings_the_code_to_the_person() {
    let server = gateways::mail(Kind::Plain, None);
    let shop = open(&settings(&server), &[("SMTP_TO", "{digits}@sms.example")]);
    let admin = shop.admin();
    shop.customer("Karim");
    forget(&shop, "Karim", NEW).expect(200);
    let mail = server.wait_for(1);
    assert!(mail.to.len() == 1 && mail.to[0].starts_with("<99890"), "{mail:?}");
    assert!(mail.to[0].ends_with("@sms.example>"), "{mail:?}");
    let code = code_in(&joined(&mail));
    confirm(&shop, "Karim", &code).expect(200);
    shop.login("Karim", NEW);
    assert_eq!(waiting(&shop, &admin), [] as [Value; 0]);
    for secret in [code.as_str()].into_iter().chain(PHONES) {
        assert!(!shop.said().contains(secret), "{}", shop.said());
    }
}

#[test]
fn the_staff_is_told_that_a_password_waits_and_not_whose_nor_a_code() {
    let server = gateways::mail(Kind::Plain, None);
    let shop = open(&settings(&server), &[("SMTP_TO", STAFF)]);
    let admin = shop.admin();
    shop.customer("Karim");
    forget(&shop, "Nobody", NEW).expect(200);
    forget(&shop, "Karim", NEW).expect(200);
    let mail = server.wait_for(1);
    assert_eq!(mail.to, ["<office@example.uz>", "<boss@example.uz>"]);
    let text = joined(&mail);
    assert!(text.contains("wait for approval") && text.contains("/admin/password-resets/"), "{text}");
    for secret in ["Karim", "code", NEW].into_iter().chain(PHONES) {
        assert!(!text.contains(secret), "{text}");
    }
    let reset = first_waiting(&shop, &admin);
    shop.call(&admin, "POST", &format!("/admin/password-resets/{}/approve", reset["id"]), &Value::Null)
        .expect(200);
    shop.login("Karim", NEW);
}

#[test]
fn a_crowd_rings_once() {
    let server = gateways::mail(Kind::Plain, None);
    let mut shop = open(&settings(&server), &[("SMTP_TO", STAFF)]);
    let admin = shop.admin();
    for name in ["Anna", "Bella", "Clara", "Diana"] {
        shop.customer(name);
        forget(&shop, name, NEW).expect(200);
    }
    crate::shop::eventually("all wait", || (waiting(&shop, &admin).len() == 4).then_some(()));
    server.wait_for(1);
    // The end comes before the next minute: what was due is sent then.
    assert_eq!(shop.terminate(), Some(0));
    assert!(server.all().len() <= 2, "{:?}", server.all());
}

#[test]
fn the_person_by_sms_and_the_staff_by_mail_only_if_that_fails() {
    let server = gateways::mail(Kind::Plain, None);
    let sms = gateways::sms(&[200, 400]);
    let url = format!("http://{}/{{digits}}/{{text}}", sms.address);
    let mut shop = open(&settings(&server), &[("SMTP_TO", STAFF), ("SMS_URL", &url)]);
    let admin = shop.admin();
    shop.customer("Karim");
    shop.customer("Lola");
    forget(&shop, "Karim", NEW).expect(200);
    sms.wait_for(1);
    forget(&shop, "Lola", NEW).expect(200);
    server.wait_for(1);
    assert_eq!(first_waiting(&shop, &admin)["name"], "Lola");
    assert_eq!(waiting(&shop, &admin).len(), 1, "Karim has a code");
    assert_eq!(shop.terminate(), Some(0));
    assert_eq!((server.all().len(), sms.all().len()), (1, 2));
}

#[test]
fn with_starttls_nothing_is_sent_before_it() {
    let authority = Authority::new();
    let server = gateways::mail(Kind::StartTls, Some(&authority));
    let folder = TempDir::new().expect("a folder");
    let trusted = authority.file(folder.path());
    let mut settings = settings(&server);
    settings[0].1 = format!("smtp://shop:p%40ss@{}", server.address);
    let more = [("SMTP_TO", STAFF), ("SSL_CERT_FILE", trusted.to_str().expect("a path"))];
    let shop = open(&settings, &more);
    shop.customer("Karim");
    forget(&shop, "Karim", NEW).expect(200);
    let mail = server.wait_for(1);
    assert!(mail.is_secret, "{mail:?}");
    // \0shop\0p@ss
    assert_eq!(mail.login, "PLAIN AHNob3AAcEBzcw==");
    assert!(!shop.said().contains("p@ss") && !shop.said().contains("AHNob3A"), "{}", shop.said());
}

#[test]
fn a_server_without_starttls_or_without_time_is_told_once_and_the_password_waits() {
    for (kind, query, why) in [(Kind::Plain, "", "STARTTLS"), (Kind::Busy, "?tls=none", "answered 451")] {
        let server = gateways::mail(kind, None);
        let mut settings = settings(&server);
        settings[0].1 = format!("smtp://{}{query}", server.address);
        let mut shop = open(&settings, &[("SMTP_TO", "{phone}@sms.example"), ("MESSAGE_RETRY_SEC", "0")]);
        let admin = shop.admin();
        shop.customer("Karim");
        forget(&shop, "Karim", NEW).expect(200);
        assert_eq!(first_waiting(&shop, &admin)["name"], "Karim");
        assert_eq!(server.all().len(), 0);
        assert_eq!(shop.terminate(), Some(0));
        let said = shop.said();
        let told: Vec<&str> = said.lines().filter(|line| line.contains("was not sent")).collect();
        assert!(told.len() == 1 && told[0].contains(why), "{told:?}");
        assert!(!said.contains("+998"), "{said}");
    }
}
