//! Who else is told what happens: webhooks, and messages about orders.

use slippers_server::outbound::{WebhookPart, WebhookSettings};
use slippers_server::settings::{Language, OrderMessages};

use super::reader::{Reader, quoted};
use super::table;

impl Reader {
    pub(super) fn webhooks(&mut self) -> Option<WebhookSettings> {
        let urls = self.list(&table::WEBHOOK_URLS);
        let secrets = self.list(&table::WEBHOOK_SECRETS);
        let allowed = self.networks(&table::WEBHOOK_ALLOWED_NETWORKS);
        if urls.is_empty() {
            self.needs(&[&table::WEBHOOK_SECRETS, &table::WEBHOOK_ALLOWED_NETWORKS], &table::WEBHOOK_URLS);
            return None;
        }
        let fault = match WebhookSettings::parse(&urls, &secrets, allowed) {
            Ok(settings) => return Some(settings),
            Err(fault) => fault,
        };
        let setting = match fault.part {
            WebhookPart::Urls => &table::WEBHOOK_URLS,
            WebhookPart::Secrets => &table::WEBHOOK_SECRETS,
        };
        self.fault_of(setting, &fault.what, fault.fix);
        None
    }

    pub(super) fn order_messages(&mut self) -> OrderMessages {
        let mut messages = OrderMessages::default();
        for name in self.list(&table::ORDER_MESSAGES) {
            match name.to_ascii_lowercase().as_str() {
                "buyer" => messages.buyer = true,
                "staff" => messages.staff = true,
                "none" => {}
                _ => {
                    let what = format!("{} is nobody who can be told", quoted(&name));
                    self.fault_of(&table::ORDER_MESSAGES, &what, "write buyer,staff or one of them, or none");
                }
            }
        }
        let name = self.text(&table::MESSAGE_LANGUAGE);
        match Language::parse(&name) {
            Some(language) => messages.language = language,
            None => {
                let what = format!("{} is no language of the shop", quoted(&name));
                self.fault_of(&table::MESSAGE_LANGUAGE, &what, "write uz, ru or en");
            }
        }
        messages
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{faults, load};

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn webhooks_need_a_receiver_that_may_be_called_and_a_secret() {
        let url = ("WEBHOOK_URLS", "https://erp.example.uz/hook?key=4711");
        let secret = ("WEBHOOK_SECRETS", SECRET);
        let good = load(&[], &[url, secret]).expect("good settings");
        assert!(good.messages.webhooks.is_some());
        assert!(load(&[], &[]).expect("good settings").messages.webhooks.is_none());
        for (settings, name, what) in [
            (&[url][..], "WEBHOOK_SECRETS", "openssl rand"),
            (&[secret], "WEBHOOK_SECRETS", "WEBHOOK_URLS"),
            (&[url, ("WEBHOOK_SECRETS", "hunter2")], "WEBHOOK_SECRETS", "whsec_"),
            (&[("WEBHOOK_URLS", "erp.example.uz"), secret], "WEBHOOK_URLS", "https://"),
            (
                &[("WEBHOOK_URLS", "http://169.254.169.254/"), secret],
                "WEBHOOK_URLS",
                "WEBHOOK_ALLOWED_NETWORKS",
            ),
            (&[url, secret, ("WEBHOOK_ALLOWED_NETWORKS", "here")], "WEBHOOK_ALLOWED_NETWORKS", "10.0.0.0/8"),
        ] {
            let told = faults(&[], settings);
            assert!(told.contains(name) && told.contains(what), "{settings:?}: {told}");
            assert!(!told.contains("4711") && !told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn messages_about_orders_go_to_whom_the_settings_name() {
        let told = |who: &str| {
            let messages = load(&[], &[("ORDER_MESSAGES", who)]).expect("good settings").messages.orders;
            (messages.buyer, messages.staff)
        };
        assert_eq!(
            (told("staff"), told("buyer,staff"), told("none")),
            ((false, true), (true, true), (false, false))
        );
        assert!(faults(&[], &[("ORDER_MESSAGES", "everybody")]).contains("everybody"));
        assert!(faults(&[], &[("MESSAGE_LANGUAGE", "fr")]).contains("uz, ru or en"));
    }
}
