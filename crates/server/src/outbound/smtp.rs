//! Messages by mail: to the staff, or to people whose phone has an address at a mail-to-SMS gateway.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use http::Uri;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::{Error, SUBMISSION_PORT, SUBMISSIONS_PORT};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message as Mail, Tokio1Executor};
use percent_encoding::percent_decode_str;
use slippers_core::types::Phone;

use super::http_client::causes;
use super::template::{Escape, Filling, Template};
use crate::ports::{Message, Notifier, NotifyError, Recipient};

/// How long one step of the dialogue may take.
const STEP_LIMIT: Duration = Duration::from_secs(5);

/// How a mail travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Security {
    /// TLS from the first byte.
    Wrapped,
    /// TLS after STARTTLS, or nothing is sent.
    StartTls,
    /// None: to a relay on this machine or in a network of one's own.
    None,
}

/// Whom mails are for.
#[derive(Clone)]
enum MailTo {
    /// The person: the address has a place for their phone.
    Person(Template),
    /// Those who run the shop.
    Staff(Vec<Mailbox>),
}

/// How mails are sent. It never shows in a log.
#[derive(Clone)]
pub struct SmtpSettings {
    host: String,
    port: u16,
    security: Security,
    login: Option<Credentials>,
    from: Mailbox,
    to: MailTo,
}

impl fmt::Debug for SmtpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmtpSettings([redacted])")
    }
}

/// Which of the settings is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpPart {
    /// The mail server.
    Url,
    /// Whose mails they are.
    From,
    /// Whom they are for.
    To,
}

/// What is wrong with the settings; no value of theirs is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpFault {
    /// Where.
    pub part: SmtpPart,
    /// What.
    pub what: &'static str,
    /// What to do.
    pub fix: &'static str,
}

const URL_FIX: &str = "write it like smtps://user:password@mail.example, or smtp://... for STARTTLS; \
                       smtp://localhost?tls=none for a relay on this machine";
const FROM_FIX: &str = "write an address, like Slippers <shop@example.uz>";
const TO_FIX: &str = "write the staff's addresses between commas, or one with {phone} or {digits} in it \
                      for a mail-to-SMS gateway, like {digits}@sms.example";

impl SmtpSettings {
    /// Reads the settings.
    ///
    /// `url` is `smtps://` (TLS from the start, port 465) or `smtp://` (STARTTLS, port 587; with `?tls=none` no TLS, port
    /// 25), then `[user:password@]host[:port]`. `to` are addresses of the staff between commas, or one with `{phone}` or
    /// `{digits}`, which then is the person's.
    ///
    /// # Errors
    /// [`SmtpFault`] for the first thing that is wrong.
    pub fn parse(url: &str, from: &str, to: &str) -> Result<Self, SmtpFault> {
        let (host, port, security, login) =
            parse_url(url).map_err(|what| SmtpFault { part: SmtpPart::Url, what, fix: URL_FIX })?;
        let wrong = |part: SmtpPart, fix: &'static str, text: &str| {
            let what = if text.is_empty() { "is missing beside SMTP_URL" } else { "is no mail address" };
            SmtpFault { part, what, fix }
        };
        let from = from.parse().map_err(|_| wrong(SmtpPart::From, FROM_FIX, from))?;
        let to = parse_to(to).ok_or_else(|| wrong(SmtpPart::To, TO_FIX, to))?;
        Ok(Self { host, port, security, login, from, to })
    }

    /// Whether mails go to the person that a message is for, not to the staff.
    pub fn reaches_people(&self) -> bool {
        matches!(self.to, MailTo::Person(_))
    }
}

type UrlParts = (String, u16, Security, Option<Credentials>);

fn parse_url(url: &str) -> Result<UrlParts, &'static str> {
    let uri: Uri = url.parse().map_err(|_| "is no URL")?;
    let (security, usual_port) = match (uri.scheme_str(), uri.query()) {
        (Some("smtps"), None) => (Security::Wrapped, SUBMISSIONS_PORT),
        (Some("smtp"), None) => (Security::StartTls, SUBMISSION_PORT),
        (Some("smtp"), Some("tls=none")) => (Security::None, 25),
        (Some("smtps" | "smtp"), Some(_)) => return Err("has an option that there is not"),
        _ => return Err("begins neither with smtps:// nor with smtp://"),
    };
    let authority = uri.authority().ok_or("names no server")?;
    let login = match authority.as_str().rsplit_once('@') {
        None => None,
        Some((login, _)) => {
            let (user, password) = login.split_once(':').ok_or("has a user without a password")?;
            let plain = |text: &str| percent_decode_str(text).decode_utf8().map(Cow::into_owned);
            let is_text = "has a user or a password that is not UTF-8";
            Some(Credentials::new(plain(user).map_err(|_| is_text)?, plain(password).map_err(|_| is_text)?))
        }
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    if host.is_empty() {
        return Err("names no server");
    }
    Ok((host, authority.port_u16().unwrap_or(usual_port), security, login))
}

fn parse_to(to: &str) -> Option<MailTo> {
    let template = Template::new(to, Escape::Plain);
    if template.unknown_place().is_some() {
        return None;
    }
    if template.has_phone() {
        let sample = Phone::parse("+998901234567").ok()?;
        return address(&template, &sample).map(|_| MailTo::Person(template));
    }
    let staff: Option<Vec<Mailbox>> = to.split(',').map(|one| one.trim().parse().ok()).collect();
    staff.map(MailTo::Staff)
}

fn address(template: &Template, phone: &Phone) -> Option<Mailbox> {
    template.fill(Filling { phone, text: "", id: "" }).parse().ok()
}

/// Sends mails.
#[derive(Clone, Debug)]
pub struct SmtpPost {
    settings: SmtpSettings,
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

impl SmtpPost {
    /// A post at this mail server.
    ///
    /// # Errors
    /// TLS can't be set up: why.
    pub fn new(settings: SmtpSettings) -> Result<Self, String> {
        let tls = || TlsParameters::new(settings.host.clone()).map_err(|error| causes(&error));
        let tls = match settings.security {
            Security::Wrapped => Tls::Wrapper(tls()?),
            Security::StartTls => Tls::Required(tls()?),
            Security::None => Tls::None,
        };
        let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(settings.port)
            .tls(tls)
            .timeout(Some(STEP_LIMIT));
        let transport = match &settings.login {
            Some(login) => transport.credentials(login.clone()),
            None => transport,
        };
        Ok(Self { transport: transport.build(), settings })
    }

    fn compose(&self, message: &Message) -> Option<Mail> {
        let mail = Mail::builder().from(self.settings.from.clone()).subject("Slippers");
        let mail = match (&self.settings.to, &message.to) {
            (MailTo::Person(template), Recipient::Person(phone)) => mail.to(address(template, phone)?),
            (MailTo::Staff(all), Recipient::Staff) => all.iter().fold(mail, |mail, one| mail.to(one.clone())),
            _ => return None,
        };
        mail.body(message.text.clone()).ok()
    }
}

#[async_trait]
impl Notifier for SmtpPost {
    async fn send(&self, message: &Message) -> Result<(), NotifyError> {
        let mail = self.compose(message);
        let mail = mail.ok_or_else(|| NotifyError::ForGood("the mail has no address".to_owned()))?;
        self.transport.send(mail).await.map(drop).map_err(|error| judge(&error))
    }
}

/// What a failure means. The server's own words are left out: they may repeat an address.
fn judge(error: &Error) -> NotifyError {
    match error.status() {
        Some(code) if error.is_permanent() => {
            NotifyError::ForGood(format!("the mail server answered {code}"))
        }
        Some(code) => NotifyError::ForNow(format!("the mail server answered {code}")),
        None if error.is_client() => {
            NotifyError::ForGood(format!("the mail server can't be used: {}", causes(error)))
        }
        None => NotifyError::ForNow(format!("the mail server can't be reached: {}", causes(error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: &str = "Slippers <shop@example.uz>";

    #[test]
    fn a_url_tells_server_security_and_login() {
        for (url, host, port, security, has_login) in [
            ("smtps://mail.example", "mail.example", 465, Security::Wrapped, false),
            ("smtp://u:p%40ss@mail.example:2525", "mail.example", 2525, Security::StartTls, true),
            ("smtp://mail.example", "mail.example", 587, Security::StartTls, false),
            ("smtp://localhost?tls=none", "localhost", 25, Security::None, false),
            ("smtp://[::1]:26/?tls=none", "::1", 26, Security::None, false),
        ] {
            let settings = SmtpSettings::parse(url, FROM, "a@b.uz, c@d.uz").expect(url);
            assert_eq!((settings.host.as_str(), settings.port), (host, port), "{url}");
            assert_eq!((settings.security, settings.login.is_some()), (security, has_login), "{url}");
            assert_eq!(format!("{settings:?}"), "SmtpSettings([redacted])");
            assert!(!settings.reaches_people());
        }
        let settings = SmtpSettings::parse("smtp://u:p%40ss@h", FROM, "a@b.uz").expect("good");
        assert!(settings.login == Some(Credentials::new("u".into(), "p@ss".into())));
    }

    #[test]
    fn what_could_not_work_is_told() {
        let url = "smtp://mail.example";
        for (url, from, to, part) in [
            ("mail.example", FROM, "a@b.uz", SmtpPart::Url),
            ("http://mail.example", FROM, "a@b.uz", SmtpPart::Url),
            ("smtp://user@mail.example", FROM, "a@b.uz", SmtpPart::Url),
            ("smtp://mail.example?tls=maybe", FROM, "a@b.uz", SmtpPart::Url),
            ("smtps://mail.example?tls=none", FROM, "a@b.uz", SmtpPart::Url),
            ("smtp://", FROM, "a@b.uz", SmtpPart::Url),
            (url, "", "a@b.uz", SmtpPart::From),
            (url, "shop", "a@b.uz", SmtpPart::From),
            (url, FROM, "", SmtpPart::To),
            (url, FROM, "a@b.uz, c", SmtpPart::To),
            (url, FROM, "{phone}", SmtpPart::To),
            (url, FROM, "{mail}@b.uz", SmtpPart::To),
        ] {
            let fault = SmtpSettings::parse(url, from, to).expect_err(url);
            assert_eq!(fault.part, part, "{url} {from} {to}: {fault:?}");
        }
    }

    #[test]
    fn each_message_goes_to_whom_it_is_for_and_nobody_else() {
        let post = |to: &str| {
            let settings = SmtpSettings::parse("smtp://h?tls=none", FROM, to).expect("good");
            SmtpPost::new(settings).expect("no TLS")
        };
        let to = |to: Recipient| Message { id: "1".into(), to, text: "x".into() };
        let person = to(Recipient::Person(Phone::parse("+998901234567").expect("a phone")));
        let staff = to(Recipient::Staff);
        let addresses = |post: &SmtpPost, message: &Message| {
            let mail = post.compose(message)?;
            Some(mail.envelope().to().iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let gateway = post("{digits}@sms.example");
        assert!(gateway.settings.reaches_people());
        assert_eq!(addresses(&gateway, &person), Some(vec!["998901234567@sms.example".into()]));
        assert_eq!(addresses(&gateway, &staff), None);
        assert_eq!(addresses(&post("{phone}@x.uz"), &person), Some(vec!["+998901234567@x.uz".into()]));
        let office = post("a@b.uz, Boss <c@d.uz>");
        assert_eq!(addresses(&office, &staff), Some(vec!["a@b.uz".into(), "c@d.uz".into()]));
        assert_eq!(addresses(&office, &person), None);
    }
}
