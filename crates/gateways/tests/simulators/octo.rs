use serde_json::json;
use slippers_core::orders::OrderStatus;
use slippers_core::payments::{AttemptStatus, RefundStatus, ReviewReason};
use slippers_gateways::simulator::send;

use crate::front::Street;

async fn link(street: &Street) -> String {
    street.shop.create().await.expect("created").link.expect("a link")
}

async fn choose(street: &Street, choice: &str) -> slippers_gateways::simulator::Answer {
    let link = link(street).await;
    street.browse("POST", &format!("{link}/{choice}")).await
}

#[tokio::test]
async fn a_buyer_pays_on_the_page_and_comes_back() {
    let street = Street::with_octo().await;
    let link = link(&street).await;
    let page = street.browse("GET", &link).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Order #1") && page.body.contains("720000.0 soum"), "{}", page.body);
    assert!(page.body.contains("viewport") && !page.body.contains("<script"));
    let back = choose(&street, "pay").await;
    assert_eq!(back.status, 303);
    let location = back.location.expect("a way back");
    assert!(location.starts_with("http://shop.example/?a=1&octo_payment_UUID="), "{location}");
    assert!(location.ends_with("&octo-status=succeeded"));
    assert_eq!(street.order(), OrderStatus::Paid);
    assert!(!street.browse("GET", &link).await.body.contains("<button"), "it is paid once");
    street.check_books();
}

#[tokio::test]
async fn the_same_name_is_the_same_payment_whatever_else_changes() {
    let street = Street::with_octo().await;
    let first = link(&street).await;
    assert_eq!(link(&street).await, first, "the shop gives its link again");
    let prepare = |sum: i64| {
        let body = json!({
            "octo_shop_id": 27, "octo_secret": "a-secret-for-tests", "shop_transaction_id": "ours-1", "total_sum": sum,
        });
        let url = format!("{}/prepare_payment", street.gateway.url());
        async move { send("POST", &url, &[], &body.to_string()).await.expect("an answer").body }
    };
    let again = prepare(1).await;
    assert!(again.contains(&first) && again.contains("720000.0"), "{again}");
    assert_eq!(street.state().await["payments"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_lost_answer_to_create_leaves_one_payment() {
    for fault in ["lost", "reset", "http_500", "html", "too_often"] {
        let street = Street::with_octo().await;
        street.fault("prepare_payment", fault).await;
        assert_eq!(street.shop.create().await, None, "{fault}");
        assert_eq!(street.attempt().status, AttemptStatus::Created, "{fault}: nobody knows yet");
        assert_eq!(choose(&street, "pay").await.status, 303);
        assert_eq!(street.state().await["payments"].as_array().map(Vec::len), Some(1), "{fault}");
        assert_eq!(street.order(), OrderStatus::Paid, "{fault}");
        street.check_books();
    }
}

#[tokio::test]
async fn callbacks_may_be_lost_doubled_forged_or_odd_and_the_end_is_the_same() {
    for fault in [
        "drop",
        "lost",
        "duplicate",
        "wrong_signature",
        "lower_case",
        "form",
        "tampered",
        "unknown_status",
        "hold",
    ] {
        let street = Street::with_octo().await;
        street.sim("faults", json!([{"at": "callback", "what": fault, "value": 4}])).await;
        choose(&street, "pay").await;
        let is_heard = !["drop", "wrong_signature", "hold"].contains(&fault);
        let expected = if is_heard { OrderStatus::Paid } else { OrderStatus::Pending };
        assert_eq!(street.order(), expected, "{fault}");
        street.shop.reconcile().await;
        assert_eq!(street.order(), OrderStatus::Paid, "{fault}");
        assert_eq!(street.attempt().review, None, "{fault}");
        street.sim("flush", json!({})).await;
        street.sim("replay", json!({})).await;
        assert_eq!(street.order(), OrderStatus::Paid, "{fault}");
        street.check_books();
    }
}

#[tokio::test]
async fn words_that_come_in_the_wrong_order_lead_to_the_same_end() {
    let street = Street::with_octo().await;
    street.sim("faults", json!([{"at": "callback", "what": "hold", "times": 2}])).await;
    choose(&street, "leave").await;
    choose(&street, "pay").await;
    assert_eq!(street.order(), OrderStatus::Pending);
    let sent = street.sim("flush", json!({})).await;
    assert_eq!(sent["sent"], 2);
    let sent = street.state().await["callbacks"].clone();
    assert_eq!(sent, json!(["succeeded", "wait_user_action"]), "the success comes before the waiting");
    assert_eq!((street.order(), street.attempt().status), (OrderStatus::Paid, AttemptStatus::Paid));
    street.check_books();
}

#[tokio::test]
async fn a_forged_callback_only_makes_the_shop_ask() {
    let street = Street::with_octo().await;
    link(&street).await;
    let body =
        json!({"shop_transaction_id": "ours-1", "status": "succeeded", "total_sum": 720_000}).to_string();
    let url = format!("{}/payments/octo/notify", street.url);
    let answer = send("POST", &url, &[], &body).await.expect("an answer");
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"ok":true}"#));
    assert_eq!((street.order(), street.attempt().status), (OrderStatus::Pending, AttemptStatus::Pending));
}

#[tokio::test]
async fn a_hold_is_captured_for_an_open_order_and_let_go_for_another() {
    for (is_open, status, order) in
        [(true, "succeeded", OrderStatus::Paid), (false, "canceled", OrderStatus::Cancelled)]
    {
        let street = Street::with_octo_that(false).await;
        let link = link(&street).await;
        if !is_open {
            street.shop.shop().book.orders[0].facts.status = OrderStatus::Cancelled;
        }
        street.browse("POST", &format!("{link}/pay")).await;
        assert_eq!(street.state().await["payments"][0]["status"], status);
        street.shop.reconcile().await;
        assert_eq!(street.order(), order);
        street.check_books();
    }
}

#[tokio::test]
async fn what_nobody_pays_ends_with_its_time() {
    let street = Street::with_octo().await;
    let link = link(&street).await;
    choose(&street, "leave").await;
    street.shop.reconcile().await;
    assert_eq!(street.attempt().status, AttemptStatus::Pending);
    street.wait(15 * 60);
    street.shop.reconcile().await;
    assert_eq!(street.attempt().status, AttemptStatus::Cancelled);
    street.browse("POST", &format!("{link}/pay")).await;
    assert_eq!(street.order(), OrderStatus::Pending, "the page is too late as well");
    street.check_books();
}

#[tokio::test]
async fn a_payment_that_the_gateway_never_heard_of_expires() {
    let street = Street::with_octo().await;
    street.fault("prepare_payment", "reset").await;
    assert_eq!(street.shop.create().await, None);
    street.shop.reconcile().await;
    assert_eq!(street.attempt().status, AttemptStatus::Created, "the call may be on its way");
    street.wait(15 * 60);
    street.shop.reconcile().await;
    assert_eq!(street.attempt().status, AttemptStatus::Expired);
}

#[tokio::test]
async fn a_refund_whose_answer_is_lost_is_made_once() {
    for fault in ["lost", "reset", "http_500", "html", "too_often", "old_form"] {
        let street = Street::with_octo().await;
        choose(&street, "pay").await;
        street.fault("refund", fault).await;
        street.shop.begin_refund();
        street.shop.reconcile().await;
        street.shop.reconcile().await;
        assert_eq!(street.order(), OrderStatus::Refunded, "{fault}");
        let payment = &street.state().await["payments"][0];
        assert_eq!(payment["refunds"].as_array().map(Vec::len), Some(1), "{fault}");
        assert_eq!(payment["refunded_sum"], 720_000.0, "{fault}");
        street.check_books();
    }
}

#[tokio::test]
async fn a_pending_refund_is_none_until_it_is_done_and_a_refused_one_gives_the_money_back() {
    for (settled, order) in [("succeeded", OrderStatus::Refunded), ("failed", OrderStatus::Paid)] {
        let street = Street::with_octo().await;
        choose(&street, "pay").await;
        street.fault("refund", "pending").await;
        street.shop.begin_refund();
        street.shop.reconcile().await;
        assert_eq!(street.order(), OrderStatus::Paid);
        assert_eq!(street.shop.shop().book.refunds[0].status, RefundStatus::Pending);
        street.sim("settle", json!({"status": settled})).await;
        street.shop.reconcile().await;
        assert_eq!(street.order(), order);
        street.check_books();
    }
}

#[tokio::test]
async fn a_refund_outside_of_the_bounds_is_refused() {
    let street = Street::with_octo().await;
    choose(&street, "pay").await;
    let uuid = street.attempt().their_id.expect("known").to_string();
    let refund = |name: &'static str, amount: i64| {
        let body = json!({
            "octo_shop_id": 27, "octo_secret": "a-secret-for-tests", "shop_refund_id": name, "octo_payment_UUID": uuid,
            "amount": amount,
        });
        let url = format!("{}/refund", street.gateway.url());
        async move {
            let answer = send("POST", &url, &[], &body.to_string()).await.expect("an answer");
            serde_json::from_str::<serde_json::Value>(&answer.body).expect("JSON")["error"].clone()
        }
    };
    assert_eq!(refund("a", 12_499).await, 22, "less than a dollar");
    assert_eq!(refund("b", 720_001).await, 22, "more than was paid");
    assert_eq!(refund("c", 700_000).await, 0);
    assert_eq!(refund("c", 1).await, 0, "the same name is the same refund");
    assert_eq!(refund("d", 20_001).await, 22, "more than is left");
    assert_eq!(refund("e", 20_000).await, 0);
    assert_eq!(street.state().await["payments"][0]["refunded_sum"], 720_000.0);
}

#[tokio::test]
async fn a_refund_from_the_cabinet_is_seen() {
    let street = Street::with_octo().await;
    choose(&street, "pay").await;
    let uuid = street.attempt().their_id.expect("known").to_string();
    street.sim("cabinet_refund", json!({"uuid": uuid, "amount": 1000})).await;
    street.shop.reconcile().await;
    assert_eq!(street.order(), OrderStatus::Paid, "a part of it");
    street.sim("cabinet_refund", json!({"uuid": uuid, "amount": 719_000})).await;
    street.shop.reconcile().await;
    assert_eq!(street.order(), OrderStatus::Refunded);
    street.check_books();
}

#[tokio::test]
async fn money_for_an_order_that_was_given_up_waits_for_a_person() {
    let street = Street::with_octo().await;
    street.sim("faults", json!([{"at": "prepare_payment", "what": "lost"}])).await;
    assert_eq!(street.shop.create().await, None);
    // Our clock is ahead of the gateway's, which still takes the money.
    {
        let mut shop = street.shop.shop();
        let order = &mut shop.book.orders[0];
        order.facts.status = OrderStatus::Cancelled;
    }
    let uuid = street.state().await["payments"][0]["octo_payment_UUID"].as_str().expect("a uuid").to_owned();
    street.browse("POST", &format!("{}/pay/{uuid}/pay", street.gateway.url())).await;
    let attempt = street.attempt();
    assert_eq!((attempt.review, attempt.settles), (Some(ReviewReason::LatePayment), false));
    assert_eq!(street.order(), OrderStatus::Cancelled);
    street.check_books();
}
