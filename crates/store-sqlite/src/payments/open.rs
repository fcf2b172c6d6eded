//! Attempts that buyers open, and transactions that gateways begin.

use serde_json::json;
use sha2::{Digest as _, Sha256};
use slippers_core::StoreError;
use slippers_core::orders::rules::{Goods, PlanError, Shelf, WantedLine, consolidate, plan};
use slippers_core::orders::{Order, PlaceError, PlaceFromCart};
use slippers_core::outbox::EventKind;
use slippers_core::outbox::rules::of_payment;
use slippers_core::payments::admission::{Admission, Opening, admit, bound, created, judge_open};
use slippers_core::payments::checks::delay_seconds;
use slippers_core::payments::rules::Refusal;
use slippers_core::payments::{
    OpenAttempt, OpenError, Opened, OrderFacts, Reserve, Reserved, Source, Subject,
};
use slippers_core::types::{OrderId, PaymentId, SlipperId, Timestamp, UserId};

use super::rows;
use crate::db::{Db, json_list};
use crate::orders::place::{MadeFrom, from_cart, write_order};
use crate::orders::rows as orders;
use crate::outbox;

pub(super) fn open(db: &Db<'_>, open: &OpenAttempt, now: Timestamp) -> Result<Opened, OpenError> {
    let order = find_or_place(db, open, now)?;
    let facts = OrderFacts { id: order.id, user: order.user, status: order.status, total: order.total };
    let attempts = rows::of_order(db, order.id)?;
    let opening = judge_open(open.buyer, &facts, &attempts, open.gateway, open.claimed, now);
    match opening.map_err(OpenError::Refused)? {
        Opening::Again(id) => {
            let attempt = attempts.into_iter().find(|attempt| attempt.id == id);
            let attempt = attempt.ok_or_else(|| StoreError::Other("an attempt vanished".to_owned()))?;
            Ok(Opened { attempt, order, is_new: false })
        }
        Opening::New => {
            let unborn = PaymentId::new(0);
            let reference = open.reference.clone();
            let mut attempt = created(unborn, &facts, open.gateway, reference, open.expires_at, now);
            attempt.id = rows::insert(db, &attempt)?;
            rows::watch(db, attempt.id, now.plus_seconds(delay_seconds(0, 0)))?;
            Ok(Opened { attempt, order, is_new: true })
        }
    }
}

fn find_or_place(db: &Db<'_>, open: &OpenAttempt, now: Timestamp) -> Result<Order, OpenError> {
    match &open.source {
        Source::Order(id) => orders::find(db, *id)?.ok_or(OpenError::OrderNotFound),
        Source::Cart => {
            let place = PlaceFromCart {
                user: open.buyer,
                clear_cart: false,
                idempotency: None,
                max_open: open.max_open,
                max_quantity: open.max_quantity,
            };
            from_cart(db, &place, now).map_err(open_error)
        }
        Source::Items(wanted) => from_items(db, open, wanted, now),
    }
}

fn open_error(error: PlaceError) -> OpenError {
    match error {
        PlaceError::Store(error) => OpenError::Store(error),
        refused => OpenError::Place(refused),
    }
}

/// By which the same items are known again, in whatever order they come.
fn items_key(lines: &[WantedLine]) -> String {
    let mut parts: Vec<_> =
        lines.iter().map(|line| (line.slipper.get(), line.quantity, &line.notes)).collect();
    parts.sort();
    let digest = Sha256::digest(json!(parts).to_string());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

const FIND_SAME: &str = "
    SELECT id FROM orders WHERE user_id = ?1 AND status = 'PENDING' AND items_key = ?2 ORDER BY id DESC LIMIT 1";
const COUNT_PENDING: &str = "SELECT count(*) FROM orders WHERE user_id = ?1 AND status = 'PENDING'";
const NAME: &str = "SELECT name || ' ' || surname FROM users WHERE id = ?1";

fn from_items(
    db: &Db<'_>,
    open: &OpenAttempt,
    wanted: &[WantedLine],
    now: Timestamp,
) -> Result<Order, OpenError> {
    let wanted = consolidate(wanted, open.max_quantity);
    let key = items_key(&wanted);
    let same = db.first(FIND_SAME, (open.buyer.get(), &key), |row| row.int(0))?;
    if let Some(id) = same {
        return orders::find(db, OrderId::new(id))?.ok_or(OpenError::OrderNotFound);
    }
    let pending = db.one(COUNT_PENDING, [open.buyer.get()], |row| row.int(0))?;
    if wanted.is_empty() {
        return Err(OpenError::Place(PlaceError::CartEmpty));
    }
    if open.max_open > 0 && pending >= open.max_open {
        return Err(OpenError::Place(PlaceError::TooManyOpen { limit: open.max_open }));
    }
    let mut shelf = read_shelf(db, &wanted)?;
    let plan = plan(&wanted, open.max_quantity, &mut shelf).map_err(|refused| {
        OpenError::Place(match refused {
            PlanError::Empty => PlaceError::CartEmpty,
            refused => PlaceError::Plan(refused),
        })
    })?;
    let name = user_name(db, open.buyer)?;
    let from = MadeFrom { cart_version: None, cleared_to: None, items_key: Some(key) };
    Ok(write_order(db, open.buyer, name, &plan, &shelf, &from, now)?)
}

fn user_name(db: &Db<'_>, user: UserId) -> Result<String, OpenError> {
    db.first(NAME, [user.get()], |row| row.text(0))?.ok_or(OpenError::OrderNotFound)
}

const READ_SHELF: &str = "
    SELECT id, name, size, image, price_minor, quantity, is_paused FROM slippers
    WHERE id IN (SELECT value FROM json_each(?1))";

fn read_shelf(db: &Db<'_>, wanted: &[WantedLine]) -> Result<Shelf, StoreError> {
    let ids: Vec<i64> = wanted.iter().map(|line| line.slipper.get()).collect();
    let goods = db.all(READ_SHELF, [json_list(&ids)?], |row| {
        let goods = Goods {
            name: row.text(1)?,
            size: row.text(2)?,
            image: row.text(3)?,
            price: row.money(4)?,
            stock: row.int(5)?,
            is_paused: row.flag(6)?,
        };
        Ok((SlipperId::new(row.int(0)?), goods))
    })?;
    Ok(goods.into_iter().collect())
}

/// Begins a transaction for a gateway.
pub(super) fn reserve(db: &Db<'_>, reserve: &Reserve, now: Timestamp) -> Result<Reserved, StoreError> {
    let asked = &reserve.transaction;
    let facts = rows::facts(db, asked.order)?;
    let same = rows::find(db, asked.gateway, &Subject::TheirId(asked.their_id.clone()))?;
    let attempts = rows::of_order(db, asked.order)?;
    let attempt = match admit(facts.as_ref(), &attempts, same.as_ref(), asked, now) {
        Admission::Refused(refusal) => return Ok(Reserved::Refused(refusal)),
        Admission::Overdue(ended) => {
            rows::write(db, &ended)?;
            rows::watch(db, ended.id, now)?;
            outbox::tell(db, &[of_payment(EventKind::PaymentFailed, &ended, ended.amount, now)])?;
            return Ok(Reserved::Refused(Refusal::Overdue));
        }
        Admission::Again(_) => return Ok(same.map_or(gone(), |same| Reserved::Held(Box::new(same)))),
        Admission::Bind(attempt) => *attempt,
        Admission::New => {
            let Some(facts) = facts else { return Ok(gone()) };
            let reference = reserve.reference.clone();
            let unborn = PaymentId::new(0);
            let mut attempt = created(unborn, &facts, asked.gateway, reference, asked.expires_at, now);
            attempt.id = rows::insert(db, &attempt)?;
            bound(&attempt, asked, now)
        }
    };
    rows::write(db, &attempt)?;
    rows::watch(db, attempt.id, now.plus_seconds(delay_seconds(0, 0)))?;
    Ok(Reserved::Held(Box::new(attempt)))
}

/// What `admit` never leads to.
const fn gone() -> Reserved {
    Reserved::Refused(Refusal::NoSuchOrder)
}
