//! The certificate: how long it is good for, and whether the shop shows the one in the file.

use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{Check, Finding, State};
use crate::commands::healthcheck;
use crate::config::Config;
use crate::{greeting, wire};

/// Authorities renew a month before the end: something is wrong when less than three weeks are left.
const DAYS: i64 = 21;

const EXPIRY: Check = Check {
    id: "tls.expiry",
    threshold: "good for 21 days or more",
    why: "with an expired certificate nobody gets in",
};
const SHOWN: Check = Check {
    id: "tls.shown",
    threshold: "the shop shows the certificate of TLS_CERT",
    why: "a renewed certificate counts once it is shown",
};

pub(super) fn look(config: &Config) -> [Finding; 2] {
    let Some(files) = &config.tls else {
        return [&EXPIRY, &SHOWN]
            .map(|check| check.skipped("the shop speaks plain HTTP (TLS_CERT is not set)"));
    };
    let tls = match files.load() {
        Ok(tls) => tls,
        Err(problem) => {
            let failure = crate::failure::Failure::from(problem).to_string();
            let (what, fix) = failure.split_once("\n  Fix: ").unwrap_or((&failure, "see what it says"));
            return [EXPIRY.found(State::Fail, what, fix), SHOWN.skipped("there is none in the file")];
        }
    };
    let now = wire::clock().now().micros() / 1_000_000;
    [expiry(tls.certificate(), now), shown(config, tls.certificate())]
}

/// `now` in seconds since 1970.
fn expiry(certificate: &[u8], now: i64) -> Finding {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return EXPIRY.found(
            State::Fail,
            "the certificate can't be read",
            "get a new one from the authority",
        );
    };
    let fix = "renew it (certbot renew, say), then systemctl reload slippers";
    let left = certificate.validity().not_after.timestamp() - now;
    match left.div_euclid(86_400) {
        days if days < 0 => EXPIRY.found(State::Fail, format!("it ended {} days ago", -days), fix),
        days if days < DAYS => EXPIRY.found(State::Warn, format!("it ends in {days} days"), fix),
        days => EXPIRY.ok(format!("it ends in {days} days")),
    }
}

fn shown(config: &Config, certificate: &[u8]) -> Finding {
    let address = healthcheck::reachable(config.listen);
    let greeted = std::net::TcpStream::connect_timeout(&address, healthcheck::PATIENCE).and_then(|stream| {
        stream.set_read_timeout(Some(healthcheck::PATIENCE))?;
        stream.set_write_timeout(Some(healthcheck::PATIENCE))?;
        greeting::tls(stream)
    });
    match greeted {
        Err(error) => SHOWN.skipped(format!("{address}: {error}")),
        Ok(stream) => match stream.conn.peer_certificates().and_then(|chain| chain.first()) {
            Some(shown) if shown.as_ref() == certificate => SHOWN.ok("it does"),
            _ => SHOWN.found(State::Warn, "it shows another", "systemctl reload slippers (or kill -HUP)"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_told_before_it_ends() {
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a name");
        params.not_after = rcgen::date_time_ymd(2030, 1, 31);
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let end = 1_896_048_000;
        let state = |days: i64| expiry(certificate.der(), end - days * 86_400).state;
        assert_eq!(
            [state(300), state(21), state(20), state(1), state(-1)].map(State::word),
            ["ok", "ok", "warn", "warn", "fail"]
        );
        assert_eq!(expiry(b"nonsense", 0).state, State::Fail);
    }
}
