//! OCTO (octo.uz): we make the payment, the buyer pays on OCTO's page, and a callback or a status call tells what became
//! of it.
//!
//! A callback's signature covers neither amount nor order, so even a good one is a [`Claim`](Evidence::Claim): the status
//! is asked for before anything moves. The status is keyed by *our* name for the payment; a refund by theirs.

use serde_json::{Map, Value, json};
use sha1::{Digest as _, Sha1};
use slippers_core::payments::refunds::RefundBounds;
use slippers_core::payments::rules::Answer;
use slippers_core::payments::{
    Attempt, Currency, EventKey, Evidence, Gateway, Name, PaymentEvent, Refund, RefundStatus, Report, Subject,
};
use slippers_core::types::{Money, Timestamp};

use crate::protocol::{Call, CallError, Context, Outcome, Protocol, Received, RefundTold, Start};
use crate::secret::{Secret, hex, same_hex};
use crate::wire::{Reply, Request, Response, Webhook, note, shown};

/// The most that one refund returns: 10,000,000 soum.
const MOST_REFUND: Money = Money::from_minor(10_000_000 * 100);
/// "Too many requests".
const TOO_OFTEN: i64 = 11;
/// "Bad data": what a status call of ours, whose form is fixed, gets for a payment that is not there.
const BAD_DATA: i64 = 1;

/// Minutes for which a link is good unless the further fields say so; without a word OCTO gives it as many.
const LINK_MINUTES: i64 = 30;

/// What OCTO must be told.
#[derive(Clone, Debug)]
pub struct OctoSettings {
    /// `https://secure.octo.uz`, without a slash at its end.
    pub base: String,
    /// The shop's number; sent as a number when it is one.
    pub shop_id: String,
    /// The password of calls.
    pub secret: Secret,
    /// The key of callbacks' signatures, a credential of its own; without it callbacks are believed even less.
    pub unique_key: Option<Secret>,
    /// Where callbacks are to be sent.
    pub notify_url: String,
    /// Where buyers come back to.
    pub return_url: String,
    /// `uz`, `ru` or `en`.
    pub language: String,
    /// The currency of payments.
    pub currency: Currency,
    /// Whether money is taken at once, not held first.
    pub auto_capture: bool,
    /// Whether payments are tests.
    pub is_test: bool,
    /// Soum for a dollar: the least refund is one dollar.
    pub usd_rate: Option<Money>,
    /// Further fields of a new payment; they win over ours, but for the credentials, our name for it and the amount.
    pub extra: Map<String, Value>,
}

/// OCTO's protocol.
#[derive(Clone, Debug)]
pub struct Octo {
    settings: OctoSettings,
}

impl Octo {
    /// The protocol with these settings.
    pub const fn new(settings: OctoSettings) -> Self {
        Self { settings }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.settings.base.trim_end_matches('/'))
    }

    fn credentials(&self) -> Map<String, Value> {
        let id = &self.settings.shop_id;
        let id = id.parse::<i64>().map_or_else(|_| Value::from(id.as_str()), Value::from);
        let secret = Value::from(self.settings.secret.expose());
        Map::from_iter([("octo_shop_id".to_owned(), id), ("octo_secret".to_owned(), secret)])
    }

    fn call(&self, path: &str, fields: Value) -> Request {
        let mut body = self.credentials();
        if let Value::Object(fields) = fields {
            body.extend(fields);
        }
        Request::post(self.url(path), &Value::Object(body))
    }

    /// Signature version 2: SHA-1 over the key, the payment's name there and the status, hex in any case.
    fn is_signed(&self, key: &Secret, fields: &Fields, uuid: &str, status: &str) -> bool {
        let digest =
            Sha1::new().chain_update(key.expose()).chain_update(uuid).chain_update(status).finalize();
        fields.text("signature").is_some_and(|told| same_hex(&hex(&digest), &told))
    }
}

/// An amount in soum as a JSON number with its digits.
fn number(amount: Money) -> Value {
    amount.to_string().parse().map_or(Value::Null, Value::Number)
}

/// The fields of a message: a JSON object, else a form; of anything else none. What OCTO moves into `data` is looked for
/// there first.
#[derive(Clone, Debug, Default)]
struct Fields {
    top: Map<String, Value>,
    data: Map<String, Value>,
}

impl Fields {
    fn of_json(body: &[u8]) -> Option<Self> {
        let Ok(Value::Object(mut top)) = serde_json::from_slice(body) else { return None };
        let data = match top.remove("data") {
            Some(Value::Object(data)) => data,
            _ => Map::new(),
        };
        Some(Self { top, data })
    }

    fn of_form(body: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(body);
        let top = pairs.map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect();
        Self { top, data: Map::new() }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        let filled = |value: &&Value| !value.is_null();
        self.data.get(name).filter(filled).or_else(|| self.top.get(name).filter(filled))
    }

    /// A text, or a number as it was written.
    fn text(&self, name: &str) -> Option<String> {
        match self.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    fn name(&self, names: &[&str]) -> Option<Name> {
        names.iter().find_map(|name| Name::parse(&self.text(name)?).ok())
    }

    fn money(&self, name: &str) -> Option<Money> {
        Money::parse(&self.text(name)?).ok()
    }

    fn uuid(&self) -> Option<Name> {
        self.name(&["octo_payment_UUID", "octo_payment_uuid", "payment_uuid"])
    }

    /// For people: nothing of the buyer, nothing of the card.
    fn note(&self) -> String {
        const SHOWN: [&str; 9] = [
            "status",
            "octo_payment_UUID",
            "total_sum",
            "transfer_sum",
            "refunded_sum",
            "currency",
            "payed_time",
            "refund_id",
            "error",
        ];
        let told: Vec<(&str, Option<String>)> = SHOWN.iter().map(|name| (*name, self.text(name))).collect();
        note(told.iter().map(|(name, value)| (*name, value.as_deref())))
    }
}

/// What a status means. A word that is not documented settles nothing and cancels nothing.
fn report_of(status: &str, fields: &Fields) -> Report {
    let refunded = fields.money("refunded_sum").filter(|total| *total > Money::ZERO);
    match status.to_ascii_lowercase().as_str() {
        "succeeded" => refunded.map_or(Report::Succeeded, |total| Report::Refunded { total }),
        "canceled" | "cancelled" => Report::Cancelled,
        "waiting_for_capture" => Report::Held,
        "created" | "wait_user_action" | "process_user_login" | "process_action" | "payment_in_process" => {
            Report::Waiting { link: fields.text("octo_pay_url").filter(|link| !link.is_empty()) }
        }
        _ => Report::Unclear,
    }
}

/// The fields of an answer whose `error` is 0.
fn accepted(response: &Response) -> Result<Fields, CallError> {
    let fields = Fields::of_json(&response.body)
        .ok_or_else(|| CallError::Unknown(format!("HTTP {} without a JSON object", response.status)))?;
    let code = fields.top.get("error").and_then(Value::as_i64);
    match code {
        Some(0) => Ok(fields),
        Some(TOO_OFTEN) => Err(CallError::TooOften),
        Some(code) => {
            let text = fields.text("errMessage").or_else(|| fields.text("errorMessage"));
            let text = text.unwrap_or_else(|| "Unknown OCTO error".to_owned());
            Err(CallError::Refused { code, text: shown(&text) })
        }
        None => Err(CallError::Unknown(format!("HTTP {} without an error code", response.status))),
    }
}

fn event(fields: &Fields, subject: Subject, report: Report, evidence: Evidence) -> PaymentEvent {
    let (uuid, refunded) = (fields.uuid(), fields.text("refunded_sum").unwrap_or_default());
    let known = match (&uuid, &subject) {
        (Some(uuid), _) => uuid.as_str().to_owned(),
        (None, Subject::Reference(name) | Subject::TheirId(name)) => name.as_str().to_owned(),
        (None, Subject::Number(id)) => id.to_string(),
    };
    let status = fields.text("status").unwrap_or_default();
    PaymentEvent {
        gateway: Gateway::Octo,
        key: EventKey::new(&[evidence.as_str(), &known, &status, &refunded]),
        subject,
        their_id: uuid,
        order: None,
        report,
        evidence,
        amount: fields.money("total_sum"),
        currency: fields.text("currency").as_deref().and_then(Currency::parse),
        note: fields.note(),
    }
}

impl Protocol for Octo {
    fn gateway(&self) -> Gateway {
        Gateway::Octo
    }

    /// Never refuses: an answer other than 200 only provokes repetitions.
    fn read(&self, webhook: Webhook<'_>, _: Timestamp) -> Result<Received, Reply> {
        let fields = Fields::of_json(webhook.body).unwrap_or_else(|| Fields::of_form(webhook.body));
        let call = self.read_callback(&fields);
        Ok(Received { call, context: Context::default() })
    }

    fn reply(&self, _: &Context, outcome: &Outcome) -> Reply {
        match outcome {
            Outcome::Failed(_) => Reply::unavailable(),
            Outcome::Applied(applied) if applied.answer == Answer::Capture => {
                Reply::ok(&json!({"accept_status": "capture"}))
            }
            Outcome::Applied(applied) if applied.answer == Answer::Release => {
                Reply::ok(&json!({"accept_status": "cancel"}))
            }
            _ => Reply::ok(&json!({"ok": true})),
        }
    }

    fn start(&self, attempt: &Attempt, now: Timestamp) -> Start {
        let settings = &self.settings;
        let mut fields = json!({
            "auto_capture": settings.auto_capture,
            "init_time": now.tashkent_second(),
            "test": settings.is_test,
            "currency": settings.currency.as_str(),
            "description": format!("Order #{}", attempt.order),
            "return_url": settings.return_url,
            "notify_url": settings.notify_url,
            "language": settings.language,
            "ttl": LINK_MINUTES,
        });
        if let Value::Object(fields) = &mut fields {
            fields.extend(settings.extra.clone());
            fields.extend(self.credentials());
            fields.insert("shop_transaction_id".to_owned(), attempt.reference.as_str().into());
            fields.insert("total_sum".to_owned(), number(attempt.amount));
        }
        Start::Call(self.call("prepare_payment", fields))
    }

    fn link_seconds(&self) -> i64 {
        let minutes = self.settings.extra.get("ttl").and_then(Value::as_i64).filter(|minutes| *minutes > 0);
        minutes.unwrap_or(LINK_MINUTES).saturating_mul(60)
    }

    /// Only who we are and our name for it: with more, an unknown payment would be made anew.
    fn status(&self, attempt: &Attempt, _: Timestamp) -> Option<Request> {
        let fields = json!({"shop_transaction_id": attempt.reference.as_str()});
        Some(self.call("prepare_payment", fields))
    }

    fn read_started(&self, attempt: &Attempt, response: &Response) -> Result<PaymentEvent, CallError> {
        let fields = accepted(response)?;
        self.told_of(attempt, &fields)
    }

    fn read_status(&self, attempt: &Attempt, response: &Response) -> Result<PaymentEvent, CallError> {
        match accepted(response) {
            Ok(fields) => self.told_of(attempt, &fields),
            Err(CallError::Refused { code: BAD_DATA, .. }) => {
                let subject = Subject::Reference(attempt.reference.clone());
                let gone = event(&Fields::default(), subject, Report::NotThere, Evidence::Proof);
                Ok(gone)
            }
            Err(error) => Err(error),
        }
    }

    fn decide_hold(&self, attempt: &Attempt, is_captured: bool) -> Option<Request> {
        let uuid = attempt.their_id.as_ref()?;
        let status = if is_captured { "capture" } else { "cancel" };
        Some(self.call("set_accept", json!({"octo_payment_UUID": uuid.as_str(), "accept_status": status})))
    }

    fn refund(&self, attempt: &Attempt, refund: &Refund, _: Timestamp) -> Option<Request> {
        let uuid = attempt.their_id.as_ref()?;
        let fields = json!({
            "shop_refund_id": refund.reference.as_str(),
            "octo_payment_UUID": uuid.as_str(),
            "amount": number(refund.amount),
        });
        Some(self.call("refund", fields))
    }

    fn read_refund(&self, response: &Response) -> Result<RefundTold, CallError> {
        let fields = accepted(response)?;
        // An error code of 0 says that the refund was taken on, not that the money went.
        let status = match fields.text("status").unwrap_or_default().to_ascii_lowercase().as_str() {
            "succeeded" => RefundStatus::Succeeded,
            "canceled" | "error" | "failed" => RefundStatus::Failed,
            _ => RefundStatus::Pending,
        };
        Ok(RefundTold { status, their_id: fields.name(&["refund_id"]), note: fields.note() })
    }

    fn refund_bounds(&self) -> RefundBounds {
        RefundBounds { least: self.settings.usd_rate.unwrap_or(Money::ZERO), most: Some(MOST_REFUND) }
    }
}

impl Octo {
    fn read_callback(&self, fields: &Fields) -> Call {
        let uuid = fields.uuid();
        let status = fields.text("status").unwrap_or_default();
        let named = fields.name(&["shop_transaction_id"]).map(Subject::Reference);
        let Some(subject) = named.or_else(|| uuid.clone().map(Subject::TheirId)) else {
            return Call::Nothing("it names no payment");
        };
        if let Some(key) = &self.settings.unique_key
            && !self.is_signed(key, fields, uuid.as_ref().map_or("", Name::as_str), &status)
        {
            return Call::Nothing("its signature is wrong");
        }
        let report = report_of(&status, fields);
        Call::Event(Box::new(event(fields, subject, report, Evidence::Claim)))
    }

    fn told_of(&self, attempt: &Attempt, fields: &Fields) -> Result<PaymentEvent, CallError> {
        if fields.text("shop_transaction_id").is_some_and(|told| told != attempt.reference.as_str()) {
            return Err(CallError::Unknown("it speaks of another payment".to_owned()));
        }
        let status = fields.text("status").unwrap_or_default();
        let subject = Subject::Reference(attempt.reference.clone());
        // The old form of a new payment has a link and no status.
        let link = fields.text("octo_pay_url").filter(|link| !link.is_empty());
        let report = match link {
            Some(link) if status.is_empty() => Report::Waiting { link: Some(link) },
            _ => report_of(&status, fields),
        };
        Ok(event(fields, subject, report, Evidence::Proof))
    }
}
