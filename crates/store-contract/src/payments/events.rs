//! What gateways say.

use slippers_core::orders::{OrderStatus, PaymentOutcome};
use slippers_core::payments::ledger::Account;
use slippers_core::payments::refunds::RefundBounds;
use slippers_core::payments::rules::Answer;
use slippers_core::payments::{
    AttemptStatus, BeginRefund, EventKey, Evidence, Gateway, PaymentEvent, PaymentQuery, PaymentSurvey,
    Report, ReviewReason, Source, Subject,
};
use slippers_core::types::Money;

use super::{every, name, opening, proof};
use crate::given::{NOW, Shop};

pub async fn money_that_comes_pays_the_order(shop: &Shop) {
    let opened = shop.opened("ours-1").await;
    let applied = shop.told(&opened.attempt, Report::Succeeded).await;
    assert_eq!((applied.answer, applied.is_changed), (Answer::Done, true));
    let order = shop.order(opened.order.id).await;
    assert_eq!(order.status, OrderStatus::Paid);
    assert_eq!(order.payment, Some(PaymentOutcome::Paid));
    let attempt = shop.attempt(opened.attempt.id, Gateway::Octo).await;
    assert_eq!(applied.attempt.as_ref(), Some(&attempt));
    assert_eq!((attempt.received, attempt.paid_at), (order.total, Some(NOW)));
    let balances = shop.payments().balances().await.expect("an answer");
    assert_eq!(balances.on(Account::Gateway(Gateway::Octo)), 10_000);
    assert_eq!(balances.on(Account::Sales), -10_000);
    shop.check_books().await;
}

pub async fn twenty_same_words_at_once_count_once(shop: &Shop) {
    let opened = shop.opened("ours-1").await;
    let answers = shop
        .at_once(20, |shop, _| {
            let attempt = opened.attempt.clone();
            async move { shop.told(&attempt, Report::Succeeded).await.answer }
        })
        .await;
    assert_eq!(answers.iter().filter(|answer| **answer == Answer::Done).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == Answer::Already).count(), 19);
    let events = shop.payments().list_events(Some(opened.attempt.id)).await.expect("an answer");
    assert_eq!(events.len(), 1, "the log has it once");
    shop.check_books().await;
}

pub async fn of_two_attempts_paid_at_once_one_pays_and_the_other_is_owed(shop: &Shop) {
    let first = shop.opened("ours-1").await;
    let later = NOW.plus_seconds(900);
    let open = opening(first.order.user, Source::Order(first.order.id), "ours-2");
    let second = shop.payments().open_attempt(open, later).await.expect("it is opened");
    let attempts = [first.attempt.clone(), second.attempt];
    let mut answers = shop
        .at_once(2, |shop, number| {
            let attempt = attempts[usize::try_from(number).expect("small")].clone();
            async move { shop.told(&attempt, Report::Succeeded).await.answer }
        })
        .await;
    answers.sort_by_key(|answer| answer.as_str());
    assert_eq!(answers, [Answer::Done, Answer::Quarantined(ReviewReason::SecondPayment)]);
    assert_eq!(shop.status(first.order.id).await, OrderStatus::Paid);
    let in_review = PaymentQuery { in_review: true, ..every() };
    assert_eq!(shop.payments().list_payments(in_review).await.expect("an answer").len(), 1);
    let balances = shop.payments().balances().await.expect("an answer");
    assert_eq!((balances.on(Account::Sales), balances.on(Account::Owed)), (-10_000, -10_000));
    shop.check_books().await;
}

pub async fn a_claim_moves_nothing_and_fills_no_log(shop: &Shop) {
    let opened = shop.opened("ours-1").await;
    for number in 0..150 {
        let claim = PaymentEvent {
            evidence: Evidence::Claim,
            key: EventKey::new(&["claim", &number.to_string()]),
            ..proof(&opened.attempt, Report::Succeeded)
        };
        let applied = shop.payments().apply_event(claim, NOW).await.expect("an answer");
        assert_eq!((applied.answer, applied.is_changed), (Answer::Ask, false));
    }
    assert_eq!(shop.attempt(opened.attempt.id, Gateway::Octo).await, opened.attempt);
    let events = shop.payments().list_events(Some(opened.attempt.id)).await.expect("an answer");
    assert_eq!(events.len(), 100);
}

fn unknown(report: Report, evidence: Evidence) -> PaymentEvent {
    PaymentEvent {
        subject: Subject::Reference(name("nobody's")),
        evidence,
        key: EventKey::new(&["nobody's"]),
        ..PaymentEvent::own(Gateway::Octo, slippers_core::types::PaymentId::new(9), report)
    }
}

pub async fn of_payments_that_we_never_made_only_sure_money_is_kept(shop: &Shop) {
    for (report, evidence) in [(Report::Succeeded, Evidence::Claim), (Report::Cancelled, Evidence::Proof)] {
        let applied = shop.payments().apply_event(unknown(report, evidence), NOW).await.expect("an answer");
        assert_eq!(applied.attempt, None);
    }
    assert_eq!(shop.payments().list_events(None).await.expect("an answer"), []);
    let sure = unknown(Report::Succeeded, Evidence::Proof);
    let applied = shop.payments().apply_event(sure, NOW).await.expect("an answer");
    assert_eq!(applied.answer, Answer::Quarantined(ReviewReason::UnknownPayment));
    let events = shop.payments().list_events(None).await.expect("an answer");
    assert_eq!(events.iter().map(|event| event.answer.as_str()).collect::<Vec<_>>(), ["unknown_payment"]);
}

pub async fn a_word_of_a_payment_that_we_never_made_is_kept_once(shop: &Shop) {
    shop.at_once(20, |shop, _| async move {
        let sure = unknown(Report::Succeeded, Evidence::Proof);
        shop.payments().apply_event(sure, NOW).await.expect("an answer");
    })
    .await;
    assert_eq!(shop.payments().list_events(None).await.expect("an answer").len(), 1);
}

pub async fn the_log_tells_what_was_said_in_order(shop: &Shop) {
    let opened = shop.opened("ours-1").await;
    let amount = Some(Money::from_minor(10_000));
    for (report, second) in
        [(Report::Waiting { link: None }, 1), (Report::Succeeded, 2), (Report::Cancelled, 3)]
    {
        let event = PaymentEvent { amount, note: "status=x".to_owned(), ..proof(&opened.attempt, report) };
        shop.payments().apply_event(event, NOW.plus_seconds(second)).await.expect("an answer");
    }
    let events = shop.payments().list_events(Some(opened.attempt.id)).await.expect("an answer");
    let told: Vec<_> = events.iter().map(|event| (event.report.as_str(), event.answer.as_str())).collect();
    assert_eq!(told, [("waiting", "done"), ("succeeded", "done"), ("cancelled", "contradiction")]);
    assert_eq!((events[1].amount, events[1].note.as_str()), (amount, "status=x"));
    assert_eq!(events[1].at, NOW.plus_seconds(2));
    assert_eq!(shop.status(opened.order.id).await, OrderStatus::Paid, "paid stays paid");
}

pub async fn a_paid_cart_is_emptied_unless_it_is_another_by_now(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    for changes in [false, true] {
        let buyer = shop.buyer_of(&[(mu, 2)]).await;
        let open = opening(buyer, Source::Cart, &format!("ours-{changes}"));
        let opened = shop.payments().open_attempt(open, NOW).await.expect("it is opened");
        if changes {
            shop.add(buyer, mu, 1).await;
        }
        shop.told(&opened.attempt, Report::Succeeded).await;
        assert_eq!(shop.cart(buyer).await.lines.len(), usize::from(changes));
    }
}

pub async fn a_person_closes_what_waits_for_them(shop: &Shop) {
    let opened = shop.opened("ours-1").await;
    let cheap =
        PaymentEvent { amount: Some(Money::from_minor(1)), ..proof(&opened.attempt, Report::Succeeded) };
    shop.payments().apply_event(cheap, NOW).await.expect("an answer");
    let (id, by) = (opened.attempt.id, shop.keeper().await.user);
    assert_eq!(shop.attempt(id, Gateway::Octo).await.review, Some(ReviewReason::WrongAmount));
    let close = || shop.payments().close_review(id, by, "they called".to_owned(), NOW);
    assert!(close().await.expect("an answer"));
    assert!(!close().await.expect("an answer"), "it is closed");
    let after = shop.attempt(id, Gateway::Octo).await;
    assert_eq!((after.review, after.status, after.settles), (None, AttemptStatus::Paid, false));
    let events = shop.payments().list_events(Some(id)).await.expect("an answer");
    assert!(events.last().is_some_and(|event| event.note.contains("they called")));
    shop.check_books().await;
}

pub async fn what_is_open_is_due_again_and_again_and_what_is_decided_is_not(shop: &Shop) {
    let (first, second) = (shop.opened("ours-1").await, shop.opened("ours-2").await);
    let due = |seconds| async move {
        let due = shop.payments().claim_due(10, 0, NOW.plus_seconds(seconds)).await.expect("an answer");
        due.into_iter().map(|due| due.attempt.id).collect::<Vec<_>>()
    };
    assert_eq!(due(4).await, []);
    assert_eq!(due(5).await, [first.attempt.id, second.attempt.id]);
    assert_eq!(due(5).await, [], "they are claimed");
    assert_eq!(due(14).await, []);
    shop.told(&first.attempt, Report::Succeeded).await;
    assert_eq!(due(15).await, [second.attempt.id], "also when who claimed it died");
    shop.told(&second.attempt, Report::Cancelled).await;
    assert_eq!(due(1_000_000).await, []);
}

pub async fn of_eight_who_claim_at_once_each_gets_others(shop: &Shop) {
    for number in 0..20 {
        shop.opened(&format!("ours-{number}")).await;
    }
    let claimed = shop
        .at_once(8, |shop, _| async move {
            let due = shop.payments().claim_due(3, 0, NOW.plus_seconds(60)).await.expect("an answer");
            due.into_iter().map(|due| due.attempt.id).collect::<Vec<_>>()
        })
        .await;
    let mut all: Vec<_> = claimed.into_iter().flatten().collect();
    all.sort();
    let count = all.len();
    all.dedup();
    assert_eq!((count, all.len()), (20, 20));
}

pub async fn what_is_paid_is_compared_by_one_and_again_until_its_money_went_back_or_it_is_old(shop: &Shop) {
    const DAY: i64 = 86_400;
    let (_, attempt) = shop.paid("ours-1").await;
    let open = shop.opened("ours-2").await;
    let compared = |seconds| async move {
        let due = shop.payments().claim_comparisons(10, 0, NOW.plus_seconds(seconds)).await;
        due.expect("an answer").into_iter().map(|attempt| attempt.id).collect::<Vec<_>>()
    };
    assert_eq!(compared(599).await, []);
    assert_eq!(compared(600).await, [attempt.id], "what is open is asked about by others");
    assert_eq!(compared(1199).await, [], "it was claimed");
    let claimed = shop.at_once(8, |shop, _| async move {
        shop.payments().claim_comparisons(10, 0, NOW.plus_seconds(1200)).await.expect("an answer").len()
    });
    assert_eq!(claimed.await.into_iter().sum::<usize>(), 1);
    // A part of it went back: what is left is compared as before.
    shop.told(&attempt, Report::Refunded { total: Money::from_minor(4_000) }).await;
    assert_eq!(compared(2399).await, []);
    assert_eq!(compared(2400).await, [attempt.id]);
    shop.told(&attempt, Report::Refunded { total: attempt.amount }).await;
    assert_eq!(compared(5 * DAY).await, [], "nothing is left");
    // The second one is paid, and the shop stands still for longer than anybody asks.
    shop.told(&open.attempt, Report::Succeeded).await;
    assert_eq!(compared(36 * DAY).await, [open.attempt.id]);
    assert_eq!(compared(1_000 * DAY).await, [], "that was the last time");
}

pub async fn what_a_person_has_judged_is_not_compared_again(shop: &Shop) {
    let (_, attempt) = shop.paid("ours-1").await;
    shop.told(&attempt, Report::Cancelled).await;
    let compared = |seconds| async move {
        shop.payments().claim_comparisons(10, 0, NOW.plus_seconds(seconds)).await.expect("an answer").len()
    };
    assert_eq!(compared(600).await, 1, "what waits for a person may be seen to have its end");
    let by = shop.keeper().await.user;
    shop.payments().close_review(attempt.id, by, "a slip of theirs".to_owned(), NOW).await.expect("closed");
    assert_eq!(compared(86_400).await, 0);
}

pub async fn what_waits_is_surveyed(shop: &Shop) {
    let survey = |seconds| async move {
        shop.payments().survey_payments(NOW.plus_seconds(seconds)).await.expect("an answer")
    };
    assert_eq!(survey(0).await, PaymentSurvey::default());
    let (_, paid) = shop.paid("ours-1").await;
    let open = shop.opened("ours-2").await.attempt;
    let seen = PaymentSurvey { undecided: 1, ..PaymentSurvey::default() };
    assert_eq!(survey(899).await, seen, "it has time left");
    assert_eq!(survey(900).await, PaymentSurvey { late_since: Some(NOW.plus_seconds(900)), ..seen });
    // What waits for a person waits for nobody else.
    let cheap = PaymentEvent { amount: Some(Money::from_minor(1)), ..proof(&open, Report::Succeeded) };
    shop.payments().apply_event(cheap, NOW).await.expect("an answer");
    assert_eq!(survey(900).await, PaymentSurvey { in_review: 1, ..PaymentSurvey::default() });
    let by = shop.keeper().await.user;
    let bounds = RefundBounds { least: Money::ZERO, most: None };
    let begin = BeginRefund { order: paid.order, amount: None, restock: true, by, bounds };
    shop.payments().begin_refund(begin, NOW.plus_seconds(5)).await.expect("it is begun");
    let since = Some(NOW.plus_seconds(5));
    assert_eq!(survey(6).await, PaymentSurvey { undecided: 1, in_review: 1, late_since: since });
}
