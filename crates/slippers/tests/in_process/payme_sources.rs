//! Payme's calls count only from its own addresses, also behind a proxy, and however good their key is.

use serde_json::json;
use slippers_server::settings::Network;

use crate::house::House;
use crate::paying::{Gateways, basic};

const PROXY: &str = "127.0.0.1";
const PAYMES: &str = "185.234.113.0/28";

fn open(proxies: &[&str], sources: &[&str]) -> (House, Gateways) {
    let gateways = Gateways::open();
    let networks = |texts: &[&str]| {
        texts.iter().map(|text| Network::parse(text).expect("a network")).collect::<Vec<_>>()
    };
    let house = House::open(|settings| {
        settings.payments = gateways.settings();
        settings.payments.payme_sources = networks(sources);
        settings.trusted_proxies = networks(proxies);
    });
    (house, gateways)
}

/// What a good call is told that came by way of these hops.
fn told(house: &House, hops: &str) -> i64 {
    let check = json!({"method": "CheckTransaction", "params": {"id": "000000000000000000000009"}, "id": 3});
    let headers = [("authorization", &*basic()), ("x-forwarded-for", hops)];
    let answer = house.send_with("", "POST", "/payments/payme", &check, &headers);
    assert_eq!((answer.status, &answer.body["id"]), (200, &json!(3)), "{}", answer.body);
    answer.body["error"]["code"].as_i64().expect("a code")
}

const NO_SUCH_TRANSACTION: i64 = -31003;
const NOT_YOU: i64 = -32504;

#[test]
fn behind_a_trusted_proxy_it_is_the_client_that_counts() {
    let (house, _gateways) = open(&[PROXY], &[PAYMES]);
    for (hops, code) in [
        ("185.234.113.1", NO_SUCH_TRANSACTION),
        ("203.0.113.9, 185.234.113.15", NO_SUCH_TRANSACTION),
        ("185.234.113.16", NOT_YOU),
        ("185.234.113.1, 203.0.113.9", NOT_YOU),
        ("", NOT_YOU),
    ] {
        assert_eq!(told(&house, hops), code, "{hops}");
    }
    // Click names no addresses.
    let answer = house.send_with("", "POST", "/payments/click/prepare", &json!({}), &[]);
    assert_eq!((answer.status, answer.body["error"].as_i64()), (200, Some(-8)), "{}", answer.body);
}

#[test]
fn without_a_trusted_proxy_nobody_can_claim_an_address() {
    let (house, _gateways) = open(&[], &[PAYMES]);
    assert_eq!(told(&house, "185.234.113.1"), NOT_YOU);
    let (house, _gateways) = open(&[], &[]);
    assert_eq!(told(&house, "203.0.113.9"), NO_SUCH_TRANSACTION, "without a list they come from anywhere");
}
