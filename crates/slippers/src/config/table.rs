//! Every setting there is, in one table: it drives reading, `config check` and `config list`.

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A whole number in this range, ends included.
    Number(i64, i64),
    /// `true` or `false`; `1`, `0`, `yes`, `no`, `on`, `off` too.
    Flag,
    /// Values between commas; in the TOML file an array too.
    List,
    /// Any text.
    Text,
    /// A text that is never shown.
    Secret,
    /// Addresses between commas, shown without the passwords in them.
    Url,
}

/// One setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its name, in capitals; case does not matter where it is given.
    pub(crate) name: &'static str,
    /// Its value when nothing gives one; empty = unset.
    pub(crate) default: &'static str,
    /// What it may be.
    pub(crate) kind: Kind,
    /// What it does, with the unit.
    pub(crate) help: &'static str,
}

macro_rules! settings {
    ($($item:ident $name:literal = $default:literal, $kind:expr, $help:literal;)*) => {
        $(
            #[doc = $help]
            pub(crate) const $item: Setting = Setting { name: $name, default: $default, kind: $kind, help: $help };
        )*
        /// The settings that this version uses, in the order in which they are shown.
        pub(crate) const USED: &[Setting] = &[$($item),*];
    };
}

use Kind::{Flag, List, Number, Secret, Text, Url};

/// The largest number of pairs and of other things that an i32 of old clients can hold.
const MAX_COUNT: i64 = i32::MAX as i64;

settings! {
    LISTEN "SLIPPERS_LISTEN" = "127.0.0.1:8000", Text,
        "Address and port to listen on: `127.0.0.1:8000`, `[::]:8000`, `localhost:8000`. Port 0 takes any free one. It beats APP_HOST and APP_PORT.";
    APP_HOST "APP_HOST" = "", Text,
        "Address to listen on, as the old shop named it; 127.0.0.1 when only APP_PORT is given.";
    APP_PORT "APP_PORT" = "", Number(0, 65_535),
        "Port to listen on, as the old shop named it; 8000 when only APP_HOST is given.";
    DATA_DIR "SLIPPERS_DATA_DIR" = "./data", Text,
        "Folder of everything that the shop keeps: database, signing key, pictures. Made when it is missing.";
    DATABASE_URL "DATABASE_URL" = "", Url,
        "`postgresql://USER:PASSWORD@HOST:PORT/DATABASE` (`postgresql+asyncpg://` too; TLS by `?sslmode=verify-full&sslrootcert=FILE`), or `sqlite:PATH`, or `sqlite:///PATH` (so an absolute path has four slashes). Unset: `shop.db` in the data folder.";
    DATABASE_DIRECT_URL "DATABASE_DIRECT_URL" = "", Url,
        "The same PostgreSQL past a pooler, for migrations and for what other instances tell. Unset: DATABASE_URL.";
    DATABASE_REPLICA_URLS "DATABASE_REPLICA_URLS" = "", Url,
        "Streaming replicas of it, as many addresses between commas, past any pooler. They answer what is read of the catalogue and, where they are known to have it, people's own carts and orders; one that is promoted is found. The same for every instance.";
    DATABASE_POOL_SIZE "DATABASE_POOL_SIZE" = "", Number(1, 10_000),
        "Connections to PostgreSQL. Unset: four for each core, 8 to 32, and no more than the server has to give.";
    DATABASE_MAX_OVERFLOW "DATABASE_MAX_OVERFLOW" = "0", Number(0, 10_000),
        "Connections that may be opened beyond them under load; they are closed again.";
    TRAFFIC "SLIPPERS_TRAFFIC" = "", Text,
        "What DATABASE_POOL_SIZE and DATABASE_MAX_OVERFLOW are when unset, in all: `low` 20 + 30, `moderate` 50 + 100, `high` 100 + 200, as far as the server has them to give.";
    DATABASE_POOL_TIMEOUT "DATABASE_POOL_TIMEOUT" = "10", Number(1, 300),
        "Seconds that an order, a cart or a sign-in waits for a connection before it is answered 503; lists, searches and products at most one or two.";
    DATABASE_PREPARED "DATABASE_PREPARED_STATEMENTS" = "true", Flag,
        "Whether statements are prepared once a connection; false behind a pooler that gives each transaction another connection (PgBouncer before 1.21).";
    SECRET_KEY "SECRET_KEY" = "", Secret,
        "Key that signs tokens, at least 32 bytes. Unset: made once and kept in the data folder as `secret_key`.";
    SECRET_KEY_FILE "SECRET_KEY_FILE" = "", Text,
        "File that holds the SECRET_KEY, for example a mounted secret.";
    ALGORITHM "ALGORITHM" = "HS256", Text,
        "How tokens are signed; only HS256.";
    ACCESS_MINUTES "ACCESS_TOKEN_EXPIRE_MINUTES" = "15", Number(1, 525_600),
        "Minutes that an access token is good for.";
    REFRESH_DAYS "REFRESH_TOKEN_EXPIRE_DAYS" = "1", Number(1, 3_650),
        "Days that a refresh token is good for.";
    SESSION_MAX_HOURS "SESSION_MAX_HOURS" = "8", Number(0, 87_600),
        "Hours after which a session ends, however often it was renewed; 0 = SESSION_MAX_DAYS decides.";
    SESSION_MAX_DAYS "SESSION_MAX_DAYS" = "1", Number(0, 3_650),
        "Days after which a session ends; counts when SESSION_MAX_HOURS is 0. 0 = no cap.";
    REFRESH_LEEWAY "REFRESH_REUSE_LEEWAY_SEC" = "10", Number(0, 300),
        "Seconds in which a refresh token may be used again, because an answer can be lost; 0 = a second use always ends the session.";
    ALLOWED_ORIGINS "ALLOWED_ORIGINS" = "http://localhost:3000, http://127.0.0.1:3000, http://localhost:5173, https://oyoqkiyim.duckdns.org, https://optomoyoqkiyim.uz, https://www.optomoyoqkiyim.uz", List,
        "Sites whose pages may call the API from a browser. An empty value: none.";
    ALLOWED_ORIGIN_REGEX "ALLOWED_ORIGIN_REGEX" = r"^https?://(.+\.)?optomoyoqkiyim\.uz$", Text,
        "Pattern that such a site may match as a whole instead. An empty value: none.";
    RATE_REQUESTS "RATE_LIMIT_REQUESTS" = "100", Number(1, MAX_COUNT),
        "Requests that one client may make in each window.";
    RATE_WINDOW "RATE_LIMIT_WINDOW_SEC" = "60", Number(1, 86_400),
        "Seconds of that window.";
    RATE_EXCLUDE "RATE_LIMIT_EXCLUDE_PATHS" = "/docs,/redoc,/openapi.json,/favicon.ico,/static", List,
        "Paths that are never limited, to the letter. What lies below /static never is.";
    LOGIN_ATTEMPTS "LOGIN_RATE_LIMIT" = "5", Number(1, MAX_COUNT),
        "Sign-ins that may be tried for one name from one address in each window, successful ones included; one name from anywhere has 20 times that, one address 200 times.";
    LOGIN_WINDOW "LOGIN_RATE_WINDOW_SEC" = "300", Number(1, 86_400),
        "Seconds of that window.";
    TRUSTED_CALLERS "TRUSTED_CALLERS" = "", List,
        "Addresses or networks (`10.0.0.0/8`) that ask for many people and sign them in, such as a front-end's own server: they have TRUSTED_CALLERS_RATE_LIMIT, and the limit on sign-ins of one address does not hold for them; the others do.";
    TRUSTED_REQUESTS "TRUSTED_CALLERS_RATE_LIMIT" = "0", Number(0, MAX_COUNT),
        "Requests that one of TRUSTED_CALLERS may make in each window of RATE_LIMIT_WINDOW_SEC for people who are not signed in; those who are have their own limit. 0 = twenty times RATE_LIMIT_REQUESTS.";
    TRUST_PROXY "TRUST_PROXY" = "", Flag,
        "Whether forwarding headers count; true needs TRUSTED_PROXIES, false switches them off. Unset: as TRUSTED_PROXIES says.";
    TRUSTED_PROXIES "TRUSTED_PROXIES" = "", List,
        "Addresses or networks (`10.0.0.0/8`) of the proxies in front, whose forwarding headers are believed.";
    WORKERS "WORKERS" = "0", Number(0, 1_024),
        "Threads that serve; 0 = one a core.";
    BACKLOG "BACKLOG" = "4096", Number(1, 65_535),
        "Connections that may wait to be accepted; the kernel's net.core.somaxconn caps it.";
    METRICS_LISTEN "METRICS_LISTEN" = "", Text,
        "Address and port of a listener of its own on which Prometheus is answered at `/metrics`: `127.0.0.1:9100`. Unset: none.";
    TLS_CERT "TLS_CERT" = "", Text,
        "File of the certificate that the public listener shows, with the chain, in PEM; it then speaks TLS, with HTTP/2 for who offers it. Needs TLS_KEY. SIGHUP takes a renewed one. Unset: plain HTTP, HTTP/2 by prior knowledge too.";
    TLS_KEY "TLS_KEY" = "", Text,
        "File of the certificate's private key, in PEM, without a password.";
    LIMIT_MAX_REQUESTS "LIMIT_MAX_REQUESTS" = "0", Number(0, MAX_COUNT),
        "Requests, a fifth more or less, after which a fresh process takes over, without one that is lost; 0 = never. It is a stopgap against a leak.";
    SLOW_REQUEST "SLOW_REQUEST_MS" = "1000", Number(0, 3_600_000),
        "Milliseconds from which on a request is logged as slow; 0 = each one.";
    ORDER_MAX_QUANTITY "ORDER_MAX_QTY_PER_ITEM" = "500", Number(1, MAX_COUNT),
        "The most pairs that one line of an order counts for.";
    ORDER_TTL "ORDER_PENDING_TTL_MIN" = "60", Number(0, 525_600),
        "Minutes after which an unpaid order is cancelled and gives its stock back; 0 = never.";
    ORDER_MAX_OPEN "ORDER_MAX_OPEN" = "10", Number(0, MAX_COUNT),
        "Unpaid orders that one user may have at a time; 0 = no limit.";
    OCTO_API_BASE "OCTO_API_BASE" = "https://secure.octo.uz", Text,
        "Where OCTO is called; `https://`, unless it is on this machine.";
    OCTO_SHOP_ID "OCTO_SHOP_ID" = "", Text,
        "The shop's number at OCTO.";
    OCTO_SECRET "OCTO_SECRET" = "", Secret,
        "The password of calls to OCTO.";
    OCTO_UNIQUE_KEY "OCTO_UNIQUE_KEY" = "", Secret,
        "The key of the signatures of OCTO's callbacks; its support gives it. Unset: every callback is checked by a call to OCTO alone.";
    OCTO_NOTIFY_URL "OCTO_NOTIFY_URL" = "", Text,
        "Where OCTO's callbacks reach this shop: `https://HOST/payments/octo/notify`.";
    OCTO_RETURN_URL "OCTO_RETURN_URL" = "https://www.optomoyoqkiyim.uz/", Text,
        "Where OCTO sends buyers back to.";
    OCTO_LANGUAGE "OCTO_LANGUAGE" = "ru", Text,
        "The language of OCTO's page: `uz`, `ru` or `en`.";
    OCTO_CURRENCY "OCTO_CURRENCY" = "UZS", Text,
        "The currency of payments; orders are in soum, so UZS.";
    OCTO_AUTO_CAPTURE "OCTO_AUTO_CAPTURE" = "true", Flag,
        "Whether OCTO takes money at once; false: it holds it until the shop has looked at the order.";
    OCTO_TEST "OCTO_TEST" = "false", Flag,
        "Whether payments at OCTO are tests, in which no money moves.";
    OCTO_USD_RATE "OCTO_USD_UZS_RATE" = "", Text,
        "Soum for a US dollar: OCTO returns no less than one. Unset: OCTO itself refuses less.";
    OCTO_EXTRA "OCTO_EXTRA_PARAMS" = "", Text,
        "Further fields of a new payment at OCTO, as a JSON object; they beat the usual ones: `{\"ttl\": 15}` for a link that is good for 15 minutes instead of 30.";
    PAYME_MERCHANT_ID "PAYME_MERCHANT_ID" = "", Text,
        "The number of the cash desk at Payme. Its endpoint there is `https://HOST/payments/payme`.";
    PAYME_KEY "PAYME_KEY" = "", Secret,
        "The key of the cash desk, or the one of Payme's sandbox.";
    PAYME_ALLOWED_IPS "PAYME_ALLOWED_IPS" = "185.234.113.0/28,127.0.0.0/8,::1", List,
        "Addresses and networks that Payme's calls come from, those of its documentation and this machine; calls from elsewhere are refused even with the right key. Behind a proxy it takes `TRUSTED_PROXIES` to see them. `any`: from anywhere.";
    PAYME_LOGIN "PAYME_LOGIN" = "Paycom", Text,
        "The user of Payme's calls.";
    PAYME_CHECKOUT_URL "PAYME_CHECKOUT_URL" = "https://checkout.paycom.uz", Text,
        "Payme's checkout; its sandbox is `https://test.paycom.uz`.";
    PAYME_RETURN_URL "PAYME_RETURN_URL" = "", Text,
        "Where Payme sends buyers back to.";
    PAYME_LANGUAGE "PAYME_LANGUAGE" = "ru", Text,
        "The language of Payme's page: `uz`, `ru` or `en`.";
    CLICK_SERVICE_ID "CLICK_SERVICE_ID" = "", Text,
        "The number of the service at Click. Its addresses there are `https://HOST/payments/click/prepare` and `https://HOST/payments/click/complete`.";
    CLICK_MERCHANT_ID "CLICK_MERCHANT_ID" = "", Text,
        "The shop's number at Click.";
    CLICK_MERCHANT_USER_ID "CLICK_MERCHANT_USER_ID" = "", Text,
        "The user of calls to Click's Merchant API, which is asked where payments stand.";
    CLICK_SECRET_KEY "CLICK_SECRET_KEY" = "", Secret,
        "The key of Click's signatures and of calls to it.";
    CLICK_PAY_URL "CLICK_PAY_URL" = "https://my.click.uz/services/pay", Text,
        "Click's pay page.";
    CLICK_API_BASE "CLICK_API_BASE" = "https://api.click.uz/v2/merchant", Text,
        "Where Click's Merchant API is called; `https://`, unless it is on this machine.";
    CLICK_RETURN_URL "CLICK_RETURN_URL" = "", Text,
        "Where Click sends buyers back to.";
    SMS_URL "SMS_URL" = "", Secret,
        "SMS gateway that takes a message to a person in one request: `https://user:password@host/path?to={phone}&text={text}`. {phone}, {digits} (without the plus), {text} and {id} stand for the message. Unset, with no mail-to-SMS address in SMTP_TO: an admin approves forgotten passwords.";
    SMS_BODY "SMS_BODY" = "", Secret,
        "Body of that request, with the same places; it makes it a POST, of JSON where it begins with `{` or `[`, else of a form: `mobile_phone={digits}&message={text}`.";
    SMS_HEADERS "SMS_HEADERS" = "", Secret,
        "Headers of that request, `Name: value`, several of them between bars: `Authorization: Bearer TOKEN | X-Client: shop`.";
    SMTP_URL "SMTP_URL" = "", Secret,
        "Mail server: `smtps://user:password@host` (TLS from the start), `smtp://...` (STARTTLS, else nothing is sent), `smtp://localhost?tls=none` (a relay on this machine). It needs SMTP_FROM and SMTP_TO.";
    SMTP_FROM "SMTP_FROM" = "", Text,
        "Address that mails come from: `Slippers <shop@example.uz>`.";
    SMTP_TO "SMTP_TO" = "", Text,
        "Addresses of the staff, who are told that new passwords wait for approval; or one with {phone} or {digits} for a mail-to-SMS gateway, which brings people their codes.";
    MESSAGE_RETRY "MESSAGE_RETRY_SEC" = "120", Number(0, 600),
        "Seconds for which a message that could not be sent is tried again; then an admin decides. 0 = one attempt.";
    ORDER_MESSAGES "ORDER_MESSAGES" = "buyer,staff", List,
        "Who is told of orders where SMS_URL or SMTP_TO reach them: `buyer` (a confirmation), `staff` (new orders, and payments that need a person), or `none`.";
    MESSAGE_LANGUAGE "MESSAGE_LANGUAGE" = "uz", Text,
        "Language of these messages: `uz`, `ru` or `en`.";
    WEBHOOK_URLS "WEBHOOK_URLS" = "", Secret,
        "Servers that are told what happens to orders and payments (docs/operations.md), between commas: `https://erp.example.uz/hooks/slippers`. They need WEBHOOK_SECRETS; all instances of a shop need the same.";
    WEBHOOK_SECRETS "WEBHOOK_SECRETS" = "", Secret,
        "What signs webhooks (Standard Webhooks): `whsec_` and 24 to 64 bytes in base64. Several between commas all sign, while one is changed for another.";
    WEBHOOK_ALLOWED_NETWORKS "WEBHOOK_ALLOWED_NETWORKS" = "", List,
        "Networks that are not public and that webhooks may go to all the same, such as `10.1.0.0/16`; `127.0.0.0/8,::1` in development. All others are refused.";
    CACHE_BYTES "CACHE_MAX_BYTES" = "67108864", Number(0, 1 << 40),
        "Bytes of memory that kept pages of the catalogue may take; 0 = none is kept.";
    CACHE_TTL "CACHE_TTL_SEC" = "60", Number(1, 86_400),
        "Seconds after which a kept page is made anew, a tenth more or less, though nothing has changed; a change ends it at once.";
    CACHE_SHARED "CACHE_S_MAXAGE_SEC" = "0", Number(0, 31_536_000),
        "Seconds for which a cache in front (a CDN, nginx) may send a page of the catalogue without asking, so that it may be as old; 0 = it always asks. Browsers always ask.";
    CACHE_STALE "CACHE_STALE_WHILE_REVALIDATE_SEC" = "0", Number(0, 31_536_000),
        "Seconds beyond CACHE_S_MAXAGE_SEC in which it may send an old page while it asks for a new one; 0 = never.";
    CACHE_STALE_ERROR "CACHE_STALE_IF_ERROR_SEC" = "0", Number(0, 31_536_000),
        "Seconds beyond CACHE_S_MAXAGE_SEC in which it may send an old page when the shop does not answer; 0 = never.";
    REDIS_URL "REDIS_URL" = "", Url,
        "`redis://USER:PASSWORD@HOST:PORT/NUMBER`, or `rediss://` for TLS: shared by the instances of one shop and nobody else. Pages and limits are then common; without it, or while it is down, each instance has its own.";
    DEBUG "DEBUG" = "false", Flag,
        "Whether the program's own log tells more (level debug). Answers never show more than they should.";
    LOG "SLIPPERS_LOG" = "", Text,
        "What is logged, as directives like `warn,slippers=info,slippers_server=debug`; they replace the usual ones.";
    LOG_FORMAT "SLIPPERS_LOG_FORMAT" = "", Text,
        "`text` for people, `json` for one JSON object a line. Unset: text where stderr, to which the log goes, is a terminal, else JSON.";
    ACCESS_LOG "ACCESS_LOG" = "off", Text,
        "Lines of requests: `off`, `sampled` (one in a hundred of those that went fast and well, each of the others) or `all`. Slow requests and failures are logged in any case.";
    OTLP_ENDPOINT "OTEL_EXPORTER_OTLP_ENDPOINT" = "", Text,
        "Collector of traces to which spans of requests are sent by OTLP over HTTP, at `/v1/traces` below this address: `http://localhost:4318`. For a program that was built with `--features otlp`. Unset: none.";
    OTLP_HEADERS "OTEL_EXPORTER_OTLP_HEADERS" = "", Secret,
        "Headers for that collector, as `name=value` between commas, values percent-encoded.";
}

/// Names that belong to the shop, but to features that this version does not have yet; a `*` stands for any ending.
/// They are accepted, so that one file of settings can serve old, present and coming versions.
pub(crate) const NOT_YET: &[&str] = &["APP_WORKERS", "COOKIE_*", "PHONE_ALLOWED_PREFIXES"];

/// What a name means to this version.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Meaning {
    /// A setting of the table.
    Used(&'static Setting),
    /// Accepted, without effect.
    NotYet,
    /// Not a name of the shop.
    Unknown,
}

/// Looks a name up; case does not matter.
pub(crate) fn look_up(name: &str) -> Meaning {
    let name = name.to_ascii_uppercase();
    if let Some(setting) = USED.iter().find(|setting| setting.name == name) {
        return Meaning::Used(setting);
    }
    let matches = |pattern: &&&str| match pattern.strip_suffix('*') {
        Some(start) => name.len() > start.len() && name.starts_with(start),
        None => name == **pattern,
    };
    if NOT_YET.iter().any(|pattern| matches(&pattern)) { Meaning::NotYet } else { Meaning::Unknown }
}

/// The name that was probably meant.
pub(crate) fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_uppercase();
    let exact = NOT_YET.iter().copied().filter(|pattern| !pattern.ends_with('*'));
    USED.iter()
        .map(|setting| setting.name)
        .chain(exact)
        .map(|known| (strsim::jaro_winkler(&name, known), known))
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .filter(|(likeness, _)| *likeness > 0.84)
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_patterns_need_an_ending() {
        assert!(matches!(look_up("workers"), Meaning::Used(s) if s.name == "WORKERS"));
        assert!(matches!(look_up("Cookie_Domain"), Meaning::NotYet));
        assert!(matches!(look_up("cookie_"), Meaning::Unknown));
        assert!(matches!(look_up("PATH"), Meaning::Unknown));
    }

    #[test]
    fn each_name_stands_once_and_every_default_keeps_its_own_rule() {
        for (i, setting) in USED.iter().enumerate() {
            assert!(USED[..i].iter().all(|other| other.name != setting.name), "{}", setting.name);
            assert!(!setting.help.is_empty() && setting.help.ends_with('.'), "{}", setting.name);
            if let (Number(low, high), false) = (setting.kind, setting.default.is_empty()) {
                let default: i64 = setting.default.parse().expect("a number");
                assert!((low..=high).contains(&default), "{}", setting.name);
            }
        }
    }

    #[test]
    fn a_slip_of_the_pen_is_understood() {
        assert_eq!(nearest("RATE_LIMT_REQUESTS"), Some("RATE_LIMIT_REQUESTS"));
        assert_eq!(nearest("slippers_liste"), Some("SLIPPERS_LISTEN"));
        assert_eq!(nearest("zzz"), None);
    }
}
