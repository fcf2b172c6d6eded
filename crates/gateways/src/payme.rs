//! Payme (Paycom) Merchant API: Payme calls us with JSON-RPC and asks before it takes money.
//!
//! `CheckPerform -> Create -> (the buyer's money is taken) -> Perform`; on failure, or after twelve hours, `Cancel`. Amounts
//! are in tiyin, which are our minor units. Every answer has HTTP status 200.

mod faults;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use slippers_core::payments::admission::Transaction;
use slippers_core::payments::refunds::RefundBounds;
use slippers_core::payments::rules::{Answer, Refusal};
use slippers_core::payments::{
    Applied, Attempt, AttemptStatus, EventKey, Evidence, Gateway, Name, PaymentEvent, Refund, Report,
    Reserved, Subject,
};
use slippers_core::types::{Money, OrderId, Timestamp};

use crate::protocol::{Call, CallError, Context, Outcome, Protocol, Received, RefundTold, Start};
use crate::secret::Secret;
use crate::wire::{Reply, Request, Response, Webhook, note};
use faults::{
    BAD_FIELDS, BAD_PARAMS, CANT_CANCEL, CANT_PERFORM, Fault, INTERNAL, NO_JSON, NO_METHOD, NO_ORDER,
    NO_RECEIPT, NO_RIGHTS, NO_TRANSACTION, NOT_POST, WRONG_AMOUNT, fault_of,
};

/// How long after its time a transaction may be performed, in seconds: twelve hours.
pub const TRANSACTION_SECONDS: i64 = 12 * 3600;
/// The reason of a transaction that time ended.
const TIMEOUT_REASON: i64 = 4;
/// The field of the account that names the order.
const ACCOUNT: &str = "order_id";

/// What Payme must be told.
#[derive(Clone, Debug)]
pub struct PaymeSettings {
    /// The cash desk's number.
    pub merchant_id: String,
    /// The user of its calls, `Paycom`.
    pub login: String,
    /// The cash desk's key: the live one, or the one of the sandbox.
    pub key: Secret,
    /// `https://checkout.paycom.uz`, without a slash at its end.
    pub checkout: String,
    /// Where buyers come back to; empty = nowhere.
    pub return_url: String,
    /// `uz`, `ru` or `en`.
    pub language: String,
}

/// Payme's protocol.
#[derive(Clone, Debug)]
pub struct Payme {
    settings: PaymeSettings,
}

impl Payme {
    /// The protocol with these settings.
    pub const fn new(settings: PaymeSettings) -> Self {
        Self { settings }
    }

    /// The link to the page where an order's amount is paid.
    pub fn checkout_link(&self, order: OrderId, amount: Money) -> String {
        let settings = &self.settings;
        let mut params = format!("m={};ac.{ACCOUNT}={order};a={}", settings.merchant_id, amount.minor());
        for (name, value) in [("l", &settings.language), ("c", &settings.return_url)] {
            if !value.is_empty() {
                params.push_str(&format!(";{name}={value}"));
            }
        }
        format!("{}/{}", settings.checkout.trim_end_matches('/'), STANDARD.encode(params))
    }

    /// The whole of `login:key` is compared at once, so that time tells nothing of either.
    fn is_authorised(&self, header: Option<&str>) -> bool {
        let expected = Secret::new(format!("{}:{}", self.settings.login, self.settings.key.expose()));
        let given = header
            .and_then(|text| text.strip_prefix("Basic ").or_else(|| text.strip_prefix("basic ")))
            .and_then(|text| STANDARD.decode(text.trim()).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok());
        given.is_some_and(|given| expected.is(&given))
    }
}

fn failure(id: &Value, fault: Fault) -> Reply {
    failure_with(id, fault, fault.data.map_or(Value::Null, Value::from))
}

fn failure_with(id: &Value, fault: Fault, data: Value) -> Reply {
    let [ru, uz, en] = fault.message;
    let error = json!({"code": fault.code, "message": {"ru": ru, "uz": uz, "en": en}, "data": data});
    Reply::ok(&json!({"jsonrpc": "2.0", "id": id, "error": error}))
}

fn success(id: &Value, result: &Value) -> Reply {
    Reply::ok(&json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

/// A time of Payme's: milliseconds.
fn time(value: Option<&Value>) -> Option<Timestamp> {
    let millis = value?.as_i64().filter(|millis| *millis > 0)?;
    Some(Timestamp::from_micros(millis.checked_mul(1000)?))
}

fn millis(time: Option<Timestamp>) -> i64 {
    time.map_or(0, Timestamp::millis)
}

fn their_id(params: &Map<String, Value>) -> Result<Name, Fault> {
    params.get("id").and_then(Value::as_str).and_then(|id| Name::parse(id).ok()).ok_or(BAD_FIELDS)
}

/// An amount that is no positive whole number of tiyin is a wrong amount; one that is missing, a missing field.
fn amount(params: &Map<String, Value>) -> Result<Money, Fault> {
    match params.get("amount") {
        None => Err(BAD_FIELDS),
        Some(value) => value.as_i64().filter(|tiyin| *tiyin > 0).map(Money::from_minor).ok_or(WRONG_AMOUNT),
    }
}

/// The order that the account names: a number, or a text of digits.
fn order(params: &Map<String, Value>) -> Result<OrderId, Fault> {
    let account = params.get("account").and_then(Value::as_object).ok_or(BAD_FIELDS)?;
    let number = match account.get(ACCOUNT) {
        Some(Value::String(text)) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        Some(Value::Number(number)) => number.as_i64(),
        _ => None,
    };
    number.map(OrderId::new).ok_or(NO_ORDER)
}

const METHODS: [&str; 7] = [
    "CheckPerformTransaction",
    "CreateTransaction",
    "PerformTransaction",
    "CancelTransaction",
    "CheckTransaction",
    "GetStatement",
    "SetFiscalData",
];

fn call(method: &str, params: &Map<String, Value>) -> Result<Call, Fault> {
    match method {
        // The account is judged before the amount, by the sandbox too.
        "CheckPerformTransaction" => {
            let order = order(params)?;
            Ok(Call::Check { order, amount: amount(params)? })
        }
        "CreateTransaction" => {
            let (their_id, order) = (their_id(params)?, order(params)?);
            let began = time(params.get("time")).ok_or(BAD_FIELDS)?;
            Ok(Call::Reserve(Transaction {
                gateway: Gateway::Payme,
                their_id,
                their_number: None,
                order,
                amount: amount(params)?,
                their_time: Some(began),
                expires_at: Some(began.plus_seconds(TRANSACTION_SECONDS)),
            }))
        }
        "PerformTransaction" => event(method, their_id(params)?, Report::Perform, String::new()),
        "CancelTransaction" => {
            let code = params.get("reason").and_then(Value::as_i64).ok_or(BAD_FIELDS)?;
            event(method, their_id(params)?, Report::Cancel { code: Some(code) }, format!("reason={code}"))
        }
        "CheckTransaction" => Ok(Call::Find(Subject::TheirId(their_id(params)?))),
        "GetStatement" => match (time(params.get("from")), time(params.get("to"))) {
            (Some(from), Some(to)) => Ok(Call::Statement { from, to }),
            _ => Err(BAD_FIELDS),
        },
        _ => receipt(method, params),
    }
}

fn event(method: &str, their_id: Name, report: Report, note: String) -> Result<Call, Fault> {
    Ok(Call::Event(Box::new(PaymentEvent {
        gateway: Gateway::Payme,
        key: EventKey::new(&[method, their_id.as_str(), &note]),
        subject: Subject::TheirId(their_id),
        their_id: None,
        order: None,
        report,
        evidence: Evidence::Proof,
        amount: None,
        currency: None,
        note,
    })))
}

/// What the tax office registered: kept in the log of the attempt.
fn receipt(method: &str, params: &Map<String, Value>) -> Result<Call, Fault> {
    let kind = params.get("type").and_then(Value::as_str).filter(|kind| ["PERFORM", "CANCEL"].contains(kind));
    let data = params.get("fiscal_data").and_then(Value::as_object);
    let (Some(kind), Some(data)) = (kind, data) else { return Err(BAD_PARAMS) };
    let names = ["receipt_id", "status_code", "terminal_id", "fiscal_sign", "qr_code_url", "date"];
    let told: Vec<(&str, Option<String>)> = names
        .iter()
        .map(|name| {
            let text = data.get(*name).map(|value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            (*name, text)
        })
        .collect();
    let fields = note(told.iter().map(|(name, value)| (*name, value.as_deref())));
    event(method, their_id(params)?, Report::Receipt, format!("type={kind} {fields}"))
}

/// The account is an object of the merchant's own fields, so its values come back as texts.
fn account(attempt: &Attempt) -> Value {
    json!({ACCOUNT: attempt.order.to_string()})
}

fn state(attempt: &Attempt) -> i64 {
    match attempt.status {
        AttemptStatus::Created | AttemptStatus::Pending => 1,
        AttemptStatus::Paid => 2,
        AttemptStatus::Failed | AttemptStatus::Cancelled | AttemptStatus::Expired => -1,
        AttemptStatus::Refunded => -2,
    }
}

fn reason(attempt: &Attempt) -> Value {
    match attempt.status {
        AttemptStatus::Expired => TIMEOUT_REASON.into(),
        _ => attempt.cancel_code.map_or(Value::Null, Value::from),
    }
}

/// All that Payme asks of a transaction.
fn whole(attempt: &Attempt) -> Map<String, Value> {
    let fields = [
        ("create_time", Value::from(millis(attempt.reserved_at))),
        ("perform_time", millis(attempt.paid_at).into()),
        ("cancel_time", millis(attempt.ended_at).into()),
        ("transaction", attempt.id.to_string().into()),
        ("state", state(attempt).into()),
        ("reason", reason(attempt)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn some_of(attempt: &Attempt, names: &[&str]) -> Value {
    let mut all = whole(attempt);
    all.retain(|name, _| names.contains(&name.as_str()));
    Value::Object(all)
}

fn listed(attempt: &Attempt) -> Value {
    let mut all = Map::from_iter([
        ("id".to_owned(), attempt.their_id.as_ref().map_or(Value::Null, |id| id.as_str().into())),
        ("time".to_owned(), millis(attempt.their_time).into()),
        ("amount".to_owned(), attempt.amount.minor().into()),
        ("account".to_owned(), account(attempt)),
    ]);
    all.extend(whole(attempt));
    all.insert("receivers".to_owned(), Value::Null);
    Value::Object(all)
}

fn applied(context: &Context, applied: &Applied) -> Result<Value, Fault> {
    let Some(attempt) = &applied.attempt else {
        return Err(if context.method == "SetFiscalData" { NO_RECEIPT } else { NO_TRANSACTION });
    };
    match (context.method, applied.answer) {
        ("SetFiscalData", _) => Ok(json!({"success": true})),
        ("PerformTransaction", Answer::Done | Answer::Already) => {
            Ok(some_of(attempt, &["transaction", "perform_time", "state"]))
        }
        ("CancelTransaction", Answer::Done | Answer::Already) => {
            Ok(some_of(attempt, &["transaction", "cancel_time", "state"]))
        }
        ("CancelTransaction", _) => Err(CANT_CANCEL),
        (_, Answer::Refused(Refusal::NoSuchPayment)) => Err(NO_TRANSACTION),
        _ => Err(CANT_PERFORM),
    }
}

impl Protocol for Payme {
    fn gateway(&self) -> Gateway {
        Gateway::Payme
    }

    /// In the order of the official template: method, JSON, credentials, fields, the method's name, its parameters.
    fn read(&self, webhook: Webhook<'_>, _: Timestamp) -> Result<Received, Reply> {
        if webhook.method != "POST" {
            return Err(failure(&Value::Null, NOT_POST));
        }
        let body = serde_json::from_slice(webhook.body).map_err(|_| failure(&Value::Null, NO_JSON))?;
        let Value::Object(mut body) = body else { return Err(failure(&Value::Null, BAD_FIELDS)) };
        let id = body.remove("id").unwrap_or_default();
        if !self.is_authorised(webhook.authorization) {
            return Err(failure(&id, NO_RIGHTS));
        }
        let (Some(Value::String(method)), Some(Value::Object(params))) =
            (body.remove("method"), body.remove("params"))
        else {
            return Err(failure(&id, BAD_FIELDS));
        };
        let Some(known) = METHODS.into_iter().find(|known| *known == method) else {
            return Err(failure_with(&id, NO_METHOD, method.into()));
        };
        match call(known, &params) {
            Ok(call) => Ok(Received { call, context: Context { method: known, id, ..Context::default() } }),
            Err(fault) => Err(failure(&id, fault)),
        }
    }

    fn reply(&self, context: &Context, outcome: &Outcome) -> Reply {
        let result = match outcome {
            Outcome::Nothing => Ok(json!({"success": true})),
            Outcome::Failed(_) => Err(INTERNAL),
            Outcome::Checked(Ok(())) => Ok(json!({"allow": true})),
            Outcome::Checked(Err(refusal)) | Outcome::Reserved(Reserved::Refused(refusal)) => {
                Err(fault_of(*refusal))
            }
            Outcome::Reserved(Reserved::Held(attempt)) => {
                Ok(some_of(attempt, &["create_time", "transaction", "state"]))
            }
            Outcome::Found(None) => Err(NO_TRANSACTION),
            Outcome::Found(Some(attempt)) => Ok(Value::Object(whole(attempt))),
            Outcome::Statement(attempts) => {
                Ok(json!({"transactions": attempts.iter().map(listed).collect::<Vec<_>>()}))
            }
            Outcome::Applied(told) => applied(context, told),
        };
        match result {
            Ok(result) => success(&context.id, &result),
            Err(fault) => failure(&context.id, fault),
        }
    }

    fn start(&self, attempt: &Attempt, _: Timestamp) -> Start {
        Start::Link(self.checkout_link(attempt.order, attempt.amount))
    }

    fn status(&self, _: &Attempt, _: Timestamp) -> Option<Request> {
        None
    }

    fn read_status(&self, _: &Attempt, _: &Response) -> Result<PaymentEvent, CallError> {
        Err(CallError::Unknown("Payme is never called".to_owned()))
    }

    fn refund(&self, _: &Attempt, _: &Refund, _: Timestamp) -> Option<Request> {
        None
    }

    fn read_refund(&self, _: &Response) -> Result<RefundTold, CallError> {
        Err(CallError::Unknown("Payme is never called".to_owned()))
    }

    fn refund_bounds(&self) -> RefundBounds {
        RefundBounds { least: Money::ZERO, most: None }
    }
}
