//! How people are reached: the settings of the SMS gateway and of the mail server.

use std::time::Duration;

use slippers_server::outbound::{SmsPart, SmsSettings, SmtpPart, SmtpSettings, WebhookSettings};
use slippers_server::settings::OrderMessages;

use super::fault::Source;
use super::reader::Reader;
use super::table::{self, Setting};

/// How people are reached.
#[derive(Clone, Debug)]
pub(crate) struct MessageSettings {
    /// The gateway for messages to people.
    pub(crate) sms: Option<SmsSettings>,
    /// The mail server.
    pub(crate) smtp: Option<SmtpSettings>,
    /// How long a message that failed is tried again.
    pub(crate) retry_for: Duration,
    /// Who is told of orders.
    pub(crate) orders: OrderMessages,
    /// Who else is told what happens.
    pub(crate) webhooks: Option<WebhookSettings>,
}

impl Reader {
    pub(super) fn messages(&mut self) -> MessageSettings {
        let (sms, smtp) = (self.sms(), self.smtp());
        if sms.is_some() && smtp.as_ref().is_some_and(SmtpSettings::reaches_people) {
            let what = "has a place for a phone, and SMS_URL reaches people already";
            let fix = "name the staff's addresses, or leave SMS_URL out";
            self.fault_of(&table::SMTP_TO, what, fix);
        }
        MessageSettings {
            sms,
            smtp,
            retry_for: Duration::from_secs(self.number(&table::MESSAGE_RETRY)),
            orders: self.order_messages(),
            webhooks: self.webhooks(),
        }
    }

    fn sms(&mut self) -> Option<SmsSettings> {
        let url = self.text(&table::SMS_URL);
        if url.is_empty() {
            self.needs(&[&table::SMS_BODY, &table::SMS_HEADERS], &table::SMS_URL);
            return None;
        }
        let (body, headers) = (self.text(&table::SMS_BODY), self.text(&table::SMS_HEADERS));
        let fault = match SmsSettings::parse(&url, &body, &headers) {
            Ok(settings) => return Some(settings),
            Err(fault) => fault,
        };
        let setting = match fault.part {
            SmsPart::Url => &table::SMS_URL,
            SmsPart::Body => &table::SMS_BODY,
            SmsPart::Headers => &table::SMS_HEADERS,
        };
        self.fault_of(setting, &fault.what, fault.fix);
        None
    }

    fn smtp(&mut self) -> Option<SmtpSettings> {
        let url = self.text(&table::SMTP_URL);
        if url.is_empty() {
            self.needs(&[&table::SMTP_FROM, &table::SMTP_TO], &table::SMTP_URL);
            return None;
        }
        let (from, to) = (self.text(&table::SMTP_FROM), self.text(&table::SMTP_TO));
        let fault = match SmtpSettings::parse(&url, &from, &to) {
            Ok(settings) => return Some(settings),
            Err(fault) => fault,
        };
        let setting = match fault.part {
            SmtpPart::Url => &table::SMTP_URL,
            SmtpPart::From => &table::SMTP_FROM,
            SmtpPart::To => &table::SMTP_TO,
        };
        self.fault_of(setting, fault.what, fault.fix);
        None
    }

    /// Settings that say nothing without another one.
    pub(super) fn needs(&mut self, given: &[&'static Setting], other: &Setting) {
        for setting in given {
            if self.layers.given(setting).is_some() {
                let what = format!("is given without {}", other.name);
                self.fault_of(setting, &what, &format!("set {} too, or take it out", other.name));
            }
        }
    }

    pub(super) fn fault_of(&mut self, setting: &Setting, what: &str, fix: &str) {
        let from: Source = self.layers.get(setting).from;
        self.fault(setting, from, what, fix);
    }
}
