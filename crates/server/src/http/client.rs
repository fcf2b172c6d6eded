//! Who sends a request: the address behind trusted proxies, and the key that limits count by.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::{HeaderMap, HeaderName};
use slippers_core::types::UserId;

use crate::settings::Network;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address that a request came from, as [`client_address`] found it. The stack leaves it to the handlers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// The client's address.
///
/// The socket's peer is the only thing that nobody can invent. `X-Forwarded-For` counts only when the peer is a trusted
/// proxy, and is then walked from the right, all its lines taken as one list, because each proxy appends whom it saw:
/// trusted hops are passed over, the first other address is the client. What stands further left was written by the
/// client itself. Something that is no address ends the walk at the last trusted hop, as does the end of the list.
///
/// Every other forwarding header is ignored. IPv4 addresses mapped into IPv6 come out as IPv4.
pub(crate) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut last_hop = peer.to_canonical();
    if !is_trusted(last_hop) {
        return last_hop;
    }
    let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
    for entry in lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')) {
        let entry = entry.trim_ascii();
        // Empty members of a list are to be passed over (RFC 9110 section 5.6.1.2).
        if entry.is_empty() {
            continue;
        }
        let Some(address) = parse_hop(entry) else { return last_hop };
        last_hop = address;
        if !is_trusted(address) {
            return address;
        }
    }
    last_hop
}

/// Reads `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`.
fn parse_hop(entry: &[u8]) -> Option<IpAddr> {
    let entry = str::from_utf8(entry).ok()?;
    let bare = entry.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    let address = match bare {
        Some(inside) => inside.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => entry.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|socket| socket.ip())),
    };
    address.map(|address| address.to_canonical())
}

/// By which limits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ClientKey {
    /// Somebody who is signed in, wherever they are.
    User(UserId),
    /// One IPv4 address.
    V4(u32),
    /// The upper half of an IPv6 address: whoever has one address has the rest of its /64 too (RFC 6177).
    V6(u64),
}

impl ClientKey {
    /// The key of somebody who is signed in.
    pub(crate) const fn user(user: UserId) -> Self {
        Self::User(user)
    }

    /// The key of somebody who is known by their address alone.
    pub(crate) fn address(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.to_bits()),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments().map(u64::from);
                Self::V6(a << 48 | b << 32 | c << 16 | d)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    /// The address of a client whose request came from `peer` with these `X-Forwarded-For` lines, behind proxies at
    /// 10.0.0.0/8 and fd00::/8.
    fn seen(peer: &str, lines: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|text| Network::parse(text).expect("a network"));
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(line.as_bytes()).expect("a value"));
        }
        for (name, value) in
            [("forwarded", "for=6.6.6.6"), ("x-real-ip", "6.6.6.6"), ("cf-connecting-ip", "6.6.6.6")]
        {
            headers.insert(name, HeaderValue::from_static(value));
        }
        client_address(address(peer), &headers, &trusted).to_string()
    }

    #[test]
    fn a_header_from_a_stranger_is_not_believed() {
        assert_eq!(seen("203.0.113.9", &["1.2.3.4"]), "203.0.113.9");
        assert_eq!(seen("203.0.113.9", &["10.0.0.1"]), "203.0.113.9");
        assert_eq!(seen("2001:db8::9", &["fd00::1"]), "2001:db8::9");
    }

    #[test]
    fn a_trusted_proxy_names_the_client() {
        assert_eq!(seen("10.0.0.1", &["1.2.3.4"]), "1.2.3.4");
        assert_eq!(seen("10.0.0.1", &["1.2.3.4, 10.0.0.7,10.0.0.8"]), "1.2.3.4");
        assert_eq!(seen("fd00::1", &["2001:db8::5"]), "2001:db8::5");
    }

    #[test]
    fn what_the_client_wrote_itself_stays_unheard() {
        assert_eq!(seen("10.0.0.1", &["6.6.6.6, 1.2.3.4"]), "1.2.3.4");
        assert_eq!(seen("10.0.0.1", &["127.0.0.1, 10.0.0.9, 1.2.3.4, 10.0.0.2"]), "1.2.3.4");
        assert_eq!(seen("10.0.0.1", &["<script>, 1.2.3.4"]), "1.2.3.4");
        assert_eq!(seen("10.0.0.1", &[&format!("{}1.2.3.4", "6.6.6.6,".repeat(500))]), "1.2.3.4");
    }

    #[test]
    fn lines_make_one_list() {
        assert_eq!(seen("10.0.0.1", &["6.6.6.6", "1.2.3.4", "10.0.0.2"]), "1.2.3.4");
        assert_eq!(seen("10.0.0.1", &["6.6.6.6, 1.2.3.4", "10.0.0.3, 10.0.0.2"]), "1.2.3.4");
    }

    #[test]
    fn without_an_untrusted_hop_the_farthest_one_is_meant() {
        assert_eq!(seen("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    }

    #[test]
    fn something_that_is_no_address_ends_the_walk() {
        for junk in
            ["unknown", "_hidden", "1.2.3", "1.2.3.4.5", "host:80", "\"1.2.3.4\"", "fe80::1%eth0", "ø"]
        {
            assert_eq!(seen("10.0.0.1", &[&format!("1.2.3.4, {junk}, 10.0.0.2")]), "10.0.0.2", "{junk}");
            assert_eq!(seen("10.0.0.1", &[junk]), "10.0.0.1", "{junk}");
        }
        for junk in ["[1.2.3.4]", "[::1", "::1]", "[::1]:99999", "1.2.3.4:", "010.0.0.1"] {
            assert_eq!(seen("10.0.0.1", &[junk]), "10.0.0.1", "{junk}");
        }
    }

    #[test]
    fn ports_brackets_blanks_and_empty_members_are_tolerated() {
        for entry in
            ["1.2.3.4", "1.2.3.4:80", " \t1.2.3.4 ", ",1.2.3.4,,", "::ffff:1.2.3.4", "[::ffff:1.2.3.4]:80"]
        {
            assert_eq!(seen("10.0.0.1", &[entry]), "1.2.3.4", "{entry}");
        }
        for entry in ["2001:db8::5", "[2001:db8::5]", "[2001:DB8::5]:443", "2001:db8:0::5"] {
            assert_eq!(seen("10.0.0.1", &[entry]), "2001:db8::5", "{entry}");
        }
    }

    #[test]
    fn mapped_addresses_are_the_ipv4_ones() {
        assert_eq!(seen("::ffff:10.0.0.1", &["::ffff:1.2.3.4, ::ffff:10.0.0.2"]), "1.2.3.4");
        assert_eq!(seen("::ffff:203.0.113.9", &["1.2.3.4"]), "203.0.113.9");
    }

    #[test]
    fn a_key_is_an_ipv4_address_a_64_or_a_user() {
        let key = |text| ClientKey::address(address(text));
        assert_eq!(key("1.2.3.4"), ClientKey::V4(0x0102_0304));
        assert_eq!(key("::ffff:1.2.3.4"), key("1.2.3.4"));
        assert_ne!(key("1.2.3.4"), key("1.2.3.5"));
        assert_eq!(key("2001:db8:1:2::1"), ClientKey::V6(0x2001_0db8_0001_0002));
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_ne!(key("::1.2.3.4"), key("1.2.3.4"));
        assert_ne!(ClientKey::User(UserId::new(0x0102_0304)), key("1.2.3.4"));
    }
}
