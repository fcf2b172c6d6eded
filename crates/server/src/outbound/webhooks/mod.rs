//! Webhooks: events of the shop, signed and posted to servers of the operator's choice.

mod addresses;
mod client;
mod signature;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::uri::{Scheme, Uri};
use http::{Method, Request, StatusCode};
use sha2::{Digest as _, Sha256};
use slippers_core::outbox::Target;

use self::addresses::Addresses;
use self::client::{WebhookClient, literal};
pub use self::signature::WebhookSecret;
use self::signature::signatures;
use crate::ports::{HttpClient, NotifyError};
use crate::settings::Network;

/// How long a receiver may take.
const LIMIT: Duration = Duration::from_secs(10);
/// Receivers that one shop may have.
const MAX_ENDPOINTS: usize = 16;
const AGENT: &str = concat!("slippers/", env!("CARGO_PKG_VERSION"));

/// A receiver.
#[derive(Clone)]
pub(crate) struct Endpoint {
    url: Uri,
    /// Its name in the outbox: its host and a digest of its URL, which may hold a secret of the receiver's.
    pub(crate) target: Target,
}

/// Where webhooks go and what signs them. It never shows in a log.
#[derive(Clone)]
pub struct WebhookSettings {
    endpoints: Vec<Endpoint>,
    secrets: Vec<WebhookSecret>,
    allowed: Vec<Network>,
}

impl fmt::Debug for WebhookSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSettings([redacted])")
    }
}

/// Which of the settings is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookPart {
    /// The receivers' addresses.
    Urls,
    /// What signs.
    Secrets,
}

/// What is wrong with the settings; no value of theirs is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookFault {
    /// Where.
    pub part: WebhookPart,
    /// What.
    pub what: String,
    /// What to do.
    pub fix: &'static str,
}

const URL_FIX: &str = "write each like https://erp.example.uz/hooks/slippers, several of them between commas";
const SECRET_FIX: &str = "make one: echo \"whsec_$(openssl rand -base64 32)\"; while it is changed give the new and the old one, between commas";
const PRIVATE_FIX: &str = "name its network in WEBHOOK_ALLOWED_NETWORKS if the receiver is yours";

impl WebhookSettings {
    /// Reads where webhooks go, what signs them, and which networks that are not public they may go to.
    ///
    /// # Errors
    /// [`WebhookFault`] for the first thing that is wrong.
    pub fn parse(urls: &[String], secrets: &[String], allowed: Vec<Network>) -> Result<Self, WebhookFault> {
        let fault = |part, what: String, fix| WebhookFault { part, what, fix };
        let rule = Addresses::public_and(allowed.clone());
        let mut endpoints: Vec<Endpoint> = Vec::new();
        for (at, text) in urls.iter().enumerate() {
            let number = at + 1;
            let url = read_url(text);
            let wrong = || fault(WebhookPart::Urls, format!("number {number} is no http(s) URL"), URL_FIX);
            let url = url.ok_or_else(wrong)?;
            if literal(&url).is_some_and(|address| !rule.admit(address)) {
                let what = format!("number {number} is an address that is not public");
                return Err(fault(WebhookPart::Urls, what, PRIVATE_FIX));
            }
            let target = target_of(&url);
            if endpoints.iter().any(|other| other.target == target) {
                let what = format!("number {number} stands there twice");
                return Err(fault(WebhookPart::Urls, what, "take one of them out"));
            }
            endpoints.push(Endpoint { url, target });
        }
        if endpoints.len() > MAX_ENDPOINTS {
            let what = format!("are more than {MAX_ENDPOINTS}");
            return Err(fault(WebhookPart::Urls, what, "name fewer, or one that passes them on"));
        }
        if secrets.is_empty() && !endpoints.is_empty() {
            return Err(fault(
                WebhookPart::Secrets,
                "is not set, and webhooks are signed".into(),
                SECRET_FIX,
            ));
        }
        let mut signers = Vec::new();
        for (at, text) in secrets.iter().enumerate() {
            let what = format!("number {} is not whsec_ and 24 to 64 bytes in base64", at + 1);
            let secret = WebhookSecret::parse(text);
            signers.push(secret.ok_or_else(|| fault(WebhookPart::Secrets, what, SECRET_FIX))?);
        }
        Ok(Self { endpoints, secrets: signers, allowed })
    }

    /// Whether what is said on the way to one of them can be read by others: no TLS.
    pub fn are_open_to_others(&self) -> bool {
        let open = |endpoint: &Endpoint| {
            let is_here = literal(&endpoint.url).is_some_and(|address| address.is_loopback());
            endpoint.url.scheme() == Some(&Scheme::HTTP) && !is_here
        };
        self.endpoints.iter().any(open)
    }
}

/// A URL without a user in it, and no other scheme than these.
fn read_url(text: &str) -> Option<Uri> {
    let url: Uri = text.parse().ok()?;
    let scheme = url.scheme()?;
    let authority = url.authority()?;
    let is_good = (*scheme == Scheme::HTTPS || *scheme == Scheme::HTTP)
        && !authority.host().is_empty()
        && !authority.as_str().contains('@');
    is_good.then_some(url)
}

fn target_of(url: &Uri) -> Target {
    let digest = Sha256::digest(url.to_string());
    let short: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    Target::new(format!("webhook:{}#{short}", url.host().unwrap_or_default()))
}

/// Posts webhooks.
#[derive(Clone)]
pub struct Webhooks {
    settings: WebhookSettings,
    client: Arc<dyn HttpClient>,
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhooks").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What is posted.
pub(crate) struct Post<'a> {
    /// The event's number, the same for every receiver and each try.
    pub(crate) id: &'a str,
    /// The time of this try, in seconds since 1970.
    pub(crate) timestamp: i64,
    /// JSON.
    pub(crate) body: Vec<u8>,
}

impl Webhooks {
    /// A sender that trusts whom the system trusts.
    ///
    /// # Errors
    /// The system has no certificate authorities that can be read.
    pub fn new(settings: WebhookSettings) -> io::Result<Self> {
        let client = WebhookClient::new(Addresses::public_and(settings.allowed.clone()))?;
        Ok(Self { settings, client: Arc::new(client) })
    }

    pub(crate) fn endpoints(&self) -> &[Endpoint] {
        &self.settings.endpoints
    }

    /// Posts to a receiver; anything but a 2xx in time is a failure.
    pub(crate) async fn post(&self, endpoint: &Endpoint, post: Post<'_>) -> Result<(), NotifyError> {
        let signature = signatures(&self.settings.secrets, post.id, post.timestamp, &post.body);
        let request = Request::builder()
            .method(Method::POST)
            .uri(endpoint.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, AGENT)
            .header("webhook-id", post.id)
            .header("webhook-timestamp", post.timestamp)
            .header("webhook-signature", signature)
            .body(Bytes::from(post.body));
        // The cause would show the request.
        let request = request.map_err(|_| NotifyError::ForGood("the request can't be written".to_owned()))?;
        let answer = self.client.call(request, LIMIT).await;
        judge(answer.map_err(|error| NotifyError::ForNow(error.to_string()))?.status())
    }
}

/// What an answer means. That the receiver is gone for good is said by 410 alone, as Standard Webhooks has it.
fn judge(status: StatusCode) -> Result<(), NotifyError> {
    let number = status.as_u16();
    match status {
        status if status.is_success() => Ok(()),
        StatusCode::GONE => Err(NotifyError::ForGood("it answered 410".to_owned())),
        status if status.is_redirection() => {
            Err(NotifyError::ForNow(format!("it answered {number}, and redirects are not followed")))
        }
        _ => Err(NotifyError::ForNow(format!("it answered {number}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn parse(urls: &[&str], secrets: &[&str], allowed: &[&str]) -> Result<WebhookSettings, WebhookFault> {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let allowed = allowed.iter().map(|text| Network::parse(text).expect("a network")).collect();
        WebhookSettings::parse(&texts(urls), &texts(secrets), allowed)
    }

    #[test]
    fn receivers_have_names_without_their_secrets() {
        let urls = ["https://erp.example.uz/hook?key=4711", "https://erp.example.uz/hook?key=4712"];
        let settings = parse(&urls, &[SECRET], &[]).expect("good");
        let names: Vec<&str> = settings.endpoints.iter().map(|one| one.target.as_str()).collect();
        assert!(names.iter().all(|name| name.starts_with("webhook:erp.example.uz#")), "{names:?}");
        assert_ne!(names[0], names[1]);
        assert_eq!(format!("{settings:?}"), "WebhookSettings([redacted])");
        assert!(!settings.are_open_to_others());
        assert!(parse(&["http://erp.example.uz"], &[SECRET], &[]).expect("good").are_open_to_others());
    }

    #[test]
    fn what_could_not_work_is_told() {
        let url = "https://erp.example.uz/hook";
        for (urls, secrets, part) in [
            (&["erp.example.uz"][..], &[SECRET][..], WebhookPart::Urls),
            (&["ftp://erp.example.uz"], &[SECRET], WebhookPart::Urls),
            (&["https://user:word@erp.example.uz"], &[SECRET], WebhookPart::Urls),
            (&[url, url], &[SECRET], WebhookPart::Urls),
            (&["http://127.0.0.1:9000/"], &[SECRET], WebhookPart::Urls),
            (&["http://[::ffff:169.254.169.254]/"], &[SECRET], WebhookPart::Urls),
            (&[url; 1], &[], WebhookPart::Secrets),
            (&[url; 1], &[SECRET, "whsec_short"], WebhookPart::Secrets),
        ] {
            let fault = parse(urls, secrets, &[]).expect_err("wrong");
            assert_eq!(fault.part, part, "{urls:?} {fault:?}");
            assert!(!fault.what.contains("erp") && !fault.what.contains("whsec_short"), "{fault:?}");
        }
        parse(&["http://127.0.0.1:9000/"], &[SECRET], &["127.0.0.0/8"]).expect("allowed");
    }
}
