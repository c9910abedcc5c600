//! What an address is for, where it is not for the public: the special-purpose registries as a table.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// What an address that is not for the public is for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum AddressClass {
    /// Tests of devices: 198.18.0.0/15.
    Benchmarking,
    /// The customers of one provider: 100.64.0.0/10.
    CarrierGradeNat,
    /// Examples in documents.
    Documentation,
    /// An IPv4 address within an IPv6 one, which may lead where the former leads.
    Ipv4Within,
    /// One link: 169.254.0.0/16, fe80::/10.
    LinkLocal,
    /// The machine itself: 127.0.0.0/8, ::1.
    Loopback,
    /// The service that tells machines of a cloud their secrets.
    Metadata,
    /// Groups of machines.
    Multicast,
    /// One organization: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16.
    Private,
    /// Nothing, or nothing yet.
    Reserved,
    /// One organization: fc00::/7.
    UniqueLocal,
    /// No address at all, which some systems take for the machine itself: 0.0.0.0/8, ::.
    Unspecified,
}

impl AddressClass {
    /// Returns what an address is for; `None` if it is for the public.
    pub fn of(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }

    /// Returns the words for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Benchmarking => "an address for benchmarks",
            Self::CarrierGradeNat => "an address of carrier-grade NAT",
            Self::Documentation => "an address for documentation",
            Self::Ipv4Within => "an IPv4 address within an IPv6 one",
            Self::LinkLocal => "a link-local address",
            Self::Loopback => "a loopback address",
            Self::Metadata => "a metadata service",
            Self::Multicast => "a multicast address",
            Self::Private => "a private address",
            Self::Reserved => "a reserved address",
            Self::UniqueLocal => "a unique local address",
            Self::Unspecified => "the unspecified address",
        }
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

fn of_v4(address: Ipv4Addr) -> Option<AddressClass> {
    let bits = address.to_bits();
    let row = V4.iter().find(|(base, length, _)| {
        let mask = u32::MAX << (32 - length);
        bits & mask == base.to_bits()
    });
    row.map(|(_, _, class)| *class)
}

fn of_v6(address: Ipv6Addr) -> Option<AddressClass> {
    let bits = address.to_bits();
    if bits >> 32 == NAT64.to_bits() >> 32 {
        // A network without IPv4 reaches the public through this prefix, and what is behind it.
        return of_v4(Ipv4Addr::from_bits(bits as u32));
    }
    let row = V6.iter().find(|(base, length, _)| {
        let mask = u128::MAX << (128 - length);
        bits & mask == base.to_bits()
    });
    match row {
        Some((_, _, class)) => Some(*class),
        // Only 2000::/3 is assigned to the public.
        None if bits >> 125 == 0b001 => None,
        None => Some(AddressClass::Reserved),
    }
}

/// The prefix of [RFC 6052 §2.1](https://www.rfc-editor.org/rfc/rfc6052#section-2.1).
const NAT64: Ipv6Addr = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);

const fn v4(a: u8, b: u8, c: u8, d: u8) -> Ipv4Addr {
    Ipv4Addr::new(a, b, c, d)
}

/// The [IANA IPv4 Special-Purpose Address Registry](https://www.iana.org/assignments/iana-ipv4-special-registry/),
/// multicast and class E, and before them the addresses where clouds keep their metadata. The first
/// row that fits decides.
const V4: [(Ipv4Addr, u32, AddressClass); 21] = [
    (v4(169, 254, 169, 254), 32, AddressClass::Metadata),
    (v4(168, 63, 129, 16), 32, AddressClass::Metadata),
    (v4(100, 100, 100, 200), 32, AddressClass::Metadata),
    (v4(192, 0, 0, 192), 32, AddressClass::Metadata),
    (v4(0, 0, 0, 0), 8, AddressClass::Unspecified),
    (v4(10, 0, 0, 0), 8, AddressClass::Private),
    (v4(100, 64, 0, 0), 10, AddressClass::CarrierGradeNat),
    (v4(127, 0, 0, 0), 8, AddressClass::Loopback),
    (v4(169, 254, 0, 0), 16, AddressClass::LinkLocal),
    (v4(172, 16, 0, 0), 12, AddressClass::Private),
    (v4(192, 0, 0, 0), 24, AddressClass::Reserved),
    (v4(192, 0, 2, 0), 24, AddressClass::Documentation),
    (v4(192, 31, 196, 0), 24, AddressClass::Reserved),
    (v4(192, 52, 193, 0), 24, AddressClass::Reserved),
    (v4(192, 88, 99, 0), 24, AddressClass::Reserved),
    (v4(192, 168, 0, 0), 16, AddressClass::Private),
    (v4(198, 18, 0, 0), 15, AddressClass::Benchmarking),
    (v4(198, 51, 100, 0), 24, AddressClass::Documentation),
    (v4(203, 0, 113, 0), 24, AddressClass::Documentation),
    (v4(224, 0, 0, 0), 4, AddressClass::Multicast),
    (v4(240, 0, 0, 0), 4, AddressClass::Reserved),
];

const fn v6(a: u16, b: u16) -> Ipv6Addr {
    Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0)
}

/// The [IANA IPv6 Special-Purpose Address Registry](https://www.iana.org/assignments/iana-ipv6-special-registry/)
/// and multicast, as [`V4`].
const V6: [(Ipv6Addr, u32, AddressClass); 15] = [
    (Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), 128, AddressClass::Metadata),
    (Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), 128, AddressClass::Metadata),
    (Ipv6Addr::LOCALHOST, 128, AddressClass::Loopback),
    (Ipv6Addr::UNSPECIFIED, 128, AddressClass::Unspecified),
    // Mapped, translated and compatible addresses.
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, AddressClass::Ipv4Within),
    (Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), 96, AddressClass::Ipv4Within),
    (Ipv6Addr::UNSPECIFIED, 96, AddressClass::Ipv4Within),
    // Teredo and 6to4; the rest of 2001::/23 is for protocols.
    (v6(0x2001, 0), 32, AddressClass::Ipv4Within),
    (v6(0x2002, 0), 16, AddressClass::Ipv4Within),
    (v6(0x2001, 0), 23, AddressClass::Reserved),
    (v6(0x2001, 0xdb8), 32, AddressClass::Documentation),
    (v6(0x3fff, 0), 20, AddressClass::Documentation),
    (v6(0xfc00, 0), 7, AddressClass::UniqueLocal),
    (v6(0xfe80, 0), 10, AddressClass::LinkLocal),
    (v6(0xff00, 0), 8, AddressClass::Multicast),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edges_of_each_range_are_told_apart() {
        let cases = [
            ("0.0.0.0", Some(AddressClass::Unspecified)),
            ("0.255.255.255", Some(AddressClass::Unspecified)),
            ("1.0.0.0", None),
            ("9.255.255.255", None),
            ("10.0.0.0", Some(AddressClass::Private)),
            ("10.255.255.255", Some(AddressClass::Private)),
            ("11.0.0.0", None),
            ("100.63.255.255", None),
            ("100.64.0.0", Some(AddressClass::CarrierGradeNat)),
            ("100.100.100.200", Some(AddressClass::Metadata)),
            ("100.127.255.255", Some(AddressClass::CarrierGradeNat)),
            ("100.128.0.0", None),
            ("126.255.255.255", None),
            ("127.0.0.1", Some(AddressClass::Loopback)),
            ("127.255.255.255", Some(AddressClass::Loopback)),
            ("128.0.0.0", None),
            ("168.63.129.16", Some(AddressClass::Metadata)),
            ("169.254.0.0", Some(AddressClass::LinkLocal)),
            ("169.254.169.254", Some(AddressClass::Metadata)),
            ("169.255.0.0", None),
            ("172.15.255.255", None),
            ("172.16.0.0", Some(AddressClass::Private)),
            ("172.31.255.255", Some(AddressClass::Private)),
            ("172.32.0.0", None),
            ("192.0.0.192", Some(AddressClass::Metadata)),
            ("192.167.255.255", None),
            ("192.168.0.0", Some(AddressClass::Private)),
            ("192.169.0.0", None),
            ("198.17.255.255", None),
            ("198.19.255.255", Some(AddressClass::Benchmarking)),
            ("203.0.113.7", Some(AddressClass::Documentation)),
            ("223.255.255.255", None),
            ("224.0.0.1", Some(AddressClass::Multicast)),
            ("255.255.255.255", Some(AddressClass::Reserved)),
            ("::", Some(AddressClass::Unspecified)),
            ("::1", Some(AddressClass::Loopback)),
            ("::2", Some(AddressClass::Ipv4Within)),
            ("::127.0.0.1", Some(AddressClass::Ipv4Within)),
            ("::ffff:8.8.8.8", Some(AddressClass::Ipv4Within)),
            ("::ffff:0:127.0.0.1", Some(AddressClass::Ipv4Within)),
            ("64:ff9b::8.8.8.8", None),
            ("64:ff9b::127.0.0.1", Some(AddressClass::Loopback)),
            ("64:ff9b::169.254.169.254", Some(AddressClass::Metadata)),
            ("64:ff9b:1::1", Some(AddressClass::Reserved)),
            ("100::1", Some(AddressClass::Reserved)),
            ("2001::1", Some(AddressClass::Ipv4Within)),
            ("2001:2::1", Some(AddressClass::Reserved)),
            ("2001:db8::1", Some(AddressClass::Documentation)),
            ("2001:4860:4860::8888", None),
            ("2002:7f00:1::", Some(AddressClass::Ipv4Within)),
            ("2606:2800:21f::1", None),
            ("3fff::1", Some(AddressClass::Documentation)),
            ("4000::1", Some(AddressClass::Reserved)),
            ("5f00::1", Some(AddressClass::Reserved)),
            ("fc00::1", Some(AddressClass::UniqueLocal)),
            ("fd00:ec2::254", Some(AddressClass::Metadata)),
            ("fdff::1", Some(AddressClass::UniqueLocal)),
            ("fe80::1", Some(AddressClass::LinkLocal)),
            ("fec0::1", Some(AddressClass::Reserved)),
            ("ff02::1", Some(AddressClass::Multicast)),
        ];
        for (text, expected) in cases {
            assert_eq!(AddressClass::of(text.parse().unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn bases_of_the_tables_have_no_bits_below_their_masks() {
        for (base, length, _) in V4 {
            assert_eq!(base.to_bits() & !(u32::MAX << (32 - length)), 0, "{base}/{length}");
        }
        for (base, length, _) in V6 {
            let below = if length == 128 { 0 } else { u128::MAX >> length };
            assert_eq!(base.to_bits() & below, 0, "{base}/{length}");
        }
    }
}
