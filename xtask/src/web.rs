//! `cargo xtask web`: bundles the app for people, and writes the table by which it is compiled in.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::pass_on;
use crate::peers;

/// Installs what the bundle is made of, checks its types, bundles it, and writes the table.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let web = root.join("crates/web");
    peers::npm_itself()?;
    for (folder, steps) in [("calling", &["build"][..]), ("app", &["check", "build"])] {
        println!("{folder}: installing what it needs with npm");
        pass_on(npm(&web.join(folder), &["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))?;
        for step in steps {
            println!("{folder}: {step}");
            pass_on(npm(&web.join(folder), &["run", "--silent", step]))?;
        }
    }
    let dist = web.join("app/dist");
    let count = write_table(&dist)?;
    println!("\n{count} files in {}; now start an exchange that carries them:", dist.display());
    println!("  cargo run --release --features app");
    Ok(())
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
    fs::write(dist.join("embedded.rs"), &table.text)?;
    Ok(table.files)
}

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
