//! Holds the table `[workspace.metadata.layers]` against the manifests, and what cores reach.
//!
//! Looks at normal and build dependencies. A development dependency may point anywhere: it is
//! compiled for the tests of one crate and reaches nobody else.

use std::collections::BTreeMap;
use std::path::Path;

use crate::workspace::{Kind, Metadata, Package, read_cargo};

/// Returns one line for each rule that the workspace breaks.
pub(crate) fn check(metadata: &Metadata) -> Vec<String> {
    let mut problems = Vec::new();
    let table = Table::read(metadata, &mut problems);
    let folders = crate_folders(metadata);
    for (package, folder) in &folders {
        if table.layer(folder).is_none() {
            problems.push(format!(
                "crates/{folder}: {package} is missing in [workspace.metadata.layers]"
            ));
        }
    }
    for folder in table.layers.keys().filter(|folder| !folders.values().any(|f| f == *folder)) {
        problems.push(format!("[workspace.metadata.layers] names {folder}: no such crate"));
    }
    for package in metadata.members() {
        let Some(folder) = folders.get(package.name.as_str()) else { continue };
        let Some(from) = table.layer(folder) else { continue };
        for dependency in &package.dependencies {
            if dependency.kind == Kind::Development || dependency.path.is_none() {
                continue;
            }
            let fault = match folders.get(dependency.name.as_str()) {
                Some(target) => table.layer(target).and_then(|to| forbidden(from, target, to)),
                None => metadata
                    .members()
                    .any(|member| member.name == dependency.name)
                    .then(|| format!("depends on {}, which is not below crates/", dependency.name)),
            };
            problems.extend(fault.map(|fault| format!("crates/{folder}: {fault}")));
        }
    }
    problems
}

/// Returns one line for each forbidden crate that a core would be compiled with.
///
/// Asks for the tree of each core alone: that is what somebody gets who takes one crate, without
/// the features that the rest of the workspace switches on.
pub(crate) fn check_reach(root: &Path, metadata: &Metadata) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    let table = Table::read(metadata, &mut problems);
    for (package, folder) in crate_folders(metadata) {
        let is_core = match table.layer(&folder) {
            Some(Layer::Number(number)) => number <= LAST_CORE_LAYER,
            Some(Layer::Development) | None => false,
        };
        if is_core {
            for (edges, forbidden) in [
                ("normal,build", RUNTIMES.as_slice()),
                ("normal,no-proc-macro", RANDOMNESS.as_slice()),
            ] {
                let arguments =
                    ["tree", "--package", package, "--edges", edges, "--prefix", "depth"];
                let tree =
                    read_cargo(root, &[arguments.as_slice(), &["--format", " {p}"]].concat())?;
                problems.extend(reach(&folder, &tree, forbidden));
            }
        }
    }
    Ok(problems)
}

/// Where a crate stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Layer {
    Number(u32),
    Development,
}

/// The table, by folder.
#[derive(Debug)]
struct Table {
    layers: BTreeMap<String, Layer>,
}

impl Table {
    fn read(metadata: &Metadata, problems: &mut Vec<String>) -> Self {
        let mut layers = BTreeMap::new();
        for (key, folders) in metadata.metadata.iter().flat_map(|table| &table.layers) {
            let layer = match (key.as_str(), key.parse()) {
                ("dev", _) => Layer::Development,
                (_, Ok(number)) => Layer::Number(number),
                (_, Err(_)) => {
                    problems.push(format!("layer {key}: neither a number nor dev"));
                    continue;
                }
            };
            for folder in folders {
                if layers.insert(folder.clone(), layer).is_some() {
                    problems.push(format!("[workspace.metadata.layers] names {folder} twice"));
                }
            }
        }
        Self { layers }
    }

    fn layer(&self, folder: &str) -> Option<Layer> {
        self.layers.get(folder).copied()
    }
}

/// Maps package names to folders, for the members below `crates/`.
fn crate_folders(metadata: &Metadata) -> BTreeMap<&str, String> {
    let crates = metadata.workspace_root.join("crates");
    let folder = |package: &Package| {
        let folder = package.manifest_path.parent()?.strip_prefix(&crates).ok()?;
        Some(folder.to_string_lossy().into_owned())
    };
    metadata
        .members()
        .filter_map(|package| Some((package.name.as_str(), folder(package)?)))
        .collect()
}

/// Says what is wrong with an edge from a layer to a crate of another, if anything is.
fn forbidden(from: Layer, target: &str, to: Layer) -> Option<String> {
    match (from, to) {
        (Layer::Development, Layer::Number(_)) => None,
        (Layer::Number(from), Layer::Number(to)) if to < from => None,
        (Layer::Number(from), Layer::Number(to)) => Some(format!(
            "layer {from} depends on {target} of layer {to}; only lower layers are allowed"
        )),
        (Layer::Number(_) | Layer::Development, Layer::Development) => {
            Some(format!("depends on {target}, which is for dev-dependencies only"))
        }
    }
}

/// Reads a tree printed with depths and returns the way to each forbidden crate in it.
fn reach(folder: &str, tree: &str, forbidden: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut way: Vec<&str> = Vec::new();
    for line in tree.lines() {
        let mut words = line.split_whitespace();
        let (Some(depth), Some(name)) = (words.next(), words.next()) else { continue };
        let Ok(depth) = depth.parse::<usize>() else { continue };
        way.truncate(depth);
        way.push(name);
        if forbidden.contains(&name) {
            let way = way.join(" → ");
            problems.push(format!("crates/{folder}: a core may not reach {name}: {way}"));
        }
    }
    problems
}

/// Layers up to this one are cores.
const LAST_CORE_LAYER: u32 = 3;

/// Runtimes and sockets. Not even a build script of a core needs one.
const RUNTIMES: [&str; 13] = [
    "async-io",
    "async-std",
    "axum",
    "hyper",
    "mio",
    "polling",
    "quinn",
    "reqwest",
    "smol",
    "socket2",
    "tokio",
    "tonic",
    "tungstenite",
];

/// Sources of randomness and of the time of day. Build scripts may use them (`cc` does).
const RANDOMNESS: [&str; 6] = ["chrono", "fastrand", "getrandom", "jiff", "rand", "time"];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::id;

    use serde_json::{Value, json};

    use super::*;

    /// A package of the synthetic workspace; dependencies are (name, kind).
    fn package(name: &str, dependencies: &[(&str, Value)]) -> Value {
        let folder = name.trim_start_matches("trunkline-");
        let is_ours = name.starts_with("trunkline-");
        let dependencies: Vec<Value> = dependencies
            .iter()
            .map(|(name, kind)| json!({"name": name, "kind": kind, "path": "/w/somewhere"}))
            .collect();
        let manifest = if is_ours { format!("/w/crates/{folder}/Cargo.toml") } else { "/r".into() };
        json!({"name": name, "id": name, "manifest_path": manifest, "dependencies": dependencies})
    }

    fn metadata(packages: &[Value], layers: Value) -> Metadata {
        let members: Vec<&Value> = packages.iter().map(|p| &p["id"]).collect();
        let value = json!({
            "packages": packages,
            "workspace_members": members,
            "workspace_root": "/w",
            "metadata": {"layers": layers},
        });
        serde_json::from_value(value).unwrap()
    }

    fn layers() -> Value {
        json!({"0": ["ids"], "2": ["call"], "4": ["transport"], "dev": ["testkit"]})
    }

    fn workspace(call: &[(&str, Value)]) -> Vec<Value> {
        vec![
            package("trunkline-ids", &[]),
            package("trunkline-call", call),
            package("trunkline-transport", &[("trunkline-call", Value::Null)]),
            package("trunkline-testkit", &[("trunkline-call", Value::Null)]),
        ]
    }

    #[test]
    fn edges_to_lower_layers_pass() {
        let packages = workspace(&[("trunkline-ids", Value::Null)]);
        assert_eq!(check(&metadata(&packages, layers())), Vec::<String>::new());
    }

    #[test]
    fn an_edge_to_a_higher_layer_is_rejected() {
        let packages = workspace(&[("trunkline-transport", Value::Null)]);
        let problems = check(&metadata(&packages, layers()));
        assert_eq!(
            problems,
            ["crates/call: layer 2 depends on transport of layer 4; only lower layers are allowed"]
        );
    }

    #[test]
    fn an_edge_within_one_layer_is_rejected() {
        let table = json!({"2": ["ids", "call"], "4": ["transport"], "dev": ["testkit"]});
        let packages = workspace(&[("trunkline-ids", Value::Null)]);
        let problems = check(&metadata(&packages, table));
        assert!(problems[0].contains("layer 2 depends on ids of layer 2"), "{problems:?}");
    }

    #[test]
    fn a_build_dependency_counts_as_an_edge() {
        let packages = workspace(&[("trunkline-transport", json!("build"))]);
        assert_eq!(check(&metadata(&packages, layers())).len(), 1);
    }

    #[test]
    fn testkit_is_for_dev_dependencies_only() {
        let packages = workspace(&[("trunkline-testkit", json!("dev"))]);
        assert!(check(&metadata(&packages, layers())).is_empty());
        let packages = workspace(&[("trunkline-testkit", Value::Null)]);
        let problems = check(&metadata(&packages, layers()));
        assert!(problems[0].contains("for dev-dependencies only"), "{problems:?}");
    }

    #[test]
    fn a_crate_outside_the_table_is_rejected() {
        let table = json!({"0": ["ids"], "4": ["transport"], "dev": ["testkit"]});
        let problems = check(&metadata(&workspace(&[]), table));
        assert!(
            problems[0].contains("trunkline-call is missing in [workspace.metadata.layers]"),
            "{problems:?}"
        );
    }

    #[test]
    fn a_table_entry_without_a_crate_is_rejected() {
        let table =
            json!({"0": ["ids", "ghost"], "2": ["call"], "4": ["transport"], "dev": ["testkit"]});
        let problems = check(&metadata(&workspace(&[]), table));
        assert_eq!(problems, ["[workspace.metadata.layers] names ghost: no such crate"]);
    }

    #[test]
    fn a_core_that_reaches_tokio_through_another_crate_is_rejected_with_the_way() {
        let tree = "0 trunkline-call v0.1.0 (/w/crates/call)\n1 aes v0.8.4\n2 cipher v0.4.4\n\
                    1 innocent v1.0.0\n2 tokio v1.54.1\n3 mio v1.2.5\n";
        assert_eq!(
            reach("call", tree, &["tokio", "mio"]),
            [
                "crates/call: a core may not reach tokio: trunkline-call → innocent → tokio",
                "crates/call: a core may not reach mio: trunkline-call → innocent → tokio → mio",
            ]
        );
    }

    #[test]
    fn a_crate_whose_name_only_contains_a_forbidden_one_passes() {
        let tree = "0 trunkline-call v0.1.0\n1 tokio-like v1.0.0\n[build-dependencies]\n1 cc v1\n";
        assert_eq!(reach("call", tree, &["tokio"]), Vec::<String>::new());
    }

    /// A workspace on disk that is removed at the end of the test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("trunkline-tidy-{name}-{}", id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn package(&self, folder: &str, name: &str, dependencies: &str) {
            let folder = self.0.join(folder);
            fs::create_dir_all(folder.join("src")).unwrap();
            fs::write(folder.join("src/lib.rs"), "//! Nothing.\n").unwrap();
            let manifest = format!(
                "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
                 [dependencies]\n{dependencies}"
            );
            fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        }

        fn root(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_real_workspace_with_a_forbidden_edge_and_a_hidden_runtime_is_rejected() {
        let scratch = Scratch::new("edge");
        let root = "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n\
                    exclude = [\"outside\"]\n[workspace.metadata.layers]\n0 = [\"ids\", \"seeded\"]\n\
                    2 = [\"call\"]\n4 = [\"transport\"]\n";
        fs::write(scratch.root().join("Cargo.toml"), root).unwrap();
        scratch.package("outside/tokio", "tokio", "");
        scratch.package("outside/innocent", "innocent", "tokio = { path = \"../tokio\" }\n");
        scratch.package(
            "crates/ids",
            "trunkline-ids",
            "innocent = { path = \"../../outside/innocent\" }\n",
        );
        scratch.package("crates/transport", "trunkline-transport", "");
        scratch.package(
            "crates/call",
            "trunkline-call",
            "trunkline-transport = { path = \"../transport\" }\n",
        );
        scratch.package("outside/getrandom", "getrandom", "");
        scratch.package(
            "crates/seeded",
            "trunkline-seeded",
            "[build-dependencies]\ngetrandom = { path = \"../../outside/getrandom\" }\n\
             [dev-dependencies]\ntokio = { path = \"../../outside/tokio\" }\n",
        );
        let metadata = Metadata::load(scratch.root()).unwrap();
        assert_eq!(
            check(&metadata),
            ["crates/call: layer 2 depends on transport of layer 4; only lower layers are allowed"]
        );
        assert_eq!(
            check_reach(scratch.root(), &metadata).unwrap(),
            ["crates/ids: a core may not reach tokio: trunkline-ids → innocent → tokio"]
        );
    }
}
