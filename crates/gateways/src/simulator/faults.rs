//! Faults that wait for their moment.

use serde_json::{Value, json};

/// A fault.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    at: String,
    what: String,
    times: u64,
    value: u64,
}

/// Faults in the order in which they were put in.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// Reads faults from JSON and puts them behind the others.
    pub(super) fn put(&mut self, faults: &Value) -> Result<(), String> {
        for fault in faults.as_array().ok_or("a list of faults is wanted")? {
            let text = |name: &str| fault[name].as_str().map(str::to_owned);
            let (Some(at), Some(what)) = (text("at"), text("what")) else {
                return Err(format!("{fault} lacks \"at\" or \"what\""));
            };
            if !KNOWN.contains(&what.as_str()) {
                return Err(format!("{what} is no fault; there are {KNOWN:?}"));
            }
            let number = |name: &str, default| fault[name].as_u64().unwrap_or(default);
            self.0.push(Fault { at, what, times: number("times", 1), value: number("value", 1) });
        }
        Ok(())
    }

    /// Uses up a fault of this kind at this place; answers its value.
    pub(super) fn take(&mut self, at: &str, what: &str) -> Option<u64> {
        let found =
            self.0.iter().position(|fault| fault.at == at && fault.what == what && fault.times > 0)?;
        let fault = &mut self.0[found];
        fault.times -= 1;
        let value = fault.value;
        self.0.retain(|fault| fault.times > 0);
        Some(value)
    }

    /// Uses up a fault of this kind at a call of this name, or at any call.
    pub(super) fn take_at_call(&mut self, name: &str, what: &str) -> Option<u64> {
        self.take(name, what).or_else(|| self.take("call", what))
    }

    /// Uses up one fault of any of these kinds at this place, the oldest.
    pub(super) fn take_any(&mut self, at: &str, kinds: &[&'static str]) -> Option<(&'static str, u64)> {
        let oldest = self.0.iter().find(|fault| fault.at == at && kinds.contains(&fault.what.as_str()))?;
        let kind = *kinds.iter().find(|kind| oldest.what == **kind)?;
        self.take(at, kind).map(|value| (kind, value))
    }

    pub(super) fn shown(&self) -> Value {
        let shown = |f: &Fault| json!({"at": f.at, "what": f.what, "times": f.times, "value": f.value});
        self.0.iter().map(shown).collect()
    }
}

const KNOWN: [&str; 17] = [
    "lost",
    "reset",
    "hang",
    "http_500",
    "html",
    "too_often",
    "old_form",
    "pending",
    "drop",
    "duplicate",
    "hold",
    "wrong_signature",
    "tampered",
    "lower_case",
    "form",
    "unknown_status",
    "declined",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_used_up_in_their_order() {
        let mut faults = Faults::default();
        let list = json!([
            {"at": "refund", "what": "lost"},
            {"at": "refund", "what": "hang", "times": 2, "value": 50},
        ]);
        faults.put(&list).expect("known faults");
        assert_eq!(faults.take("prepare_payment", "lost"), None);
        assert_eq!(faults.take_any("refund", &["hang", "lost"]), Some(("lost", 1)));
        assert_eq!(faults.take_any("refund", &["hang", "lost"]), Some(("hang", 50)));
        assert_eq!(faults.take("refund", "hang"), Some(50));
        assert_eq!(faults.take_any("refund", &["hang", "lost"]), None);
        assert!(faults.put(&json!([{"at": "refund", "what": "dance"}])).is_err());
        assert!(faults.put(&json!({})).is_err());
    }
}
