//! What clients send about payments.

use serde_json::{Map, Value, json};
use slippers_core::orders::rules::WantedLine;
use slippers_core::payments::{PaymentQuery, Source};
use slippers_core::types::{Money, OrderId, PaymentId, SlipperId};

use crate::http::errors::Code;
use crate::http::input::{Amount, BodyKind, Check, Fault, Flag, IdIn, Input, Int, List, Rule, Text};

/// The longest note on a line or a review, in characters.
pub(super) const MAX_NOTE: usize = 500;
/// How many payments are listed where nothing is said.
pub(super) const DEFAULT_LISTED: i64 = 100;
/// The most that are listed at once.
pub(super) const MAX_LISTED: i64 = 1000;

const ONE_SOUM: Money = Money::from_minor(100);
const ORDER: IdIn<OrderId> = IdIn(OrderId::new, Int::at_least(1));
const PAYMENT: IdIn<PaymentId> = IdIn(PaymentId::new, Int::any());

/// What to pay. Items that are none are told only after the caller is known to have sent well-formed fields.
#[derive(Clone, Debug)]
pub(super) struct PayIn {
    order: Option<OrderId>,
    items: Option<Vec<Value>>,
    pub(super) claimed: Option<Money>,
}

impl Input for PayIn {
    const BODY: BodyKind = BodyKind::Object;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let order = check.nullable("order_id", ORDER);
        let alias = check.nullable("orderId", ORDER);
        let items = check.nullable("items", List);
        let amount = check.nullable("amount", Soum);
        let total = check.nullable("total_sum", Soum);
        Some(Self {
            order: order?.flatten().or(alias?.flatten()),
            items: items?.flatten(),
            claimed: amount?.flatten().or(total?.flatten()),
        })
    }
}

/// An amount of a soum at least.
struct Soum;

impl Rule for Soum {
    type Out = Money;

    fn read(&self, value: &Value) -> Result<Money, Fault> {
        let text = "Input should be greater than or equal to 1";
        match Amount.read(value) {
            Ok(amount) if amount >= ONE_SOUM => Ok(amount),
            Err(fault) if fault.kind != "greater_than_equal" => Err(fault),
            _ => Err(Fault::with("greater_than_equal", text, json!({"ge": 1}))),
        }
    }
}

impl PayIn {
    /// The order, else the items, else the cart.
    ///
    /// # Errors
    /// Items that are none.
    pub(super) fn source(&self) -> Result<Source, Code> {
        match (self.order, &self.items) {
            (Some(order), _) => Ok(Source::Order(order)),
            (None, Some(items)) if !items.is_empty() => {
                let lines: Option<Vec<WantedLine>> = items.iter().map(line).collect();
                lines.map(Source::Items).ok_or(Code::ItemsInvalid)
            }
            (None, _) => Ok(Source::Cart),
        }
    }
}

fn line(item: &Value) -> Option<WantedLine> {
    let item = item.as_object()?;
    let notes = match item.get("notes") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()).filter(|text| text.chars().count() <= MAX_NOTE),
        Some(_) => return None,
    };
    Some(WantedLine {
        slipper: SlipperId::new(whole(item, "slipper_id")?),
        quantity: match item.get("quantity") {
            None => 1,
            Some(_) => whole(item, "quantity")?,
        },
        notes,
    })
}

fn whole(item: &Map<String, Value>, name: &str) -> Option<i64> {
    Int::at_least(1).read(item.get(name)?).ok()
}

/// The order whose money goes back.
#[derive(Clone, Copy, Debug)]
pub(super) struct RefundIn {
    pub(super) order: OrderId,
    pub(super) restock: bool,
}

impl Input for RefundIn {
    const BODY: BodyKind = BodyKind::Object;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let order = check.required("order_id", ORDER);
        let restock = check.defaulted("restock", Flag, true);
        Some(Self { order: order?, restock: restock? })
    }
}

/// Which payments to list.
#[derive(Clone, Copy, Debug)]
pub(super) struct PaymentListIn(pub(super) PaymentQuery);

impl Input for PaymentListIn {
    const BODY: BodyKind = BodyKind::None;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let order = check.optional_query("order_id", ORDER);
        let in_review = check.query("in_review", Flag, false);
        let before = check.optional_query("before", IdIn(PaymentId::new, Int::at_least(1)));
        let max = check.query("max", Int::between(1, MAX_LISTED), DEFAULT_LISTED);
        Some(Self(PaymentQuery { order: order?, in_review: in_review?, before: before?, max: max? }))
    }
}

/// The payment in the path.
#[derive(Clone, Copy, Debug)]
pub(super) struct PaymentPath(pub(super) PaymentId);

impl Input for PaymentPath {
    const BODY: BodyKind = BodyKind::None;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        check.path("payment_id", PAYMENT).map(Self)
    }
}

/// The payment in the path, and what was found about it.
#[derive(Clone, Debug)]
pub(super) struct CloseReviewIn(pub(super) PaymentId, pub(super) String);

impl Input for CloseReviewIn {
    const BODY: BodyKind = BodyKind::Object;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let payment = check.path("payment_id", PAYMENT);
        let note = check.required("note", Text::new(1, MAX_NOTE));
        Some(Self(payment?, note?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(items: Value) -> Result<Source, Code> {
        let Value::Array(items) = items else { panic!("a list") };
        PayIn { order: None, items: Some(items), claimed: None }.source()
    }

    #[test]
    fn items_are_products_with_a_quantity_and_a_note() {
        let Ok(Source::Items(lines)) =
            source(json!([{"slipper_id": 3}, {"slipper_id": "4", "quantity": 2.0, "notes": "x"}]))
        else {
            panic!("items")
        };
        assert_eq!(
            lines.iter().map(|line| (line.slipper.get(), line.quantity)).collect::<Vec<_>>(),
            [(3, 1), (4, 2)]
        );
        assert_eq!(source(json!([])), Ok(Source::Cart));
        for broken in [
            json!([1]),
            json!([{}]),
            json!([{"slipper_id": 0}]),
            json!([{"slipper_id": 1, "quantity": 0}]),
            json!([{"slipper_id": 1, "notes": 5}]),
            json!([{"slipper_id": 1, "quantity": null}]),
        ] {
            assert_eq!(source(broken.clone()), Err(Code::ItemsInvalid), "{broken}");
        }
    }
}
