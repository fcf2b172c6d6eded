//! Requests and answers as bytes, in both directions.

use std::fmt;

use slippers_core::payments::PaymentEvent;

/// A request that came in, as much of it as protocols look at.
#[derive(Clone, Copy)]
pub struct Webhook<'a> {
    /// The method, upper case.
    pub method: &'a str,
    /// The header `Content-Type`.
    pub content_type: Option<&'a str>,
    /// The header `Authorization`.
    pub authorization: Option<&'a str>,
    /// The body as it came.
    pub body: &'a [u8],
}

/// Nothing of a webhook shows: it may be forged, and it may hold what nobody should read.
impl fmt::Debug for Webhook<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("method", &self.method)
            .field("length", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// An answer to a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body, JSON in UTF-8.
    pub body: String,
}

impl Reply {
    /// An answer with status 200.
    pub(crate) fn ok(body: &serde_json::Value) -> Self {
        Self { status: 200, body: body.to_string() }
    }

    /// "Come again later".
    pub(crate) fn unavailable() -> Self {
        Self { status: 503, body: r#"{"ok":false}"#.to_owned() }
    }
}

/// How a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// DELETE
    Delete,
}

impl Method {
    /// Its name in HTTP.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// A call to a gateway, to be sent as it is. It is safe to send again: whatever it does, it does once.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// How.
    pub method: Method,
    /// Where to; it holds no secret.
    pub url: String,
    /// Headers; they may hold secrets.
    pub headers: Vec<(&'static str, String)>,
    /// The body, JSON in UTF-8; it may hold secrets.
    pub body: Option<String>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// A call with a JSON body.
    pub(crate) fn post(url: String, body: &serde_json::Value) -> Self {
        let headers = vec![("content-type", "application/json"), ("accept", "application/json")];
        let headers = headers.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        Self { method: Method::Post, url, headers, body: Some(body.to_string()) }
    }
}

/// A gateway's answer to a call of ours.
#[derive(Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body as it came; the sender bounds its length.
    pub body: Vec<u8>,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).field("length", &self.body.len()).finish()
    }
}

/// A text of a gateway's as people may be shown it: one line of at most 200 characters.
pub(crate) fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

/// Pairs of names and values for an event's note; at most [`PaymentEvent::MAX_NOTE`] bytes are kept of it.
pub(crate) fn note<'a>(pairs: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let told = pairs.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", shown(value?))));
    let mut text = told.collect::<Vec<_>>().join(" ");
    let end = (0..=PaymentEvent::MAX_NOTE.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(end.unwrap_or(0));
    text
}
