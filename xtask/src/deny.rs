//! Checks what the workspace is built from: banned crates, duplicates, licenses, sources.
//!
//! Reads the part of the `deny.toml` format of cargo-deny that the file uses, so that cargo-deny
//! can be run on it as well. This stands in its place because a first run would otherwise compile
//! it for minutes. It does not read the advisory database, which needs the network each time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::workspace::read_cargo;

mod spdx;

/// Checks everything and fails with one line per problem.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let path = root.join("deny.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let rules: Rules = toml::from_str(&text).context("reading deny.toml")?;
    let mut crates = BTreeSet::new();
    for target in &rules.graph.targets {
        let tree = ["tree", "--workspace", "--edges", "normal,build,dev", "--prefix", "none"];
        let format = ["--target", target, "--format", "{p}|{l}"];
        let text = read_cargo(root, &[tree.as_slice(), &format].concat())?;
        crates.extend(parse_tree(&text));
    }
    let lock = fs::read_to_string(root.join("Cargo.lock")).context("reading Cargo.lock")?;
    let lock: Lock = toml::from_str(&lock).context("reading Cargo.lock")?;

    let mut problems = check_bans(&rules.bans, &crates);
    problems.extend(check_licenses(&rules.licenses, &crates));
    problems.extend(check_sources(&rules.sources, &lock));
    for problem in &problems {
        println!("{problem}");
    }
    match problems.len() {
        0 => {
            println!("deny: {} crates: bans, licenses, sources ok", crates.len());
            Ok(())
        }
        1 => bail!("deny: 1 problem"),
        count => bail!("deny: {count} problems"),
    }
}

/// One crate that is compiled.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Crate {
    name: String,
    version: String,
    license: String,
}

/// Reads lines such as `serde v1.0.229|MIT OR Apache-2.0`; a repeated one ends in `(*)`.
fn parse_tree(text: &str) -> Vec<Crate> {
    let parse = |line: &str| {
        let (package, license) = line.split_once('|')?;
        let mut words = package.split(' ');
        let name = words.next()?.to_owned();
        let version = words.next()?.trim_start_matches('v').to_owned();
        let license = license.trim_end_matches("(*)").trim().to_owned();
        Some(Crate { name, version, license })
    };
    text.lines().filter_map(parse).collect()
}

fn check_bans(rules: &Bans, crates: &BTreeSet<Crate>) -> Vec<String> {
    let mut problems = Vec::new();
    for banned in &rules.deny {
        for found in crates.iter().filter(|found| found.name == banned.name) {
            problems.push(format!(
                "bans: {} {} is banned: {}",
                found.name, found.version, banned.reason
            ));
        }
    }
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for found in crates {
        versions.entry(&found.name).or_default().insert(&found.version);
    }
    let allowed: BTreeSet<&str> = rules.skip.iter().map(|skip| skip.name.as_str()).collect();
    for (name, versions) in &versions {
        if versions.len() > 1 && !allowed.contains(name) {
            let versions: Vec<&str> = versions.iter().copied().collect();
            problems.push(format!(
                "bans: {name} stands in the graph as {}; unify it or list it under skip with a \
                 reason",
                versions.join(" and ")
            ));
        }
    }
    for name in allowed {
        if versions.get(name).is_none_or(|versions| versions.len() < 2) {
            problems.push(format!("bans: skip names {name}, which is no duplicate any more"));
        }
    }
    problems
}

fn check_licenses(rules: &Licenses, crates: &BTreeSet<Crate>) -> Vec<String> {
    let mut problems = Vec::new();
    for found in crates {
        match spdx::is_satisfied(&found.license, &rules.allow) {
            Ok(true) => {}
            Ok(false) => problems.push(format!(
                "licenses: {} {}: {} is not satisfied by the allowed licenses",
                found.name, found.version, found.license
            )),
            Err(error) => problems.push(format!(
                "licenses: {} {}: {:?} {error}",
                found.name, found.version, found.license
            )),
        }
    }
    problems
}

fn check_sources(rules: &Sources, lock: &Lock) -> Vec<String> {
    let is_allowed = |source: &str| {
        rules.allow_registry.iter().any(|registry| source == format!("registry+{registry}"))
    };
    lock.package
        .iter()
        .filter_map(|package| {
            let source = package.source.as_deref()?;
            let line = format!("sources: {} {} comes from {source}", package.name, package.version);
            (!is_allowed(source)).then_some(line)
        })
        .collect()
}

/// `deny.toml`; an unknown key is an error, so that nothing in it is believed and not checked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    graph: Graph,
    bans: Bans,
    licenses: Licenses,
    sources: Sources,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Graph {
    targets: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Bans {
    #[serde(rename = "multiple-versions")]
    _multiple_versions: DenyOnly,
    deny: Vec<Banned>,
    skip: Vec<Banned>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Banned {
    name: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Sources {
    #[serde(rename = "unknown-registry")]
    _unknown_registry: DenyOnly,
    #[serde(rename = "unknown-git")]
    _unknown_git: DenyOnly,
    allow_registry: Vec<String>,
}

/// The only setting that is implemented: a weaker one must not pass unnoticed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DenyOnly {
    Deny,
}

#[derive(Debug, Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banned(name: &str) -> Banned {
        Banned { name: name.to_owned(), reason: "because".to_owned() }
    }

    fn bans(deny: &[&str], skip: &[&str]) -> Bans {
        Bans {
            _multiple_versions: DenyOnly::Deny,
            deny: deny.iter().map(|name| banned(name)).collect(),
            skip: skip.iter().map(|name| banned(name)).collect(),
        }
    }

    fn graph(text: &str) -> BTreeSet<Crate> {
        parse_tree(text).into_iter().collect()
    }

    #[test]
    fn a_banned_crate_is_found_with_its_version_and_the_reason() {
        let crates = graph("trunkline-ids v0.1.0 (/w/crates/ids)|MIT\nring v0.17.14|ISC\n");
        let problems = check_bans(&bans(&["ring"], &[]), &crates);
        assert_eq!(problems, ["bans: ring 0.17.14 is banned: because"]);
    }

    #[test]
    fn a_duplicate_needs_an_entry_and_an_entry_needs_a_duplicate() {
        let crates = graph("syn v2.0.1|MIT\nsyn v3.0.0|MIT\npem v4.0.0|MIT\n");
        let problems = check_bans(&bans(&[], &[]), &crates);
        assert!(problems[0].contains("syn stands in the graph as 2.0.1 and 3.0.0"), "{problems:?}");
        assert!(check_bans(&bans(&[], &["syn"]), &crates).is_empty());
        let problems = check_bans(&bans(&[], &["pem", "syn"]), &crates);
        assert_eq!(problems, ["bans: skip names pem, which is no duplicate any more"]);
    }

    #[test]
    fn a_license_outside_the_list_is_rejected_and_a_missing_one_too() {
        let rules = Licenses { allow: vec!["MIT".to_owned()] };
        let crates =
            graph("good v1.0.0|MIT OR GPL-3.0-only\nbad v1.0.0|GPL-3.0-only\nnone v1.0.0|\n");
        let problems = check_licenses(&rules, &crates);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("bad 1.0.0: GPL-3.0-only"), "{problems:?}");
        assert!(problems[1].contains("none 1.0.0"), "{problems:?}");
    }

    #[test]
    fn a_git_dependency_is_an_unknown_source() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\
                    source = \"git+https://example.org/a\"\n\
                    [[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n";
        let rules = Sources {
            _unknown_registry: DenyOnly::Deny,
            _unknown_git: DenyOnly::Deny,
            allow_registry: vec!["https://github.com/rust-lang/crates.io-index".to_owned()],
        };
        let problems = check_sources(&rules, &toml::from_str(lock).unwrap());
        assert_eq!(problems, ["sources: a 1.0.0 comes from git+https://example.org/a"]);
    }

    #[test]
    fn a_setting_that_is_not_implemented_is_an_error() {
        let text = "targets = []\nexclude = [\"a\"]\n";
        assert!(toml::from_str::<Graph>(text).is_err());
        assert!(
            toml::from_str::<Bans>("multiple-versions = \"warn\"\ndeny = []\nskip = []").is_err()
        );
    }
}
