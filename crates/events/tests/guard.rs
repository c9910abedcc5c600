//! No spelling of an address that is not for the public gets past the guard.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use trunkline_events::{AddressClass, Endpoint, Guard, GuardError, Loopback};

/// Judges a URL by itself, with the guard of a production exchange.
fn passes(url: &str) -> bool {
    url.parse::<Endpoint>().is_ok_and(|endpoint| Guard::default().admit(&endpoint).is_ok())
}

#[test]
fn addresses_and_names_of_this_machine_and_its_networks_are_refused() {
    let hosts = [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "168.63.129.16",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "sub.localhost",
        "sub.localhost.",
        "localhost.localdomain",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "0x7f.1",
        "127.1",
        "127.0.1",
        "0177.0.0.0x1",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "①②⑦.⓪.⓪.①",
        "１２７。０。０。１",
        "lo\u{ad}calhost",
        "ｌｏｃａｌｈｏｓｔ",
    ];
    for host in hosts {
        assert!(!passes(&format!("https://{host}/")), "{host}");
        assert!(!passes(&format!("https://{host}:8443/hook")), "{host}");
    }
}

#[test]
fn public_addresses_and_names_pass() {
    for url in [
        "https://93.184.215.14/",
        "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/",
        "https://hooks.example.com/x",
        "https://localhost.example.com/",
        "https://mylocalhost/",
        "https://10.example.com/",
    ] {
        assert!(passes(url), "{url}");
    }
}

#[test]
fn a_connection_without_tls_is_for_this_machine_in_development_only() {
    let judge = |loopback, url: &str| Guard::new(loopback).admit(&url.parse().unwrap());
    let public = "http://hooks.example.com/";
    assert_eq!(judge(Loopback::Refused, public), Err(GuardError::NotHttps));
    assert_eq!(judge(Loopback::Allowed, public), Err(GuardError::NotHttps));
    let loopback = Err(GuardError::Address { class: AddressClass::Loopback });
    for url in ["http://127.0.0.1:9/", "https://[::1]/", "http://localhost./"] {
        assert_eq!(judge(Loopback::Refused, url), loopback, "{url}");
        assert_eq!(judge(Loopback::Allowed, url), Ok(()), "{url}");
    }
    for url in ["https://10.0.0.1/", "http://169.254.169.254/", "https://[::ffff:127.0.0.1]/"] {
        assert!(judge(Loopback::Allowed, url).is_err(), "{url}");
    }
}

/// One part of an address in one of the spellings that C libraries read: decimal, octal or
/// hexadecimal, with any number of leading zeros.
fn part(value: u64, spelling: u8, zeros: usize) -> String {
    let zeros = "0".repeat(zeros);
    match spelling % 4 {
        0 => format!("{value}"),
        1 => format!("0{zeros}{value:o}"),
        2 => format!("0x{zeros}{value:x}"),
        _ => format!("0X{zeros}{value:X}"),
    }
}

/// Spells an address with one to four parts, of which the last one holds what is left.
fn spell(address: Ipv4Addr, parts: usize, spellings: [u8; 4], zeros: usize) -> String {
    let octets = address.octets().map(u64::from);
    let (first, rest) = octets.split_at(parts - 1);
    let last = rest.iter().fold(0, |sum, octet| sum << 8 | octet);
    let values = first.iter().copied().chain([last]);
    let spelled: Vec<_> =
        values.zip(spellings).map(|(value, spelling)| part(value, spelling, zeros)).collect();
    spelled.join(".")
}

/// Reads an address as C libraries do.
fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let parts: Vec<&str> = text.split('.').collect();
    let (last, first) = parts.split_last()?;
    let number = |part: &str| {
        let lower = part.to_ascii_lowercase();
        match lower.strip_prefix("0x") {
            Some("") => Some(0),
            Some(hex) => u64::from_str_radix(hex, 16).ok(),
            None if lower.len() > 1 && lower.starts_with('0') => {
                u64::from_str_radix(&lower, 8).ok()
            }
            None => lower.parse().ok(),
        }
    };
    let room = 4_usize.checked_sub(first.len())?;
    let last = number(last).filter(|last| *last < 1 << (8 * room))?;
    let mut bits = 0_u64;
    for part in first {
        bits = bits << 8 | number(part).filter(|part| *part < 256)?;
    }
    let bits = bits << (8 * room) | last;
    u32::try_from(bits).ok().map(Ipv4Addr::from_bits)
}

/// An address that is not for the public, by what the standard library knows: an oracle of its own.
fn is_plainly_special(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.is_documentation()
                || v4.octets()[0] == 0
        }
        IpAddr::V6(v6) => {
            v6.to_ipv4().is_some()
                || v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
        }
    }
}

fn special_v4() -> impl Strategy<Value = Ipv4Addr> {
    let within = |base: [u8; 4], length: u32| {
        any::<u32>().prop_map(move |bits| {
            let mask = u32::MAX >> length;
            Ipv4Addr::from_bits(Ipv4Addr::from(base).to_bits() | bits & mask)
        })
    };
    prop_oneof![
        within([0, 0, 0, 0], 8),
        within([10, 0, 0, 0], 8),
        within([100, 64, 0, 0], 10),
        within([127, 0, 0, 0], 8),
        within([169, 254, 0, 0], 16),
        within([172, 16, 0, 0], 12),
        within([192, 168, 0, 0], 16),
        within([198, 18, 0, 0], 15),
        within([224, 0, 0, 0], 4),
        within([240, 0, 0, 0], 4),
        Just(Ipv4Addr::new(169, 254, 169, 254)),
        Just(Ipv4Addr::new(127, 0, 0, 1)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn no_spelling_of_a_special_address_passes(
        address in special_v4(),
        parts in 1_usize..=4,
        spellings in any::<[u8; 4]>(),
        zeros in 0_usize..4,
        trailing_dot in any::<bool>(),
        encoded in any::<u32>(),
    ) {
        let mut host = spell(address, parts, spellings, zeros);
        prop_assert_eq!(inet_aton(&host), Some(address), "the spelling is one of the address");
        let plain = format!("https://{host}/");
        prop_assert!(!passes(&plain), "{}", plain);
        if trailing_dot {
            host.push('.');
        }
        let escaped: String = host
            .bytes()
            .enumerate()
            .map(|(place, byte)| match encoded >> (place % 32) & 1 {
                0 => char::from(byte).to_string(),
                _ => format!("%{byte:02x}"),
            })
            .collect();
        let wide: String = host
            .chars()
            .map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap())
            .collect();
        for host in [&host, &escaped, &wide] {
            for url in [
                format!("https://{host}/"),
                format!("https://{host}:443/x?y"),
                format!("https:\\\\{host}/"),
                format!("https://example.com@{host}/"),
                format!("https://{host}\\@example.com/"),
                format!("https://{host}\t/"),
                format!("\u{0}https://{host}/"),
            ] {
                prop_assert!(!passes(&url), "{}", url);
            }
        }
    }

    #[test]
    fn no_ipv6_address_with_a_special_one_within_passes(
        address in special_v4(),
        prefix in 0_usize..5,
        expanded in any::<bool>(),
    ) {
        let bits = u128::from(address.to_bits());
        let base: Ipv6Addr = ["::", "::ffff:0:0", "64:ff9b::", "2002::", "::ffff:0:0:0"][prefix]
            .parse()
            .unwrap();
        let bits = if prefix == 3 { bits << 80 } else { bits };
        let address = Ipv6Addr::from_bits(base.to_bits() | bits);
        let spelled = if expanded {
            address.segments().map(|segment| format!("{segment:04X}")).join(":")
        } else {
            address.to_string()
        };
        let url = format!("https://[{spelled}]/");
        prop_assert!(!passes(&url), "{}", url);
    }

    #[test]
    fn whatever_passes_is_read_alike_by_every_parser_and_is_public(
        host in prop_oneof![
            "[0-9a-fA-FxX.]{1,24}",
            "[0-9]{1,3}(\\.[0-9]{1,3}){0,4}\\.?",
            "\\[[0-9a-f:.]{2,40}\\]",
            "\\PC{1,24}",
        ],
    ) {
        let url = format!("https://{host}/");
        if !passes(&url) {
            return Ok(());
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>() {
            prop_assert!(!is_plainly_special(address), "{}", host);
            prop_assert_eq!(AddressClass::of(address), None);
        } else {
            prop_assert_eq!(inet_aton(&host), None, "{} is an address to others", host);
        }
    }

    #[test]
    fn any_text_is_judged_without_panic(text in "\\PC{0,64}") {
        passes(&text);
        passes(&format!("https://{text}"));
        passes(&format!("https://example.com{text}"));
    }

    #[test]
    fn the_table_knows_whatever_the_standard_library_knows(
        bits in any::<u128>(),
        is_v6 in any::<bool>(),
    ) {
        let address = if is_v6 {
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        } else {
            IpAddr::V4(Ipv4Addr::from_bits(bits as u32))
        };
        if is_plainly_special(address) {
            prop_assert!(AddressClass::of(address).is_some(), "{}", address);
        }
    }
}
