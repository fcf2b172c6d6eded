//! What must never be written down: secrets and what people are.

use serde_json::{Value, json};

use crate::gateways;
use crate::shop::{Caller, Shop, eventually};

const PASSWORD: &str = "canary-password-4711";
const OTHER_PASSWORD: &str = "canary-password-0815";
const PHONE: &str = "+998771234567";
const NAME: &str = "Kanareyka Canary";
const WEBHOOK_SECRET: &str = "whsec_Y2FuYXJ5LXdlYmhvb2stc2VjcmV0LTQ3MTE=";
const WEBHOOK_KEY: &str = "canary-webhook-key-4711";
const SECRET: &str = "canary-signing-key-0123456789abcdef0123456789";

#[test]
fn g66_nothing_that_is_secret_shows_in_the_log_however_much_is_logged() {
    for format in ["text", "json"] {
        // One that hears of the order below and answers that it can't be.
        let receiver = gateways::always(500);
        let webhook = format!("http://{}/hooks?key={WEBHOOK_KEY}", receiver.address);
        let settings = [
            ("SLIPPERS_LOG", "debug"),
            ("SLIPPERS_LOG_FORMAT", format),
            ("SECRET_KEY", SECRET),
            ("SLOW_REQUEST_MS", "0"),
            ("WEBHOOK_URLS", &webhook),
            ("WEBHOOK_SECRETS", WEBHOOK_SECRET),
            ("WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8"),
        ];
        let mut shop = Shop::open_with(&settings);
        let mut secrets = vec![
            PASSWORD.to_owned(),
            OTHER_PASSWORD.into(),
            PHONE.into(),
            PHONE[1..].into(),
            NAME.into(),
            SECRET.into(),
            WEBHOOK_SECRET.into(),
            WEBHOOK_SECRET["whsec_".len()..].into(),
            WEBHOOK_KEY.into(),
        ];
        let person = json!({"name": NAME, "surname": "Testova", "phone_number": PHONE, "password": PASSWORD, "confirm_password": PASSWORD});
        let caller = Caller::from_answer(NAME, &shop.post("/auth/register", &person));
        let again = Caller::from_answer(
            NAME,
            &shop.post("/auth/login", &json!({"name": NAME, "password": PASSWORD})),
        );
        let renewed =
            Caller::from_answer(NAME, &shop.post("/auth/refresh", &json!({"refresh_token": again.refresh})));
        for caller in [&caller, &again, &renewed] {
            for token in [&caller.access, &caller.refresh] {
                // The signature alone is as good as the token to look for.
                secrets.push(token.rsplit_once('.').expect("a JWT").1.to_owned());
            }
        }
        // Everything that fails, in every way that may be logged.
        shop.post("/auth/register", &person).expect(400);
        shop.post("/auth/login", &json!({"name": NAME, "password": OTHER_PASSWORD})).expect(401);
        shop.post("/auth/login", &json!({"name": [NAME], "password": [PASSWORD]})).expect(422);
        let json_type = [("content-type", "application/json")];
        let broken =
            format!("{{\"name\": \"{NAME}\", \"password\": \"{PASSWORD}\" \"phone_number\": \"{PHONE}\"}}");
        shop.send("POST", "/auth/register", &json_type, Some(broken.as_bytes())).expect(422);
        shop.post("/auth/refresh", &json!({"refresh_token": again.refresh})).expect(200);
        shop.call(&caller, "POST", "/cart/items", &json!({"slipper_id": 1})).expect(404);
        shop.call(&caller, "POST", "/orders/from-cart", &Value::Null).expect(400);
        let admin = shop.admin();
        let slipper = shop.product(&admin, "Cozy Home", &json!(25), 10);
        shop.put_in_cart(&caller, slipper, 1);
        shop.call(&caller, "POST", "/orders/from-cart", &Value::Null).expect(200);
        let heard = receiver.wait_for(1);
        secrets.extend(
            heard.headers.iter().filter(|(name, _)| name == "webhook-signature").map(|(_, is)| is.clone()),
        );
        eventually("the failure is told", || shop.said().contains("did not reach").then_some(()));
        shop.call(&caller, "POST", "/auth/logout", &Value::Null).expect(200);
        shop.call(&caller, "GET", "/cart", &Value::Null).expect(401);
        let query = format!("/orders/?token={}&phone={}", renewed.access, &PHONE[1..]);
        shop.call(&renewed, "GET", &query, &Value::Null).expect(200);
        // The command line too: its settings ask for the same log.
        let arguments = ["admin", "create", "--name", "Boss", "--phone", "+998770000000", "--password-stdin"];
        let (code, said, complained) = shop.run(&arguments, &format!("{OTHER_PASSWORD}\n"));
        assert_eq!(code, 0, "{complained}");
        let (_, config, _) = shop.run(&["config", "check"], "");
        assert_eq!(shop.terminate(), Some(0));

        let log = shop.said();
        assert!(
            log.contains("/auth/register") && log.contains("/cart"),
            "the requests are in the log:\n{log}"
        );
        for secret in &secrets {
            for text in [&log, &said, &complained, &config] {
                assert!(!text.contains(secret.as_str()), "{secret} stands in:\n{text}");
            }
        }
    }
}
