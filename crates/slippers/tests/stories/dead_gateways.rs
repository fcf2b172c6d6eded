//! Every gateway is down, in each way in which a server can be: people browse, fill carts and order as ever, and who wants
//! to pay is told clearly what happened. The shop has two connections to its database, so that one which a call to a
//! gateway held would be missed.

use serde_json::{Value, json};

use crate::crowd::at_once;
use crate::shop::{Answer, Caller, eventually};
use crate::till::{At, STOCK, Till};
use crate::valve::Valve;

/// More than the shop has connections.
const PAYERS: usize = 8;

/// A shop whose gateways are at this address.
fn open(gateways: &str) -> Till {
    Till::open_with(&[
        ("OCTO_API_BASE", gateways),
        ("CLICK_API_BASE", gateways),
        ("DATABASE_POOL_SIZE", "2"),
        ("DATABASE_MAX_OVERFLOW", "0"),
    ])
}

/// All of them try to pay at once, and somebody else buys meanwhile: answers what the payers are told.
fn pay_and_buy(till: &Till, payers: &[(Caller, i64)]) -> Vec<Answer> {
    let answers = at_once(payers.len() + 1, |number| match payers.get(number) {
        Some((buyer, order)) => Some(till.create(buyer, &json!({"order_id": order}))),
        None => {
            // All of them are under way, and none holds a connection that others wait for.
            let begun = "SELECT count(*) FROM payments";
            let are_many =
                || (till.shop.rows().number(begun) >= i64::try_from(PAYERS).expect("few")).then_some(());
            eventually("all have begun to pay", are_many);
            for round in 0..5 {
                till.shop.get("/health").expect(200);
                till.shop.get(&format!("/slippers/?search=cozy&skip={round}")).expect(200);
                till.shop.get(&format!("/slippers/{}", till.slipper)).expect(200);
                // A sign-up, a cart, an order, and the order once more.
                let (buyer, order) = till.order(&format!("Meanwhile {round}"), 1);
                till.shop.call(&buyer, "GET", &format!("/orders/{order}"), &Value::Null).expect(200);
            }
            None
        }
    });
    answers.into_iter().flatten().collect()
}

/// Payme and Click are met on their own pages: the link is there, whoever is down.
fn assert_links(till: &Till, buyer: &Caller, order: i64) {
    for at in [At::Payme, At::Click] {
        assert!(till.link_at(at, buyer, order).starts_with("http"));
    }
}

#[test]
fn gateways_that_refuse_every_connection_keep_nobody_from_buying() {
    let till = open(&format!("http://{}", crate::gateways::dead()));
    let payers: Vec<_> = (0..PAYERS).map(|number| till.order(&format!("Payer {number}"), 1)).collect();
    let text = "HTTP error: the payment gateway can't be reached. Nothing was charged; please try again.";
    for answer in pay_and_buy(&till, &payers) {
        answer.expect_error(400, text);
    }
    assert_links(&till, &payers[0].0, payers[0].1);
    assert_eq!(till.shop.stock(till.slipper), STOCK - 13);
    till.assert_sound();
}

#[test]
fn gateways_that_swallow_every_word_hold_no_connection_and_pay_when_they_are_back() {
    let valve = Valve::closed();
    let till = open(&valve.url());
    let payers: Vec<_> = (0..PAYERS).map(|number| till.order(&format!("Payer {number}"), 1)).collect();
    for answer in pay_and_buy(&till, &payers) {
        let text = "The payment gateway is slow. Nothing was charged; please try again in a moment.";
        assert_eq!(answer.header("retry-after"), Some("1"), "{}", answer.text());
        assert_eq!(answer.json()["code"], "payment_not_ready");
        answer.expect_error(503, text);
    }
    assert_links(&till, &payers[0].0, payers[0].1);
    assert_eq!(till.shop.stock(till.slipper), STOCK - 13);
    // They are back: who tries again gets a link, the only one, and can pay.
    valve.lead_to(&till.url(At::Octo));
    for (buyer, order) in &payers {
        let link = eventually("the link", || {
            let answer = till.create(buyer, &json!({"order_id": order}));
            (answer.status == 200).then(|| answer.json()["redirect_url"].as_str().expect("a link").to_owned())
        });
        till.press(&link, "pay");
        till.await_status(*order, "PAID");
    }
    assert_eq!(till.known(At::Octo)["payments"].as_array().map(Vec::len), Some(PAYERS));
    till.assert_sound();
}
