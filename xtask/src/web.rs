//! The packages of the browser: `cargo xtask web` bundles the app for people and writes the table by
//! which it is compiled in; the suite tests them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::pass_on;
use crate::peers;

/// Bundles the app, and writes the table.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    peers::npm_itself()?;
    for command in bundle(root) {
        pass_on(command)?;
    }
    let dist = root.join("crates/web/app/dist");
    let count = write_table(&dist)?;
    println!("\n{count} files in {}; now start an exchange that carries them:", dist.display());
    println!("  cargo run --release --features app");
    Ok(())
}

/// Returns the commands that install what the bundle is made of, check its types, and bundle it.
fn bundle(root: &Path) -> Vec<Command> {
    calling(root).into_iter().chain(app(root)).collect()
}

/// Returns the commands that install and build the calling package. The others take it from its folder.
pub(crate) fn calling(root: &Path) -> Vec<Command> {
    let calling = root.join("crates/web/calling");
    vec![npm(&calling, &INSTALL), npm(&calling, &["run", "--silent", "build"])]
}

/// Returns the commands that install, check and bundle the app.
pub(crate) fn app(root: &Path) -> Vec<Command> {
    let app = root.join("crates/web/app");
    vec![
        npm(&app, &INSTALL),
        npm(&app, &["run", "--silent", "check"]),
        npm(&app, &["run", "--silent", "build"]),
    ]
}

/// Returns the commands that install, check and bundle the page of the composites.
pub(crate) fn compat(root: &Path) -> Vec<Command> {
    let compat = root.join("crates/web/compat");
    vec![
        npm(&compat, &INSTALL),
        npm(&compat, &["run", "--silent", "check"]),
        npm(&compat, &["run", "--silent", "build"]),
    ]
}

/// Returns the commands that test the packages of the browser as far as that needs no browser.
pub(crate) fn tests(root: &Path) -> Vec<Command> {
    let (calling, app) = (root.join("crates/web/calling"), root.join("crates/web/app"));
    let mut commands = bundle(root);
    commands.extend([
        npm(&calling, &["run", "--silent", "check"]),
        npm(&calling, &["run", "--silent", "size"]),
        npm(&calling, &["test", "--silent"]),
        npm(&app, &["test", "--silent"]),
    ]);
    commands
}

fn npm(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.args(arguments).current_dir(folder);
    command
}

/// Writes the list of files that the manifest names, as an expression of Rust.
fn write_table(dist: &Path) -> anyhow::Result<usize> {
    let manifest = dist.join("manifest.json");
    let text =
        fs::read_to_string(&manifest).with_context(|| format!("reading {}", manifest.display()))?;
    let table = table(&serde_json::from_str(&text)?)?;
    fs::write(dist.join("embedded.in"), &table.text)?;
    Ok(table.files)
}

const INSTALL: [&str; 6] =
    ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];

struct Table {
    text: String,
    files: usize,
}

fn table(manifest: &Value) -> anyhow::Result<Table> {
    let files = manifest["files"].as_object().context("the manifest lists no files")?;
    ensure!(files.contains_key("index.html"), "the manifest has no index.html");
    let mut text = "&[\n".to_owned();
    for (path, facts) in files {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        ensure!(path.chars().all(is_plain), "`{path}` is no name that can be served");
        let content_type = facts["contentType"].as_str().context("a file has no content type")?;
        let is_immutable = facts["isImmutable"].as_bool().unwrap_or_default();
        let from =
            format!("include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/app/dist/{path}");
        writeln!(
            text,
            "    File {{ path: {path:?}, content_type: {content_type:?}, is_immutable: \
             {is_immutable}, plain: {from}\")), gzip: {from}.gz\")), brotli: {from}.br\")) }},"
        )?;
    }
    text.push_str("]\n");
    Ok(Table { text, files: files.len() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_table_names_every_file_in_three_forms_and_refuses_odd_names() {
        let facts = json!({"contentType": "text/html", "isImmutable": false});
        let made = table(&json!({"files": {"index.html": facts, "assets/a-1.js": facts}})).unwrap();
        assert_eq!(made.files, 2);
        for form in ["/app/dist/assets/a-1.js\"", "/app/dist/index.html.gz\"", "index.html.br\""] {
            assert!(made.text.contains(form), "{form} in {}", made.text);
        }
        assert!(table(&json!({"files": {"index.html": facts, "a\"b": facts}})).is_err());
        assert!(table(&json!({"files": {"a.js": facts}})).is_err());
        assert!(table(&json!({})).is_err());
    }
}
