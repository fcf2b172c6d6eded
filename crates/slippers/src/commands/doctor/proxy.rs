//! What stands in front, seen from where the buyers are.

use std::net::ToSocketAddrs as _;

use super::{Check, Finding, State};
use crate::commands::healthcheck;

/// Whether the proxy passes paths on as they are.
pub(super) fn slashes(url: Option<&str>) -> Finding {
    let check = Check {
        id: "proxy.slashes",
        threshold: "200 at /health/live and 404 at //health//live, by way of the public address",
        why: "a proxy that merges slashes changes paths that gateways sign, and hides one page behind many",
    };
    let Some(url) = url else { return check.skipped("no public address was named (--url)") };
    let (is_tls, rest) = match url.split_once("://") {
        Some(("https", rest)) => (true, rest),
        Some(("http", rest)) => (false, rest),
        _ => return check.found(State::Fail, format!("{url:?} is no address"), "write --url https://HOST"),
    };
    let host = rest.trim_end_matches('/');
    let with_port = match host.rsplit_once(':') {
        Some((_, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host.to_owned(),
        _ => format!("{host}:{}", if is_tls { 443 } else { 80 }),
    };
    let found = with_port
        .to_socket_addrs()
        .and_then(|mut all| all.next().ok_or_else(|| std::io::Error::other("no address")));
    let asked = found.and_then(|address| {
        let ask = |path| healthcheck::ask_for(address, host, path, healthcheck::PATIENCE, is_tls);
        Ok((ask("/health/live")?, ask("//health//live")?))
    });
    match asked {
        Ok((200, 404)) => check.ok(format!("{host} passes paths on as they are")),
        Ok((200, merged)) => check.found(
            State::Fail,
            format!("//health//live is answered {merged}"),
            "merge_slashes off; and proxy_pass without a path (slippers deploy nginx)",
        ),
        Ok((status, _)) => check.found(
            State::Fail,
            format!("{host} answers {status} at /health/live"),
            "see the proxy's error log, and that it leads to SLIPPERS_LISTEN",
        ),
        Err(error) => check.found(State::Fail, format!("{host}: {error}"), "see that the proxy runs"),
    }
}
