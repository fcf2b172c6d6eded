//! Texts to values. Each fault is a half sentence that goes on after the setting's name.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// `true` or `false` in the words that the old shop took.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" | "t" | "y" => Some(true),
        "false" | "0" | "no" | "off" | "f" | "n" => Some(false),
        _ => None,
    }
}

/// The values between commas, trimmed; empty ones are left out.
pub(super) fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// An address without a port; `localhost` is 127.0.0.1.
pub(super) fn host(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("localhost") {
        return Some(Ipv4Addr::LOCALHOST.into());
    }
    text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text).parse().ok()
}

/// An address and a port.
pub(super) fn address(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    text.parse().ok().or_else(|| {
        let (name, port) = text.rsplit_once(':')?;
        // An IPv6 address needs its brackets, else its last group would be taken for the port.
        if name.contains(':') { None } else { Some(SocketAddr::new(host(name)?, port.parse().ok()?)) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_port() {
        for (text, full) in [
            ("127.0.0.1:8000", "127.0.0.1:8000"),
            ("localhost:80", "127.0.0.1:80"),
            ("[::1]:0", "[::1]:0"),
            (" 0.0.0.0:65535 ", "0.0.0.0:65535"),
        ] {
            assert_eq!(address(text).map(|a| a.to_string()).as_deref(), Some(full), "{text}");
        }
        for text in ["8000", ":8000", "::1:8000", "127.0.0.1", "127.0.0.1:65536", "example.uz:80", ""] {
            assert_eq!(address(text), None, "{text}");
        }
    }
}
