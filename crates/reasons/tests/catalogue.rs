//! Laws of the catalogue, and a scan of the workspace for codes that it lacks.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use trunkline_reasons::{Category, EndReason, Table, entries, explain, sub_code_name};

#[test]
fn no_pair_of_codes_stands_there_twice() {
    let mut seen = BTreeSet::new();
    for entry in entries() {
        assert!(seen.insert((entry.code, entry.sub_code)), "{}/{}", entry.code, entry.sub_code);
    }
    assert!(seen.len() >= 166, "the documented tables have at least 166 pairs, not {}", seen.len());
}

#[test]
fn every_entry_has_a_table_a_meaning_and_advice() {
    for entry in entries() {
        let pair = format!("{}/{}", entry.code, entry.sub_code);
        assert!(!entry.tables.is_empty(), "{pair} stands in no table");
        assert!(!entry.meaning.is_empty() && !entry.meaning.ends_with('.'), "{pair}");
        assert!(entry.advice.ends_with('.') || entry.advice.ends_with(')'), "{pair}");
        assert_eq!(EndReason::find(entry.code, entry.sub_code).unwrap().to_string(), pair);
        assert!(!explain(&pair).unwrap().is_empty());
    }
}

#[test]
fn phone_codes_carry_the_sip_status_they_stand_for() {
    let exceptions = [(497, 560_487)];
    for entry in entries().filter(|entry| entry.tables.contains(&Table::PstnEnd)) {
        let is_phone = matches!(entry.sub_code / 1_000, 540 | 560);
        let pair = (entry.code, entry.sub_code);
        if is_phone && !exceptions.contains(&pair) {
            assert_eq!(u32::from(entry.code), entry.sub_code % 1_000, "{pair:?}");
        }
    }
}

#[test]
fn server_failures_are_the_only_server_errors() {
    for entry in entries().filter(|entry| entry.tables.contains(&Table::CallEnd)) {
        assert_ne!(entry.category, Category::UnexpectedServerError, "{entry:?}");
    }
    assert_eq!(EndReason::SERVER_FAILED.category(), Category::UnexpectedServerError);
}

#[test]
fn no_code_is_used_in_the_workspace_that_the_catalogue_lacks() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    sources_under(&crates, &mut files);
    assert!(files.len() > 20, "the scan found only {} files", files.len());
    let mut missing = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for (at, line) in text.lines().enumerate() {
            for used in pairs_in(line).into_iter().filter(|used| !is_catalogued(*used)) {
                missing.push(format!("{}:{}: {}/{}", file.display(), at + 1, used.0, used.1));
            }
            for sub_code in sub_codes_in(line).into_iter().filter(|code| !is_known(*code)) {
                missing.push(format!("{}:{}: subcode {sub_code}", file.display(), at + 1));
            }
        }
    }
    assert!(missing.is_empty(), "not in the catalogue:\n{}", missing.join("\n"));
}

#[test]
fn the_scan_sees_codes_where_they_are_written() {
    assert_eq!(
        pairs_in("rings until 487/10004 or 0/5300 (see 10/2026)"),
        [(487, 10_004), (0, 5300)]
    );
    assert_eq!(pairs_in("fanout/100/2400 127.0.0.1/4096 2026/10037 1480/10037"), []);
    assert_eq!(
        pairs_in("EndReason::find(480, 10_037) == find( 480 , 10038 )"),
        [(480, 10_037), (480, 10_038)]
    );
    assert_eq!(sub_codes_in("code: 480, sub_code: 10_037 }, \"subCode\": 5003"), [10_037, 5003]);
}

fn is_catalogued((code, sub_code): (u32, u32)) -> bool {
    u16::try_from(code).is_ok_and(|code| EndReason::find(code, sub_code).is_some())
}

fn is_known(sub_code: u32) -> bool {
    sub_code_name(sub_code).is_some() || entries().any(|entry| entry.sub_code == sub_code)
}

/// Sources of all crates but this one, whose tests have wrong codes on purpose.
fn sources_under(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !matches!(name.as_str(), "reasons" | "node_modules" | "target") {
                sources_under(&path, files);
            }
        } else if matches!(path.extension().and_then(|e| e.to_str()), Some("rs" | "js" | "ts")) {
            files.push(path);
        }
    }
}

/// Pairs written as `480/10037` or `find(480, 10_037)`. A pair is a code that is 0 or has three
/// digits, and a subcode of four to six digits or a code of a SIP-like status with subcode 0 or 7.
fn pairs_in(line: &str) -> Vec<(u32, u32)> {
    let bytes = line.as_bytes();
    let mut pairs = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let Some((code, after_code)) = number_at(bytes, at) else {
            at += 1;
            continue;
        };
        let before = at.checked_sub(1).map(|before| bytes[before]);
        let call = line[..at].trim_end().ends_with("find(");
        at = after_code;
        let separator = bytes[after_code..].iter().take_while(|b| **b == b' ').count() + after_code;
        let is_slash = bytes.get(after_code) == Some(&b'/')
            && !before.is_some_and(|b| b.is_ascii_alphanumeric() || b"./:-_".contains(&b));
        let is_comma = call && bytes.get(separator) == Some(&b',');
        if !(is_slash || is_comma) {
            continue;
        }
        let mut start = if is_slash { after_code + 1 } else { separator + 1 };
        while is_comma && bytes.get(start) == Some(&b' ') {
            start += 1;
        }
        let Some((sub_code, end)) = number_at(bytes, start) else {
            continue;
        };
        let is_followed = bytes.get(end).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'/');
        let is_code = code == 0 || (100..1000).contains(&code);
        if is_code && (sub_code >= 1000) && !is_followed {
            pairs.push((code, sub_code));
        }
        at = end;
    }
    pairs
}

/// Subcodes written as a field of that name.
fn sub_codes_in(line: &str) -> Vec<u32> {
    let mut found = Vec::new();
    for name in ["sub_code: ", "\"subCode\": ", "\"subCode\":"] {
        for (at, _) in line.match_indices(name) {
            if let Some((sub_code, _)) = number_at(line.as_bytes(), at + name.len()) {
                found.push(sub_code);
            }
        }
    }
    found
}

fn number_at(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    let length =
        bytes.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'_').count();
    let text: String =
        bytes[at..at + length].iter().filter(|b| **b != b'_').map(|b| char::from(*b)).collect();
    Some((text.parse().ok()?, at + length))
}
