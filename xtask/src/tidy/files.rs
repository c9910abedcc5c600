//! Holds each source file and manifest to the rules of style that a lint cannot see.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Returns one line for each rule that a file below `root` breaks; `cores` are the folders below
/// `crates/` that may know no runtime, socket, clock or lock.
pub(crate) fn check(root: &Path, cores: &[String]) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    for path in walk(root)? {
        let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        let Ok(text) = fs::read_to_string(&path) else { continue };
        if name.ends_with(".rs") && !is_generated(&name) {
            problems.extend(rust_file(&name, &text));
            let is_core = cores.iter().any(|core| name.starts_with(&format!("crates/{core}/src/")));
            if is_core {
                problems.extend(core_file(&name, &text));
            }
        }
        if name.ends_with("Cargo.toml") && name != "Cargo.toml" {
            problems.extend(manifest(&name, &text));
        }
        problems.extend(outside_references(&name, &text));
    }
    Ok(problems)
}

/// Returns what is wrong with one Rust file.
pub(crate) fn rust_file(name: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if !text.starts_with("//!") {
        problems.push(format!("{name}: the first line is not a //! sentence"));
    }
    if name.ends_with("/mod.rs") {
        problems.push(format!("{name}: use foo.rs beside foo/, never mod.rs"));
    }
    let lines = code_lines(text);
    if lines > MOST_LINES && !is_test_file(name) {
        problems.push(format!(
            "{name}: {lines} lines of code, at most {MOST_LINES}; split it by responsibility"
        ));
    }
    for (number, line) in text.lines().enumerate() {
        for word in FORBIDDEN_WORDS {
            if line.contains(word) {
                problems.push(format!("{name}:{}: {word} does not land", number + 1));
            }
        }
    }
    problems
}

/// Returns where a core asks for what must be handed to it.
pub(crate) fn core_file(name: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (number, line) in text.lines().take(code_lines(text)).enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for word in NOT_IN_CORES {
            if has_word(code, word) {
                problems.push(format!("{name}:{}: a core has no `{word}`", number + 1));
            }
        }
    }
    problems
}

/// Returns what is wrong with the manifest of a member.
pub(crate) fn manifest(name: &str, text: &str) -> Vec<String> {
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => return vec![format!("{name}: {error}")],
    };
    let mut problems = Vec::new();
    let lints = table.get("lints").and_then(|lints| lints.get("workspace"));
    if lints.and_then(toml::Value::as_bool) != Some(true) {
        problems.push(format!("{name}: [lints] workspace = true is missing"));
    }
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let entries = table.get(section).and_then(toml::Value::as_table);
        for (dependency, value) in entries.into_iter().flatten() {
            let inherits = value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
            if !inherits {
                problems.push(format!(
                    "{name}: {dependency} does not take its version from the root manifest"
                ));
            }
        }
    }
    if table.get("package").and_then(|package| package.get("build")).is_some() {
        problems.push(format!("{name}: no build scripts, generated code is committed"));
    }
    problems
}

/// Returns the lines that name a place outside the project.
pub(crate) fn outside_references(name: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for place in OUTSIDE {
            if line.contains(place) {
                problems.push(format!("{name}:{}: names {place}", number + 1));
            }
        }
    }
    problems
}

/// Returns whether the code has the word, and not only as the beginning of a longer one.
fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(place, _)| {
        let next = code[place + word.len()..].chars().next();
        word.ends_with('<') || !next.is_some_and(|next| next.is_alphanumeric() || next == '_')
    })
}

/// Counts the lines before the test module, which stands at the end of a file.
fn code_lines(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines.windows(2).position(|pair| {
        let opens_module = pair[1].starts_with("mod ") && pair[1].ends_with('{');
        pair[0] == "#[cfg(test)]" && opens_module
    });
    tests.unwrap_or(lines.len())
}

/// Returns the text files of the project, sorted, without what builds and runs leave behind.
pub(crate) fn walk(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if entry.file_type()?.is_dir() {
                if !SKIPPED_FOLDERS.contains(&name.as_ref()) {
                    folders.push(entry.path());
                }
            } else if TEXT_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn is_generated(name: &str) -> bool {
    name.contains("/generated/")
}

fn is_test_file(name: &str) -> bool {
    name.starts_with("tests/tests/") || (name.starts_with("crates/") && name.contains("/tests/"))
}

/// Past this a file has more than one responsibility; 150 to 400 is the aim.
const MOST_LINES: usize = 800;

/// Written in halves so that this file does not break its own rule.
const FORBIDDEN_WORDS: [&str; 6] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("#[ig", "nore"),
    concat!("#[should_", "panic"),
    concat!("std::intrinsics::break", "point"),
];

const NOT_IN_CORES: [&str; 14] = [
    "async fn",
    "async move",
    ".await",
    "std::time::Instant",
    "SystemTime",
    "std::net::UdpSocket",
    "std::net::TcpStream",
    "std::thread",
    "std::sync",
    "std::fs",
    "Arc<",
    "Mutex<",
    "RwLock<",
    "thread_local!",
];

const OUTSIDE: [&str; 5] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/Use", "rs/"),
    concat!("../sha", "red"),
];

const SKIPPED_FOLDERS: [&str; 5] = [".git", "node_modules", "target", "trunkline-data", "corpus"];

const TEXT_ENDINGS: [&str; 13] = [
    ".css", ".html", ".js", ".json", ".md", ".mjs", ".proto", ".py", ".rs", ".sh", ".toml", ".ts",
    ".yaml",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_its_sentence_is_rejected() {
        assert_eq!(rust_file("a.rs", "//! Does a thing.\n"), Vec::<String>::new());
        assert_eq!(rust_file("a.rs", "use std::fs;\n").len(), 1);
    }

    #[test]
    fn a_mod_rs_is_rejected() {
        let problems = rust_file("crates/a/src/b/mod.rs", "//! B.\n");
        assert!(problems[0].contains("never mod.rs"), "{problems:?}");
    }

    #[test]
    fn lines_of_tests_do_not_count_against_the_limit() {
        let code = format!("//! A.\n{}", "fn f() {}\n".repeat(MOST_LINES - 1));
        let with_tests = format!("{code}#[cfg(test)]\nmod tests {{\n{}}}\n", "//\n".repeat(500));
        assert!(rust_file("a.rs", &with_tests).is_empty());
        let longer = format!("{code}fn g() {{}}\n");
        assert!(rust_file("a.rs", &longer)[0].contains("801 lines"));
    }

    #[test]
    fn an_unfinished_note_is_rejected_with_its_line() {
        let text = format!("//! A.\n// {}: later\n", concat!("TO", "DO"));
        assert_eq!(rust_file("a.rs", &text), [concat!("a.rs:2: TO", "DO does not land")]);
    }

    #[test]
    fn a_core_that_reads_the_clock_is_rejected_and_its_tests_and_comments_are_not() {
        let text = "//! A.\nlet now = std::time::Instant::now();\n";
        assert_eq!(core_file("a.rs", text).len(), 1);
        let text = "//! A.\n// std::time::Instant is not read here.\n#[cfg(test)]\nmod tests {\n\
                    use std::time::Instant;\n}\n";
        assert_eq!(core_file("a.rs", text), Vec::<String>::new());
    }

    #[test]
    fn a_name_that_begins_like_a_forbidden_word_is_no_problem() {
        let text = "//! A.\nself.awaiting.clear();\nlet text = String::new();\n";
        assert_eq!(core_file("a.rs", text), Vec::<String>::new());
        assert_eq!(core_file("a.rs", "//! A.\nlet x = y.await;\n").len(), 1);
        assert_eq!(core_file("a.rs", "//! A.\nlet x: Arc<u8> = y;\n").len(), 1);
    }

    #[test]
    fn a_version_outside_the_root_manifest_is_rejected() {
        let lints = "[lints]\nworkspace = true\n";
        let good = format!("{lints}[dependencies]\nserde.workspace = true\n");
        assert_eq!(manifest("Cargo.toml", &good), Vec::<String>::new());
        let bad = format!("{lints}[dependencies]\nserde = \"1\"\n");
        assert!(manifest("Cargo.toml", &bad)[0].contains("serde does not take its version"));
    }

    #[test]
    fn a_reference_to_somebodys_machine_is_rejected() {
        let text = concat!("fine\nsee /ho", "me/me/notes\n");
        assert_eq!(outside_references("a.md", text).len(), 1);
    }
}
