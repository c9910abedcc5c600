//! What `cargo metadata` says about the workspace, as far as the tasks need it.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde::Deserialize;

/// The packages of the workspace and what their manifests declare.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) workspace_members: Vec<String>,
    pub(crate) workspace_root: PathBuf,
    #[serde(default)]
    pub(crate) target_directory: PathBuf,
    #[serde(default)]
    pub(crate) metadata: Option<WorkspaceTable>,
}

/// One package.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A dependency as a manifest declares it, whether or not a feature or platform selects it.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) kind: Kind,
    #[serde(default)]
    pub(crate) path: Option<PathBuf>,
}

/// What a dependency is for. Cargo writes `null` for the normal kind.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(from = "Option<String>")]
pub(crate) enum Kind {
    Build,
    Development,
    #[default]
    Normal,
}

/// `[workspace.metadata]`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct WorkspaceTable {
    /// Layer number, or `dev`, to the folders below `crates/`.
    #[serde(default)]
    pub(crate) layers: BTreeMap<String, Vec<String>>,
}

impl Metadata {
    /// Asks cargo about the workspace at `root`.
    pub(crate) fn load(root: &Path) -> anyhow::Result<Self> {
        let text = read_cargo(root, &["metadata", "--format-version", "1", "--no-deps"])?;
        serde_json::from_str(&text).context("reading the output of cargo metadata")
    }

    /// Returns the packages of the workspace.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }
}

impl From<Option<String>> for Kind {
    fn from(kind: Option<String>) -> Self {
        match kind.as_deref() {
            Some("dev") => Self::Development,
            Some("build") => Self::Build,
            _ => Self::Normal,
        }
    }
}

/// Returns the folder that holds the workspace manifest.
///
/// Cargo names the manifest of what it runs in the environment; the path known when this was
/// compiled serves a binary that is started directly.
pub(crate) fn root() -> PathBuf {
    let here = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().map(PathBuf::from).unwrap_or(here)
}

/// Returns the cargo that runs this task, or the one on the path.
///
/// The variables that cargo sets for what it runs are taken away: crates that watch one of them
/// would otherwise be compiled again, and once more by the next plain `cargo build`.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let is_set_by_cargo = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        });
        if is_set_by_cargo {
            command.env_remove(name);
        }
    }
    command
}

/// Runs cargo in `root` and returns what it prints.
pub(crate) fn read_cargo(root: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let name = arguments.first().copied().unwrap_or_default();
    let output = cargo()
        .args(arguments)
        .current_dir(root)
        .output()
        .with_context(|| format!("running cargo {name}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo {name} failed: {}", errors.trim());
    String::from_utf8(output.stdout).with_context(|| format!("reading the output of cargo {name}"))
}
