//! Finds the real peers that tests drive: a browser, Python with gRPC, Node.js with Playwright, SDKs.
//!
//! Installs nothing: that is the work of `cargo xtask test`, which also sets the variables named
//! here. Without a variable, a peer is looked for where that command puts it, so that a plain
//! `cargo test` finds it as well.

use std::env;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A peer that a test needs is not on this machine.
#[derive(Debug, Error)]
#[error("{peer} is not installed ({looked_for}): run `cargo xtask test`, or set {variable}")]
pub struct MissingPeer {
    peer: &'static str,
    looked_for: String,
    variable: &'static str,
}

/// Returns a Python interpreter that has `grpcio` and `grpcio-tools`.
///
/// Looks at `TRUNKLINE_PYTHON`, then at the virtual environment below `target/peers`.
pub fn python() -> Result<PathBuf, MissingPeer> {
    let fallback = peers_dir().join("python/bin/python");
    find("Python with grpcio", "TRUNKLINE_PYTHON", &[fallback])
}

/// Returns a Chromium or Chrome executable.
///
/// Looks at `TRUNKLINE_CHROMIUM`, then on the path.
pub fn chromium() -> Result<PathBuf, MissingPeer> {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    find("Chromium", "TRUNKLINE_CHROMIUM", &on_path(&names))
}

/// Returns a Node.js executable.
///
/// Looks at `TRUNKLINE_NODE`, then on the path.
pub fn node() -> Result<PathBuf, MissingPeer> {
    find("Node.js", "TRUNKLINE_NODE", &on_path(&["node", "nodejs"]))
}

/// Returns the folder whose `node_modules` holds `playwright-core`.
///
/// A script that runs with this folder as `NODE_PATH`'s parent (`<folder>/node_modules`) can
/// `require("playwright-core")`. Looks at `TRUNKLINE_PLAYWRIGHT`, then at `target/peers/node`.
pub fn playwright_dir() -> Result<PathBuf, MissingPeer> {
    let package = "node_modules/playwright-core/package.json";
    folder_with(package, "playwright-core", "TRUNKLINE_PLAYWRIGHT", "node")
}

/// Returns a Python interpreter that has the official SDKs of the documented service.
///
/// Looks at `TRUNKLINE_SDK_PYTHON`, then at the virtual environment below `target/peers`.
pub fn sdk_python() -> Result<PathBuf, MissingPeer> {
    let fallback = peers_dir().join("sdk-python/bin/python");
    find("Python with the SDKs", "TRUNKLINE_SDK_PYTHON", &[fallback])
}

/// Returns the folder whose `node_modules` holds the official SDKs of the documented service.
///
/// Looks at `TRUNKLINE_SDK_JS`, then at `target/peers/sdk-js`.
pub fn sdk_js_dir() -> Result<PathBuf, MissingPeer> {
    let package = "node_modules/@azure/communication-chat/package.json";
    folder_with(package, "the SDKs for JavaScript", "TRUNKLINE_SDK_JS", "sdk-js")
}

/// Returns the folder that holds the workspace manifest.
pub fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

fn peers_dir() -> PathBuf {
    workspace_root().join("target/peers")
}

/// Finds the folder that has a file: the one that a variable names, or one below `target/peers`.
fn folder_with(
    file: &str,
    peer: &'static str,
    variable: &'static str,
    fallback: &str,
) -> Result<PathBuf, MissingPeer> {
    let folder = env::var_os(variable).map_or_else(|| peers_dir().join(fallback), PathBuf::from);
    if folder.join(file).is_file() {
        return Ok(folder);
    }
    let looked_for = folder.join(file).display().to_string();
    Err(MissingPeer { peer, looked_for, variable })
}

fn on_path(names: &[&str]) -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).collect()
}

/// A variable that is set decides alone: a wrong one is an error, not a reason to look elsewhere.
fn find(
    peer: &'static str,
    variable: &'static str,
    fallbacks: &[PathBuf],
) -> Result<PathBuf, MissingPeer> {
    let candidates = match env::var_os(variable) {
        Some(path) => vec![PathBuf::from(path)],
        None => fallbacks.to_vec(),
    };
    if let Some(found) = candidates.iter().find(|path| path.is_file()) {
        return Ok(found.clone());
    }
    let looked_for = match candidates.as_slice() {
        [only] => only.display().to_string(),
        _ => "looked on the path".to_owned(),
    };
    Err(MissingPeer { peer, looked_for, variable })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_peer_names_the_command_that_installs_it() {
        let nowhere = [PathBuf::from("/nonexistent/browser")];
        let error = find("Chromium", "TRUNKLINE_TEST_UNSET_VARIABLE", &nowhere).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Chromium is not installed (/nonexistent/browser): run `cargo xtask test`, or set \
             TRUNKLINE_TEST_UNSET_VARIABLE"
        );
    }

    #[test]
    fn the_first_existing_candidate_is_taken() {
        let manifest = workspace_root().join("Cargo.toml");
        let candidates = [PathBuf::from("/nonexistent"), manifest.clone()];
        let found = find("a file", "TRUNKLINE_TEST_UNSET_VARIABLE", &candidates).unwrap();
        assert_eq!(found, manifest);
    }
}
