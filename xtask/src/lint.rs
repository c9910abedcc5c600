//! The formatter and the linters: rustfmt, clippy, rustdoc, buf.

use std::path::Path;
use std::process::Command;

use crate::workspace::cargo;

/// Formats every crate, or with `--check` only reports what is not formatted.
pub(crate) fn fmt(root: &Path, check: bool) -> Command {
    let mut command = cargo();
    command.current_dir(root).args(["fmt", "--all"]);
    if check {
        command.arg("--check");
    }
    command
}

/// Checks every target of every crate with clippy; a warning is an error.
pub(crate) fn clippy(root: &Path) -> Command {
    let mut command = cargo();
    command.current_dir(root);
    command.args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]);
    command
}

/// Builds the documentation of our crates; a warning is an error.
pub(crate) fn rustdoc(root: &Path) -> Command {
    let mut command = cargo();
    command.current_dir(root).env("RUSTDOCFLAGS", "-D warnings");
    command.args(["doc", "--workspace", "--no-deps", "--locked"]);
    command
}

/// Checks the protocol files with the rules of `proto/buf.yaml`.
pub(crate) fn buf(root: &Path, buf: &Path) -> Command {
    let mut command = Command::new(buf);
    command.current_dir(root).args(["lint", "proto"]);
    command
}
