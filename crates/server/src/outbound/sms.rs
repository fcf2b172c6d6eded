//! Messages to people by an SMS gateway: any that takes a message in one HTTP request.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::uri::{Authority, Scheme, Uri};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use percent_encoding::percent_decode_str;
use slippers_core::types::Phone;

use super::template::{Escape, Filling, Template};
use crate::ports::{HttpClient, Message, Notifier, NotifyError, Recipient};

/// How long the gateway may take.
const LIMIT: Duration = Duration::from_secs(10);
/// What the places are tried with.
const SAMPLE: (&str, &str, &str) = ("+998901234567", "a \"text\"\n", "0123456789abcdef");

/// How messages are handed to a gateway. It never shows in a log: gateways take their keys in any part of a request.
#[derive(Clone)]
pub struct SmsSettings {
    scheme: Scheme,
    authority: Authority,
    path: Template,
    headers: HeaderMap,
    body: Option<Template>,
}

impl fmt::Debug for SmsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmsSettings([redacted])")
    }
}

/// Which of the settings is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmsPart {
    /// The gateway's address.
    Url,
    /// What is sent to it.
    Body,
    /// What goes in front of that.
    Headers,
}

/// What is wrong with the settings; no value of theirs is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmsFault {
    /// Where.
    pub part: SmsPart,
    /// What.
    pub what: String,
    /// What to do.
    pub fix: &'static str,
}

fn fault(part: SmsPart, what: impl Into<String>, fix: &'static str) -> SmsFault {
    SmsFault { part, what: what.into(), fix }
}

impl SmsSettings {
    /// Reads the settings.
    ///
    /// `url` is `http(s)://[user:password@]host[:port]/path?query`; the user becomes basic authentication. `body` makes
    /// the request a POST, of JSON where it begins with `{` or `[`, else of a form; empty, it is a GET. `headers` are
    /// `Name: value`, between `|`. `{phone}`, `{digits}` (the phone without its plus), `{text}` and `{id}` in path, query
    /// and body stand for the message, written so that they stay one value.
    ///
    /// # Errors
    /// [`SmsFault`] for the first thing that is wrong.
    pub fn parse(url: &str, body: &str, headers: &str) -> Result<Self, SmsFault> {
        let (scheme, authority, login, path) = parse_url(url)?;
        let body = parse_body(body)?;
        let mut headers = parse_headers(headers)?;
        if let Some(login) = login {
            headers.entry(AUTHORIZATION).or_insert(login);
        }
        if let Some((_, content_type)) = &body {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(content_type));
        }
        let body = body.map(|(body, _)| body);
        let has = |what: fn(&Template) -> bool| what(&path) || body.as_ref().is_some_and(what);
        if !has(Template::has_phone) {
            let what = "says nowhere whom a message is for";
            return Err(fault(SmsPart::Url, what, "put {phone} (or {digits}) into SMS_URL or SMS_BODY"));
        }
        if !has(Template::has_text) {
            let what = "says nowhere what a message says";
            return Err(fault(SmsPart::Url, what, "put {text} into SMS_URL or SMS_BODY"));
        }
        let settings = Self { scheme, authority, path, headers, body };
        let (phone, text, id) = SAMPLE;
        if let Ok(phone) = Phone::parse(phone)
            && settings.request(Filling { phone: &phone, text, id }).is_err()
        {
            return Err(fault(SmsPart::Url, "is no URL", URL_FIX));
        }
        Ok(settings)
    }

    /// Whether what is said on the way can be read by others: no TLS, and not to this machine.
    pub fn is_open_to_others(&self) -> bool {
        let host = self.authority.host();
        let is_here = host == "localhost" || host == "[::1]" || host.starts_with("127.");
        self.scheme == Scheme::HTTP && !is_here
    }

    fn request(&self, with: Filling<'_>) -> Result<Request<Bytes>, http::Error> {
        let path = self.path.fill(with);
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()?;
        let method = if self.body.is_some() { Method::POST } else { Method::GET };
        let body = self.body.as_ref().map(|body| body.fill(with)).unwrap_or_default();
        let mut request = Request::builder().method(method).uri(uri).body(Bytes::from(body))?;
        *request.headers_mut() = self.headers.clone();
        Ok(request)
    }
}

const URL_FIX: &str = "write it like https://gateway.example/send?to={phone}&text={text}";

type UrlParts = (Scheme, Authority, Option<HeaderValue>, Template);

fn parse_url(url: &str) -> Result<UrlParts, SmsFault> {
    let wrong = |what: &str| fault(SmsPart::Url, what, URL_FIX);
    let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("is no URL"))?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "https" => Scheme::HTTPS,
        "http" => Scheme::HTTP,
        _ => return Err(wrong("begins neither with https:// nor with http://")),
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (login, host) = match authority.rsplit_once('@') {
        Some((login, host)) => (Some(login), host),
        None => (None, authority),
    };
    let host: Authority = host.parse().map_err(|_| wrong("names no server"))?;
    if host.host().is_empty() || host.as_str().contains('{') {
        return Err(wrong("names no server"));
    }
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let path = Template::new(&path, Escape::Percent);
    no_unknown_place(SmsPart::Url, &path)?;
    let login = login.map(basic).transpose().map_err(|()| wrong("has a user that is not UTF-8"))?;
    Ok((scheme, host, login, path))
}

/// `user:password`, percent-encoded, as a header.
fn basic(login: &str) -> Result<HeaderValue, ()> {
    let plain = percent_decode_str(login).decode_utf8().map_err(|_| ())?;
    secret(&format!("Basic {}", STANDARD.encode(plain.as_bytes()))).ok_or(())
}

fn secret(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn no_unknown_place(part: SmsPart, template: &Template) -> Result<(), SmsFault> {
    match template.unknown_place() {
        Some(place) => {
            let what = format!("has a place {place} that nothing fills");
            Err(fault(part, what, "the places are {phone}, {digits}, {text} and {id}"))
        }
        None => Ok(()),
    }
}

fn parse_body(body: &str) -> Result<Option<(Template, &'static str)>, SmsFault> {
    let body = body.trim();
    if body.is_empty() {
        return Ok(None);
    }
    if !body.starts_with(['{', '[']) {
        let template = Template::new(body, Escape::Percent);
        no_unknown_place(SmsPart::Body, &template)?;
        return Ok(Some((template, "application/x-www-form-urlencoded")));
    }
    let template = Template::new(body, Escape::Json);
    let (phone, text, id) = SAMPLE;
    let is_json = Phone::parse(phone).is_ok_and(|phone| {
        let filled = template.fill(Filling { phone: &phone, text, id });
        serde_json::from_str::<serde_json::Value>(&filled).is_ok()
    });
    if is_json {
        Ok(Some((template, "application/json")))
    } else {
        let what = "begins like JSON, but is none once a message is in it";
        Err(fault(SmsPart::Body, what, "correct it; places stand inside of quotation marks, like \"{text}\""))
    }
}

fn parse_headers(headers: &str) -> Result<HeaderMap, SmsFault> {
    let mut all = HeaderMap::new();
    for line in headers.split('|').map(str::trim).filter(|line| !line.is_empty()) {
        let parsed = line.split_once(':').and_then(|(name, value)| {
            let name = HeaderName::try_from(name.trim()).ok()?;
            Some((name, secret(value.trim())?))
        });
        let Some((name, value)) = parsed else {
            let what = format!("number {} is no header", all.len() + 1);
            return Err(fault(SmsPart::Headers, what, "write Name: value, several of them between |"));
        };
        all.insert(name, value);
    }
    Ok(all)
}

/// Hands messages to an SMS gateway.
#[derive(Clone)]
pub struct SmsGateway {
    settings: SmsSettings,
    client: Arc<dyn HttpClient>,
}

impl fmt::Debug for SmsGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmsGateway").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl SmsGateway {
    /// A gateway that is reached by this client.
    pub fn new(settings: SmsSettings, client: Arc<dyn HttpClient>) -> Self {
        Self { settings, client }
    }
}

#[async_trait]
impl Notifier for SmsGateway {
    async fn send(&self, message: &Message) -> Result<(), NotifyError> {
        let Recipient::Person(phone) = &message.to else {
            return Err(NotifyError::ForGood("the staff has no phone".to_owned()));
        };
        let filling = Filling { phone, text: &message.text, id: &message.id };
        let request = self.settings.request(filling);
        // The cause would show the request.
        let request = request.map_err(|_| NotifyError::ForGood("the request can't be written".to_owned()))?;
        let answer = self.client.call(request, LIMIT).await;
        let answer = answer.map_err(|error| NotifyError::ForNow(format!("the SMS gateway: {error}")))?;
        judge(answer.status())
    }
}

/// What an answer means. Its body is never looked at: each gateway has its own.
fn judge(status: StatusCode) -> Result<(), NotifyError> {
    let told = || format!("the SMS gateway answered {}", status.as_u16());
    match status {
        status if status.is_success() => Ok(()),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            Err(NotifyError::ForNow(told()))
        }
        status if status.is_server_error() => Err(NotifyError::ForNow(told())),
        _ => Err(NotifyError::ForGood(told())),
    }
}

#[cfg(test)]
#[path = "sms_tests.rs"]
mod tests;
