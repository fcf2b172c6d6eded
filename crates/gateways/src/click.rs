//! Click SHOP-API: Click calls us with forms and asks before it takes money; and the one call of its Merchant API that
//! tells where a payment stands.
//!
//! `Prepare -> (the buyer's money is taken) -> Complete`. A signature covers the fields as they were received: an amount
//! of `1000` and one of `1000.00` have different ones, so nothing is formatted anew before it is checked.

use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use sha1::Sha1;
use slippers_core::payments::admission::Transaction;
use slippers_core::payments::refunds::RefundBounds;
use slippers_core::payments::rules::{Answer, Refusal};
use slippers_core::payments::{
    Applied, Attempt, AttemptStatus, EventKey, Evidence, Gateway, Name, PaymentEvent, Refund, Report,
    Reserved, Subject,
};
use slippers_core::types::{Money, OrderId, PaymentId, Timestamp};

use crate::protocol::{Call, CallError, Context, Outcome, Protocol, Received, RefundTold, Start};
use crate::secret::{Secret, hex, same_hex};
use crate::wire::{Method, Reply, Request, Response, Webhook, note, shown};

/// How long a prepared payment may be completed, in seconds: an hour. Click names no limit and takes seconds; without
/// one, a payment that was given up would hold its order for ever.
pub const PREPARED_SECONDS: i64 = 3600;

/// What Click must be told.
#[derive(Clone, Debug)]
pub struct ClickSettings {
    /// The service's number.
    pub service_id: String,
    /// The merchant's number.
    pub merchant_id: String,
    /// The user of calls to the Merchant API.
    pub merchant_user_id: String,
    /// The key of signatures, both ways.
    pub secret: Secret,
    /// `https://my.click.uz/services/pay`.
    pub pay: String,
    /// `https://api.click.uz/v2/merchant`, without a slash at its end.
    pub api: String,
    /// Where buyers come back to; empty = nowhere.
    pub return_url: String,
}

/// Click's protocol.
#[derive(Clone, Debug)]
pub struct Click {
    settings: ClickSettings,
}

/// A code of ours and its words, as the official integration has them.
type Code = (i64, &'static str);

const SUCCESS: Code = (0, "Success");
const BAD_SIGN: Code = (-1, "SIGN CHECK FAILED!");
const BAD_AMOUNT: Code = (-2, "Incorrect parameter amount");
const NO_ACTION: Code = (-3, "Action not found");
const PAID: Code = (-4, "Already paid");
const NO_ORDER: Code = (-5, "User does not exist");
const NO_TRANSACTION: Code = (-6, "Transaction does not exist");
const NOT_UPDATED: Code = (-7, "Failed to update user");
const BAD_REQUEST: Code = (-8, "Error in request from click");
const CANCELLED: Code = (-9, "Transaction cancelled");

const PREPARE: &str = "0";
const COMPLETE: &str = "1";

fn failure((code, words): Code) -> Reply {
    Reply::ok(&json!({"error": code, "error_note": words}))
}

/// The fields of a form, as they were received.
struct Form(Vec<(String, String)>);

impl Form {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn need(&self, name: &str) -> Result<&str, Code> {
        self.get(name).filter(|value| !value.is_empty()).ok_or(BAD_REQUEST)
    }

    fn name(&self, field: &str) -> Result<Name, Code> {
        Name::parse(self.need(field)?).map_err(|_| BAD_REQUEST)
    }

    /// More than two decimals, or no number: no amount that an order could have.
    fn amount(&self) -> Result<Money, Code> {
        Money::parse(self.need("amount")?).ok().filter(|amount| *amount > Money::ZERO).ok_or(BAD_AMOUNT)
    }

    fn order(&self) -> Result<OrderId, Code> {
        let text = self.need("merchant_trans_id")?;
        let is_number = text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|_| is_number).map(OrderId::new).ok_or(NO_ORDER)
    }

    /// Click's own result: 0, or below when it failed.
    fn error(&self) -> Result<i64, Code> {
        self.need("error")?.parse().map_err(|_| BAD_REQUEST)
    }
}

impl Click {
    /// The protocol with these settings.
    pub const fn new(settings: ClickSettings) -> Self {
        Self { settings }
    }

    /// The link to the page where an order's amount is paid.
    pub fn pay_link(&self, order: OrderId, amount: Money) -> String {
        let settings = &self.settings;
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("service_id", &settings.service_id);
        query.append_pair("merchant_id", &settings.merchant_id);
        query.append_pair("amount", &two_decimals(amount));
        query.append_pair("transaction_param", &order.to_string());
        if !settings.return_url.is_empty() {
            query.append_pair("return_url", &settings.return_url);
        }
        format!("{}?{}", settings.pay, query.finish())
    }

    /// The header of calls to the Merchant API.
    fn auth(&self, now: Timestamp) -> String {
        let seconds = now.seconds().to_string();
        let digest =
            Sha1::new().chain_update(&seconds).chain_update(self.settings.secret.expose()).finalize();
        format!("{}:{}:{seconds}", self.settings.merchant_user_id, hex(&digest))
    }

    fn is_signed(&self, form: &Form, action: &str) -> Result<bool, Code> {
        let mut digest = Md5::new();
        digest.update(form.need("click_trans_id")?);
        digest.update(form.need("service_id")?);
        digest.update(self.settings.secret.expose());
        digest.update(form.need("merchant_trans_id")?);
        if action == COMPLETE {
            digest.update(form.need("merchant_prepare_id")?);
        }
        for name in ["amount", "action", "sign_time"] {
            digest.update(form.need(name)?);
        }
        Ok(same_hex(&hex(&digest.finalize()), form.need("sign_string")?))
    }

    /// In the order of the official integration: fields, signature, action; the store judges the rest.
    fn read_form(&self, form: &Form, now: Timestamp) -> Result<Received, Code> {
        let action = form.need("action")?;
        let error = form.error()?;
        form.need("click_paydoc_id")?;
        if !self.is_signed(form, action)? || form.need("service_id")? != self.settings.service_id {
            return Err(BAD_SIGN);
        }
        let kept = |name: &'static str| (name, form.get(name).unwrap_or_default().to_owned());
        let fields = vec![kept("click_trans_id"), kept("merchant_trans_id")];
        let context = |method| Context { method, fields, ..Context::default() };
        match action {
            PREPARE if error < 0 => Err(CANCELLED),
            PREPARE => Ok(Received { call: Call::Reserve(prepare(form, now)?), context: context("prepare") }),
            COMPLETE => Ok(Received { call: complete(form, error)?, context: context("complete") }),
            _ => Err(NO_ACTION),
        }
    }
}

fn prepare(form: &Form, now: Timestamp) -> Result<Transaction, Code> {
    let order = form.order()?;
    Ok(Transaction {
        gateway: Gateway::Click,
        their_id: form.name("click_trans_id")?,
        their_number: Some(form.name("click_paydoc_id")?),
        order,
        amount: form.amount()?,
        their_time: None,
        expires_at: Some(now.plus_seconds(PREPARED_SECONDS)),
    })
}

/// An error of Click's own means that no money comes.
fn complete(form: &Form, error: i64) -> Result<Call, Code> {
    let order = form.order()?;
    let number = form.need("merchant_prepare_id")?.parse().map_err(|_| NO_TRANSACTION)?;
    let report = if error < 0 { Report::Failed } else { Report::Perform };
    let their_id = form.name("click_trans_id")?;
    // That of a failed payment is of no interest, and its words come before any of ours.
    let amount = if error < 0 { None } else { Some(form.amount()?) };
    let told = ["click_paydoc_id", "amount", "error", "sign_time"].map(|name| (name, form.get(name)));
    Ok(Call::Event(Box::new(PaymentEvent {
        gateway: Gateway::Click,
        key: EventKey::new(&["complete", their_id.as_str(), &error.to_string()]),
        subject: Subject::Number(PaymentId::new(number)),
        their_id: Some(their_id),
        order: Some(order),
        report,
        evidence: Evidence::Proof,
        amount,
        currency: None,
        note: note(told),
    })))
}

/// As Click wants amounts: `N.NN`.
fn two_decimals(amount: Money) -> String {
    format!("{}.{:02}", amount.minor() / 100, amount.minor() % 100)
}

const fn code_of(refusal: Refusal) -> Code {
    use slippers_core::orders::OrderStatus;
    match refusal {
        Refusal::NoSuchOrder => NO_ORDER,
        Refusal::NoSuchPayment => NO_TRANSACTION,
        Refusal::WrongAmount => BAD_AMOUNT,
        Refusal::NotPayable(OrderStatus::Paid | OrderStatus::Refunded)
        | Refusal::Ended(AttemptStatus::Paid) => PAID,
        Refusal::NotPayable(_) | Refusal::Ended(_) | Refusal::Overdue => CANCELLED,
        Refusal::Busy | Refusal::InReview | Refusal::CantReturn => NOT_UPDATED,
    }
}

/// Click's ids are numbers of 64 bits: they go back as they came.
fn echo(context: &Context, name: &str) -> Value {
    let text = context.fields.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value.as_str());
    match text.parse::<i64>() {
        Ok(number) if number.to_string() == text && name == "click_trans_id" => number.into(),
        _ => text.into(),
    }
}

fn dressed(context: &Context, (code, words): Code, attempt: Option<&Attempt>) -> Reply {
    let id = if context.method == "prepare" { "merchant_prepare_id" } else { "merchant_confirm_id" };
    Reply::ok(&json!({
        "click_trans_id": echo(context, "click_trans_id"),
        "merchant_trans_id": echo(context, "merchant_trans_id"),
        id: attempt.map_or(Value::Null, |attempt| attempt.id.get().into()),
        "error": code,
        "error_note": words,
    }))
}

/// Of a Complete that we agree to the money is taken; that it came again is told by a code of its own.
fn applied(context: &Context, applied: &Applied) -> Reply {
    let attempt = applied.attempt.as_ref();
    let is_over = |attempt: &Attempt| !attempt.status.is_open() && attempt.status != AttemptStatus::Paid;
    let code = match applied.answer {
        Answer::Done if attempt.is_some_and(|attempt| attempt.status == AttemptStatus::Paid) => SUCCESS,
        Answer::Already if attempt.is_some_and(|attempt| attempt.status == AttemptStatus::Paid) => PAID,
        Answer::Done | Answer::Already if attempt.is_some_and(is_over) => CANCELLED,
        Answer::Refused(refusal) => code_of(refusal),
        // Another transaction than the prepared one, or a failure after the success: the official table says -9.
        Answer::Quarantined(slippers_core::payments::ReviewReason::ForeignId) => NO_TRANSACTION,
        Answer::Quarantined(_) => CANCELLED,
        _ => NOT_UPDATED,
    };
    dressed(context, code, attempt.filter(|_| code == SUCCESS))
}

impl Protocol for Click {
    fn gateway(&self) -> Gateway {
        Gateway::Click
    }

    fn read(&self, webhook: Webhook<'_>, now: Timestamp) -> Result<Received, Reply> {
        let is_form = webhook
            .content_type
            .is_none_or(|kind| kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded"));
        if webhook.method != "POST" || !is_form {
            return Err(failure(BAD_REQUEST));
        }
        let form = Form(form_urlencoded::parse(webhook.body).into_owned().collect());
        self.read_form(&form, now).map_err(failure)
    }

    fn reply(&self, context: &Context, outcome: &Outcome) -> Reply {
        match outcome {
            Outcome::Reserved(Reserved::Held(attempt)) => dressed(context, SUCCESS, Some(attempt)),
            Outcome::Reserved(Reserved::Refused(refusal)) => dressed(context, code_of(*refusal), None),
            Outcome::Applied(told) => applied(context, told),
            _ => dressed(context, NOT_UPDATED, None),
        }
    }

    fn start(&self, attempt: &Attempt, _: Timestamp) -> Start {
        Start::Link(self.pay_link(attempt.order, attempt.amount))
    }

    fn status(&self, attempt: &Attempt, now: Timestamp) -> Option<Request> {
        let payment = attempt.their_number.as_ref()?;
        let (api, service) = (self.settings.api.trim_end_matches('/'), &self.settings.service_id);
        // What Click told us goes back into a path: digits only.
        let is_number = payment.as_str().bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| Request {
            method: Method::Get,
            url: format!("{api}/payment/status/{service}/{payment}"),
            headers: vec![("accept", "application/json".to_owned()), ("auth", self.auth(now))],
            body: None,
        })
    }

    fn read_status(&self, attempt: &Attempt, response: &Response) -> Result<PaymentEvent, CallError> {
        let unknown = |what: &str| CallError::Unknown(format!("HTTP {} {what}", response.status));
        let Ok(Value::Object(fields)) = serde_json::from_slice(&response.body) else {
            return Err(unknown("without a JSON object"));
        };
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        match fields.get("error_code").and_then(Value::as_i64) {
            Some(0) => {}
            Some(code) => return Err(CallError::Refused { code, text: shown(text("error_note")) }),
            None => return Err(unknown("without an error code")),
        }
        let status = fields.get("payment_status").and_then(Value::as_i64);
        let report = match status {
            Some(2) => Report::Succeeded,
            Some(0 | 1) => Report::Waiting { link: None },
            Some(below) if below < 0 => Report::Failed,
            _ => Report::Unclear,
        };
        let status = status.map_or_else(String::new, |status| status.to_string());
        Ok(PaymentEvent {
            key: EventKey::new(&["status", &attempt.id.to_string(), &status]),
            evidence: Evidence::Proof,
            note: format!("payment_status={status}"),
            ..PaymentEvent::own(Gateway::Click, attempt.id, report)
        })
    }

    fn refund(&self, _: &Attempt, _: &Refund, _: Timestamp) -> Option<Request> {
        None
    }

    fn read_refund(&self, _: &Response) -> Result<RefundTold, CallError> {
        Err(CallError::Unknown("Click's refunds are made at Click".to_owned()))
    }

    fn refund_bounds(&self) -> RefundBounds {
        RefundBounds { least: Money::ZERO, most: None }
    }
}
