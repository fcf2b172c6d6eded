//! Texts with places for what a message brings.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use slippers_core::types::Phone;

/// All but what RFC 3986 calls unreserved.
const PERCENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How a value is written so that it stays a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// For URLs and forms.
    Percent,
    /// Inside of a JSON text.
    Json,
    /// As it is.
    Plain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The phone, with its plus.
    Phone,
    /// The phone without its plus.
    Digits,
    /// What the message says.
    Text,
    /// The message's own number.
    Id,
}

const NAMES: [(&str, Place); 4] =
    [("{phone}", Place::Phone), ("{digits}", Place::Digits), ("{text}", Place::Text), ("{id}", Place::Id)];

/// A text with places.
#[derive(Clone)]
pub(super) struct Template {
    escape: Escape,
    /// What stands before each place.
    parts: Vec<(String, Place)>,
    rest: String,
}

/// What fills the places.
#[derive(Clone, Copy)]
pub(super) struct Filling<'a> {
    pub(super) phone: &'a Phone,
    pub(super) text: &'a str,
    pub(super) id: &'a str,
}

impl Template {
    pub(super) fn new(text: &str, escape: Escape) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((at, name, place)) = NAMES
            .into_iter()
            .filter_map(|(name, place)| Some((rest.find(name)?, name, place)))
            .min_by_key(|found| found.0)
        {
            let (before, after) = rest.split_at(at);
            parts.push((before.to_owned(), place));
            rest = after.strip_prefix(name).unwrap_or(after);
        }
        Self { escape, parts, rest: rest.to_owned() }
    }

    pub(super) fn has_phone(&self) -> bool {
        self.parts.iter().any(|(_, place)| matches!(place, Place::Phone | Place::Digits))
    }

    pub(super) fn has_text(&self) -> bool {
        self.parts.iter().any(|(_, place)| *place == Place::Text)
    }

    /// A place that there is not, which somebody probably meant to be one.
    pub(super) fn unknown_place(&self) -> Option<String> {
        let texts = self.parts.iter().map(|(before, _)| before).chain([&self.rest]);
        texts.into_iter().find_map(|text| {
            let (_, after) = text.split_once('{')?;
            let (name, _) = after.split_once('}')?;
            Some(format!("{{{name}}}"))
        })
    }

    pub(super) fn fill(&self, with: Filling<'_>) -> String {
        let mut text = String::new();
        for (before, place) in &self.parts {
            text.push_str(before);
            let value = match place {
                Place::Phone => with.phone.as_str(),
                Place::Digits => with.phone.as_str().trim_start_matches('+'),
                Place::Text => with.text,
                Place::Id => with.id,
            };
            match self.escape {
                Escape::Plain => text.push_str(value),
                Escape::Percent => text.extend(utf8_percent_encode(value, PERCENT)),
                Escape::Json => {
                    let quoted = serde_json::Value::from(value).to_string();
                    let inside = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
                    text.push_str(inside.unwrap_or_default());
                }
            }
        }
        text.push_str(&self.rest);
        text
    }
}
