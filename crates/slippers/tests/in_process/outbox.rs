//! What time does to events that can't be delivered, and what people are told.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use slippers_server::outbound::{WebhookSettings, Webhooks};
use slippers_server::settings::{Language, Network, OrderMessages};
use slippers_server::{Message, Notifier, Notifiers, NotifyError, Recipient};

use crate::house::{DAY, HOUR, House, eventually};
use crate::receiver::{Receiver, SILENT};

/// A shop that tells this receiver.
fn telling(receiver: &Receiver) -> House {
    let urls = [format!("http://{}/hook", receiver.address)];
    let secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()];
    let here = vec![Network::parse("127.0.0.0/8").expect("a network")];
    let settings = WebhookSettings::parse(&urls, &secrets, here).expect("settings");
    let webhooks = Some(Webhooks::new(settings).expect("certificates"));
    let orders = OrderMessages::default();
    let notifiers = Notifiers { people: None, staff: None, retry_for: Duration::ZERO, orders, webhooks };
    House::telling(|settings| settings.orders.pending_ttl_minutes = 0, notifiers)
}

fn dead_letters(house: &House) -> Vec<Value> {
    house.get(&house.admin(), "/admin/dead-letters/").as_array().expect("a list").clone()
}

#[test]
fn an_event_is_tried_for_three_days_under_one_number_and_then_left_to_an_admin() {
    let receiver = Receiver::open(500);
    let house = telling(&receiver);
    let slipper = house.product("Cozy Home", 10);
    let (buyer, _) = house.customer("Dilnoza");
    let start = house.now().seconds();
    let order = house.order(&buyer, slipper, 1);
    let mut passed = 0;
    while dead_letters(&house).is_empty() {
        house.work();
        assert!(passed <= 3 * DAY + HOUR, "it is tried for ever: {:?}", receiver.all());
        house.pass(HOUR);
        passed += HOUR;
    }
    assert!(passed >= 3 * DAY, "given up after {passed} s");
    let heard = receiver.all();
    assert!((10..=30).contains(&heard.len()), "{} tries", heard.len());
    let same: BTreeSet<_> = heard.iter().map(|one| (&one.id, &one.body)).collect();
    assert_eq!(same.len(), 1, "one number and one text");
    assert!(heard.is_sorted_by_key(|one| one.timestamp) && heard[0].timestamp == start);
    let letter = dead_letters(&house).remove(0);
    assert_eq!((&letter["order_id"], &letter["event_id"]), (&json!(order), &json!(heard[0].id)));
    assert_eq!(letter["attempts"], json!(heard.len()));

    receiver.be(200);
    let path = format!("/admin/dead-letters/{}/replay", letter["id"]);
    house.call(&house.admin(), "POST", &path, &Value::Null);
    house.work();
    eventually("it is told", || (receiver.all().len() > heard.len()).then_some(()));
    assert_eq!(receiver.all().last().map(|one| &one.id), Some(&heard[0].id));
    assert_eq!(dead_letters(&house), [] as [Value; 0]);
    // A day later nothing of it is kept.
    eventually("it is known to have arrived", || {
        house.pass(DAY);
        house.work();
        (house.rows("outbox") == 0 && house.rows("outbox_deliveries") == 0).then_some(())
    });
}

#[test]
fn a_receiver_that_says_nothing_is_given_up_in_time_and_asked_again() {
    let receiver = Receiver::open(SILENT);
    let house = telling(&receiver);
    let slipper = house.product("Cozy Home", 10);
    let (buyer, _) = house.customer("Dilnoza");
    house.order(&buyer, slipper, 1);
    let told = || house.rows("outbox_deliveries WHERE error LIKE '%not within%'");
    eventually("the try ends", || (told() == 1).then_some(()));
    receiver.be(204);
    house.pass(HOUR);
    let arrived = || house.rows("outbox_deliveries WHERE status = 'delivered'");
    eventually("it arrives", || (arrived() == 1).then_some(()));
    let heard = receiver.all();
    assert_eq!((heard.len(), &heard[0].id), (2, &heard[1].id));
}

/// Keeps what would be sent, after failing so often.
#[derive(Default)]
struct Post {
    sent: Mutex<Vec<Message>>,
    failures: Mutex<u32>,
}

#[async_trait]
impl Notifier for Post {
    async fn send(&self, message: &Message) -> Result<(), NotifyError> {
        let mut failures = self.failures.lock().expect("no poison");
        if *failures > 0 {
            *failures -= 1;
            return Err(NotifyError::ForNow("busy".to_owned()));
        }
        self.sent.lock().expect("no poison").push(message.clone());
        Ok(())
    }
}

impl Post {
    fn sent(&self) -> Vec<Message> {
        self.sent.lock().expect("no poison").clone()
    }
}

#[test]
fn buyers_and_staff_are_told_once_and_nobody_is_flooded() {
    let (people, staff) = (Arc::new(Post::default()), Arc::new(Post::default()));
    *staff.failures.lock().expect("no poison") = 1;
    let notifiers = Notifiers {
        people: Some(people.clone()),
        staff: Some(staff.clone()),
        retry_for: Duration::ZERO,
        orders: OrderMessages { buyer: true, staff: true, language: Language::Russian },
        webhooks: None,
    };
    let house = House::telling(|_| (), notifiers);
    let slipper = house.product("Cozy Home", 1000);
    let (buyer, _) = house.customer("Dilnoza");
    let order = house.order(&buyer, slipper, 2);
    let first = eventually("a confirmation", || people.sent().first().cloned());
    assert_eq!(first.text, format!("Slippers: заказ {order} принят, 50 сум."));
    assert!(matches!(&first.to, Recipient::Person(phone) if phone.as_str().starts_with("+99891")));
    // The mail server was busy; the notice comes with the next try.
    let failed = || house.rows("outbox_deliveries WHERE target = 'staff' AND error = 'busy'");
    eventually("it is known to have failed", || (failed() == 1).then_some(()));
    house.pass(10);
    eventually("the staff is told", || (staff.sent().len() == 1).then_some(()));
    let notice = staff.sent().remove(0);
    assert_eq!(
        (notice.to, notice.text),
        (Recipient::Staff, format!("Slippers: новый заказ {order}, 50 UZS."))
    );
    // Whoever orders on and on is confirmed five; the staff hears of all.
    let buyer = house.login("Dilnoza");
    for _ in 0..9 {
        house.order(&buyer, slipper, 1);
    }
    eventually("the staff hears of all", || (staff.sent().len() == 10).then_some(()));
    let waiting = || house.rows("outbox_deliveries WHERE status = 'waiting'");
    eventually("no confirmation waits", || (waiting() == 0).then_some(()));
    assert_eq!(people.sent().len(), 5);
}
