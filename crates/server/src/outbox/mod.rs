//! Events of the shop on their way out: to webhooks, to buyers and to those who run the shop.

mod api;
mod body;
mod messages;
mod shapes;

use std::time::{Duration, Instant};

use futures_util::future::{join_all, try_join_all};
use slippers_core::StoreError;
use slippers_core::outbox::{Delivery, EventKind, Outcome, Subscription, Target};
use slippers_core::types::{Phone, UserId};

pub(crate) use self::api::router;
use crate::http::limit::RateLimiter;
use crate::outbound::{Endpoint, Post};
use crate::ports::{Message, Notifier, Notifiers, NotifyError, Recipient};
use crate::shop::Shop;

/// Events that are given to their targets in one transaction.
const SPREAD: i64 = 200;
/// Deliveries to one target at once; no target waits for another.
const AT_ONCE: i64 = 16;
/// How long it may take to hand a message on.
const MESSAGE_LIMIT: Duration = Duration::from_secs(15);
/// Confirmations that one buyer is sent at once, and in each day: nobody has proved yet that the phone is theirs.
const CONFIRMATIONS: u32 = 5;
const DAY: Duration = Duration::from_secs(86_400);

/// What the outbox needs of the shop.
pub(crate) struct Outbox {
    notifiers: Notifiers,
    lines: Vec<Line>,
    confirmations: RateLimiter,
    started: Instant,
}

/// A target, and how it is reached.
struct Line {
    target: Target,
    to: Receiver,
}

enum Receiver {
    Webhook(Endpoint),
    Buyer,
    Staff,
}

impl Receiver {
    fn wants(&self) -> &'static [EventKind] {
        match self {
            Self::Webhook(_) => &body::KINDS,
            Self::Buyer => &[EventKind::OrderPlaced],
            Self::Staff => &[EventKind::OrderPlaced, EventKind::PaymentNeedsReview],
        }
    }
}

impl Outbox {
    pub(crate) fn new(notifiers: Notifiers) -> Self {
        let endpoints = notifiers.webhooks.iter().flat_map(|webhooks| webhooks.endpoints().to_vec());
        let mut lines: Vec<Line> = endpoints
            .map(|endpoint| Line { target: endpoint.target.clone(), to: Receiver::Webhook(endpoint) })
            .collect();
        if notifiers.people.is_some() && notifiers.orders.buyer {
            lines.push(Line { target: Target::new("buyer"), to: Receiver::Buyer });
        }
        if notifiers.staff.is_some() && notifiers.orders.staff {
            lines.push(Line { target: Target::new("staff"), to: Receiver::Staff });
        }
        let confirmations = RateLimiter::with_slots(CONFIRMATIONS, DAY, 1 << 14);
        Self { notifiers, lines, confirmations, started: Instant::now() }
    }

    /// Everybody who is told.
    pub(crate) fn targets(&self) -> Vec<Target> {
        self.lines.iter().map(|line| line.target.clone()).collect()
    }

    fn subscriptions(&self) -> Vec<Subscription> {
        let each = |line: &Line| {
            let target = line.target.clone();
            line.to.wants().iter().map(move |kind| Subscription { kind: *kind, target: target.clone() })
        };
        self.lines.iter().flat_map(each).collect()
    }

    fn may_confirm(&self, buyer: UserId) -> bool {
        let now = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.confirmations.check(buyer, now).allowed
    }
}

/// Gives what happened to those who want to hear of it.
pub(crate) async fn spread(shop: &Shop) -> Result<(), StoreError> {
    while shop.store.spread_events(shop.outbox.subscriptions(), SPREAD, shop.now()).await? > 0 {}
    Ok(())
}

/// Delivers what is due to everybody, once.
pub(crate) async fn deliver_all(shop: &Shop) -> Result<(), StoreError> {
    let each = join_all(shop.outbox.lines.iter().map(|line| deliver_to(shop, line))).await;
    each.into_iter().collect()
}

/// Delivers what is due to the target of this number, while some of it arrives.
pub(crate) async fn deliver(shop: &Shop, number: usize) -> Result<(), StoreError> {
    match shop.outbox.lines.get(number) {
        Some(line) => deliver_to(shop, line).await,
        None => Ok(()),
    }
}

async fn deliver_to(shop: &Shop, line: &Line) -> Result<(), StoreError> {
    loop {
        let claimed = shop.store.claim_deliveries(line.target.clone(), AT_ONCE, shop.now()).await?;
        let arrived = try_join_all(claimed.iter().map(|delivery| attempt(shop, line, delivery))).await?;
        // One that is down is left alone until the next look.
        if i64::try_from(claimed.len()).unwrap_or(0) < AT_ONCE || !arrived.contains(&true) {
            return Ok(());
        }
    }
}

/// Tries a delivery and says what became of it; answers whether it arrived.
async fn attempt(shop: &Shop, line: &Line, delivery: &Delivery) -> Result<bool, StoreError> {
    let sent = match &line.to {
        Receiver::Webhook(endpoint) => post(shop, endpoint, delivery).await,
        Receiver::Buyer => confirm(shop, delivery).await?,
        Receiver::Staff => tell_staff(shop, delivery).await,
    };
    let outcome = match sent {
        Ok(()) => Outcome::Delivered,
        Err(failure) => {
            let (receiver, attempt) = (line.target.as_str(), delivery.attempt);
            tracing::warn!(
                receiver, event = %delivery.event, attempt, %failure,
                "event {} did not reach {receiver} at try {attempt}: {failure}", delivery.event
            );
            match failure {
                NotifyError::ForNow(error) => Outcome::Failed { error, jitter: jitter(shop) },
                NotifyError::ForGood(error) => Outcome::Refused { error },
            }
        }
    };
    let arrived = outcome == Outcome::Delivered;
    shop.store.end_attempt(delivery.id, delivery.attempt, outcome, shop.now()).await?;
    Ok(arrived)
}

/// Without randomness all wait the same.
fn jitter(shop: &Shop) -> u8 {
    let mut byte = [0];
    shop.entropy.fill(&mut byte).map_or(0, |()| byte[0])
}

async fn post(shop: &Shop, endpoint: &Endpoint, delivery: &Delivery) -> Result<(), NotifyError> {
    let Some(webhooks) = &shop.outbox.notifiers.webhooks else { return Ok(()) };
    let body = body::body(&delivery.notice);
    let body = body.map_err(|_| NotifyError::ForGood("the event can't be written".to_owned()))?;
    let id = body::event_number(delivery.event, &delivery.notice);
    webhooks.post(endpoint, Post { id: &id, timestamp: shop.now().seconds(), body }).await
}

/// Tells the buyer that their order was placed, if they are still there.
async fn confirm(shop: &Shop, delivery: &Delivery) -> Result<Result<(), NotifyError>, StoreError> {
    let notifiers = &shop.outbox.notifiers;
    let Some(people) = &notifiers.people else { return Ok(Ok(())) };
    let Some(text) = messages::to_buyer(&delivery.notice, notifiers.orders.language) else {
        return Ok(Ok(()));
    };
    let Some((buyer, phone)) = buyer_of(shop, delivery).await? else { return Ok(Ok(())) };
    if delivery.attempt == 1 && !shop.outbox.may_confirm(buyer) {
        tracing::info!(user = %buyer, "user {buyer} has had enough confirmations for today");
        return Ok(Ok(()));
    }
    Ok(hand_on(&**people, Recipient::Person(phone), text, delivery).await)
}

/// Who bought; `None` when the order or the person is gone.
async fn buyer_of(shop: &Shop, delivery: &Delivery) -> Result<Option<(UserId, Phone)>, StoreError> {
    let Some(order) = shop.store.find_order(delivery.notice.order).await? else { return Ok(None) };
    let user = shop.store.find_user(order.user).await?;
    Ok(user.map(|user| (user.id, user.phone)))
}

async fn tell_staff(shop: &Shop, delivery: &Delivery) -> Result<(), NotifyError> {
    let notifiers = &shop.outbox.notifiers;
    let text = messages::to_staff(&delivery.notice, notifiers.orders.language);
    let (Some(staff), Some(text)) = (&notifiers.staff, text) else { return Ok(()) };
    hand_on(&**staff, Recipient::Staff, text, delivery).await
}

async fn hand_on(
    by: &dyn Notifier,
    to: Recipient,
    text: String,
    delivery: &Delivery,
) -> Result<(), NotifyError> {
    // The same at each try, so that a gateway which knows numbers sends it once.
    let message = Message { id: format!("d{:015x}", delivery.id.get()), to, text };
    let sent = tokio::time::timeout(MESSAGE_LIMIT, by.send(&message)).await;
    sent.unwrap_or_else(|_| Err(NotifyError::ForNow(format!("not within {MESSAGE_LIMIT:?}"))))
}
