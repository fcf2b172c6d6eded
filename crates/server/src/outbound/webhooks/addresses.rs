//! Which addresses webhooks may go to: none inside of a network that a stranger can't reach, so that nobody makes the shop
//! ask its own neighbours (SSRF).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::settings::Network;

/// IPv4 addresses that are nobody's on the internet: <https://www.iana.org/assignments/iana-ipv4-special-registry>.
const SPECIAL_V4: [&str; 15] = [
    "0.0.0.0/8",       // this network
    "10.0.0.0/8",      // private
    "100.64.0.0/10",   // shared by a provider's customers; some clouds' metadata
    "127.0.0.0/8",     // loopback
    "169.254.0.0/16",  // link-local; most clouds' metadata
    "172.16.0.0/12",   // private
    "192.0.0.0/24",    // protocols; some clouds' metadata
    "192.0.2.0/24",    // documentation
    "192.88.99.0/24",  // relays of 6to4
    "192.168.0.0/16",  // private
    "198.18.0.0/15",   // benchmarks
    "198.51.100.0/24", // documentation
    "203.0.113.0/24",  // documentation
    "224.0.0.0/4",     // multicast
    "240.0.0.0/4",     // reserved, and broadcast
];

/// What is nobody's of the one range that IPv6 has given out, 2000::/3:
/// <https://www.iana.org/assignments/iana-ipv6-special-registry>.
const SPECIAL_V6: [&str; 4] = [
    "2001::/23",     // protocols, Teredo among them
    "2001:db8::/32", // documentation
    "2002::/16",     // 6to4, which leads to an IPv4 address
    "3fff::/20",     // documentation
];

/// Addresses that webhooks may go to.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    special_v4: Vec<Network>,
    special_v6: Vec<Network>,
    allowed: Vec<Network>,
}

impl Addresses {
    /// All that are public, and these networks.
    pub(super) fn public_and(allowed: Vec<Network>) -> Self {
        let networks = |texts: &[&str]| texts.iter().filter_map(|text| Network::parse(text).ok()).collect();
        Self { special_v4: networks(&SPECIAL_V4), special_v6: networks(&SPECIAL_V6), allowed }
    }

    /// Whether a webhook may go there.
    pub(super) fn admit(&self, address: IpAddr) -> bool {
        let address = real(address);
        let is_in = |networks: &[Network]| networks.iter().any(|network| network.contains(address));
        if is_in(&self.allowed) {
            return true;
        }
        match address {
            IpAddr::V4(_) => !is_in(&self.special_v4),
            IpAddr::V6(v6) => v6.segments()[0] & 0xe000 == 0x2000 && !is_in(&self.special_v6),
        }
    }
}

/// The address that one leads to: IPv4 mapped into IPv6, or behind a NAT64 (RFC 6052), is that IPv4 address.
fn real(address: IpAddr) -> IpAddr {
    const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];
    match address {
        IpAddr::V6(v6) if v6.segments()[..6] == NAT64 => last_four(v6).into(),
        other => other.to_canonical(),
    }
}

fn last_four(v6: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = v6.octets();
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(allowed: &[&str], address: &str) -> bool {
        let allowed = allowed.iter().map(|text| Network::parse(text).expect("a network")).collect();
        Addresses::public_and(allowed).admit(address.parse().expect("an address"))
    }

    #[test]
    fn the_table_is_made_of_networks() {
        let rule = Addresses::public_and(Vec::new());
        assert_eq!((rule.special_v4.len(), rule.special_v6.len()), (SPECIAL_V4.len(), SPECIAL_V6.len()));
    }

    #[test]
    fn what_is_public_is_admitted() {
        for address in
            ["8.8.8.8", "185.8.212.184", "172.32.0.1", "100.128.0.1", "2a00:1450::1", "2606:4700::1111"]
        {
            assert!(admits(&[], address), "{address}");
            assert!(!address.contains('.') || admits(&[], &format!("64:ff9b::{address}")), "{address}");
        }
    }

    #[test]
    fn neighbours_and_metadata_are_not_however_they_are_written() {
        let v4 = [
            "0.0.0.0",
            "10.0.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.18.0.1",
            "203.0.113.7",
            "224.0.0.1",
            "255.255.255.255",
        ];
        for address in v4 {
            for written in [address.to_owned(), format!("::ffff:{address}"), format!("64:ff9b::{address}")] {
                assert!(!admits(&[], &written), "{written}");
            }
        }
        let v6 = [
            "::",
            "::1",
            "::127.0.0.1",
            "fe80::1",
            "fd00:ec2::254",
            "fc00::1",
            "ff02::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2001:0:7f00:1::",
            "64:ff9b:1::7f00:1",
            "100::1",
            "5f00::1",
        ];
        for address in v6 {
            assert!(!admits(&[], address), "{address}");
        }
    }

    #[test]
    fn what_is_allowed_is_admitted_and_nothing_beside_it() {
        let allowed = ["10.1.0.0/16", "::1", "fd00::/8"];
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "::1", "fd12::1", "8.8.8.8"] {
            assert!(admits(&allowed, address), "{address}");
        }
        for address in ["10.2.0.1", "127.0.0.1", "fe80::1"] {
            assert!(!admits(&allowed, address), "{address}");
        }
    }
}
