//! Compiles `proto/` with protox and keeps the output committed: no protoc, no build scripts.
//!
//! Also prints the state diagrams of the call core into `docs/generated`.
//!
//! Messages go to `crates/proto` (prost only), service stubs to `crates/api` (tonic), which names
//! the messages by their path in `trunkline_proto`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use prost_types::{FileDescriptorProto, FileDescriptorSet};

mod redact;

/// Generates everything and writes what changed.
pub(crate) fn write(root: &Path) -> anyhow::Result<()> {
    let output = generate(root)?;
    let mut changed = 0_usize;
    for folder in OUTPUTS {
        fs::create_dir_all(root.join(folder))?;
    }
    for stale in committed(root)?.keys().filter(|path| !output.contains_key(*path)) {
        fs::remove_file(root.join(stale))?;
        println!("removed {}", stale.display());
        changed += 1;
    }
    for (path, bytes) in &output {
        let target = root.join(path);
        if fs::read(&target).ok().as_ref() != Some(bytes) {
            fs::write(&target, bytes).with_context(|| format!("writing {}", target.display()))?;
            println!("wrote {}", path.display());
            changed += 1;
        }
    }
    println!("codegen: {} files, {changed} changed", output.len());
    Ok(())
}

/// Generates everything and fails, naming the files, when the committed output differs.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    let stale = stale(root)?;
    ensure!(
        stale.is_empty(),
        "generated files are stale, run `cargo xtask codegen`: {}",
        stale.join(", ")
    );
    println!("codegen: fresh");
    Ok(())
}

/// Returns the generated files whose committed bytes differ from what `proto/` gives.
pub(crate) fn stale(root: &Path) -> anyhow::Result<Vec<String>> {
    let output = generate(root)?;
    let committed = committed(root)?;
    let mut paths: Vec<&PathBuf> = output.keys().chain(committed.keys()).collect();
    paths.sort();
    paths.dedup();
    Ok(paths
        .into_iter()
        .filter(|path| output.get(*path) != committed.get(*path))
        .map(|path| path.display().to_string())
        .collect())
}

/// Path below the workspace root, and content.
type Files = BTreeMap<PathBuf, Vec<u8>>;

fn generate(root: &Path) -> anyhow::Result<Files> {
    let sources = proto_files(&root.join("proto"))?;
    ensure!(!sources.is_empty(), "no .proto file below {}", root.join("proto").display());
    let mut compiler = protox::Compiler::new([root.join("proto")])?;
    compiler.include_imports(true).include_source_info(true).open_files(&sources)?;
    let with_comments = compiler.file_descriptor_set();
    compiler.include_source_info(false);
    let descriptor = compiler.encode_file_descriptor_set();

    let scratch = root.join("target/codegen");
    let mut output = Files::new();
    output.insert(PathBuf::from(PROTO_OUT).join("descriptor.bin"), descriptor);
    for (path, text) in trunkline_call::diagram::files() {
        output.insert(PathBuf::from(path), text.into_bytes());
    }
    let packages = own_packages(&with_comments);

    let redacted = redact::redacted(&with_comments)?;
    let messages = scratch.join("messages");
    empty(&messages)?;
    tonic_prost_build::configure()
        .build_client(false)
        .build_server(false)
        // Ordered maps: the same message is the same bytes.
        .btree_map(".")
        // Rare and large: they would make every frame as large.
        .boxed(".trunkline.signaling.v1.Command.kind.act_in_meeting")
        .boxed(".trunkline.signaling.v1.Command.kind.join_call")
        .boxed(".trunkline.signaling.v1.ServerFrame.body.meeting_event")
        .skip_debug(redacted.iter().map(|message| message.path.as_str()))
        .out_dir(&messages)
        .emit_rerun_if_changed(false)
        .compile_fds(with_comments.clone())?;
    collect(&messages, PROTO_OUT, &mut output)?;
    for message in redacted {
        let path = Path::new(PROTO_OUT).join(format!("{}.rs", message.package));
        output.entry(path).or_default().extend_from_slice(message.source.as_bytes());
    }

    let stubs = scratch.join("stubs");
    empty(&stubs)?;
    let mut builder = tonic_prost_build::configure()
        .build_transport(false)
        .out_dir(&stubs)
        .emit_rerun_if_changed(false);
    for package in &packages {
        let module = package.trim_start_matches("trunkline.").replace('.', "::");
        builder =
            builder.extern_path(format!(".{package}"), format!("::trunkline_proto::{module}"));
    }
    builder.compile_fds(with_comments)?;
    collect(&stubs, API_OUT, &mut output)?;
    Ok(output)
}

/// Returns the project's packages; `google.protobuf` comes from prost-types.
fn own_packages(set: &FileDescriptorSet) -> Vec<String> {
    let names = set.file.iter().map(FileDescriptorProto::package);
    let mut packages: Vec<String> =
        names.filter(|name| name.starts_with("trunkline.")).map(str::to_owned).collect();
    packages.sort();
    packages.dedup();
    packages
}

fn proto_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "proto") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn empty(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    Ok(())
}

/// Takes the Rust files of a scratch folder, without the empty ones of service-free packages.
fn collect(scratch: &Path, out: &str, output: &mut Files) -> anyhow::Result<()> {
    for entry in fs::read_dir(scratch)? {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        let Some(name) = path.file_name() else { bail!("nameless file {}", path.display()) };
        let is_empty = text.lines().all(|line| line.is_empty() || line.starts_with("//"));
        if !is_empty {
            let body = text.trim_start_matches("// This file is @generated by prost-build.\n");
            output.insert(Path::new(out).join(name), format!("{HEADER}{body}").into_bytes());
        }
    }
    Ok(())
}

fn committed(root: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    for out in OUTPUTS {
        let Ok(entries) = fs::read_dir(root.join(out)) else { continue };
        for entry in entries {
            let path = entry?.path();
            if let Some(name) = path.file_name() {
                files.insert(Path::new(out).join(name), fs::read(&path)?);
            }
        }
    }
    Ok(files)
}

const PROTO_OUT: &str = "crates/proto/src/generated";
const API_OUT: &str = "crates/api/src/generated";

/// Folders that hold nothing but generated files.
const OUTPUTS: [&str; 3] = [API_OUT, PROTO_OUT, "docs/generated"];

const HEADER: &str = "// @generated by `cargo xtask codegen` from proto/. Do not edit.\n";
