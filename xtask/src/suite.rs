//! `cargo xtask test`: everything that must pass, in one command, on a fresh machine.
//!
//! Quick checks come first, what compiles longest comes last. The tests of this package run apart
//! from those of the product, with the features with which it was compiled to run at all: together,
//! what only code generation needs would be compiled a second time.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;

use crate::peers::Peers;
use crate::steps::Steps;
use crate::workspace::{Metadata, cargo};
use crate::{deny, lint, tidy};

/// How to run the suite.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Options {
    /// Leave out the tests with real peers (browser, Python) and the lint of the protocol files.
    #[arg(long)]
    without_peers: bool,
    /// Leave out the release build with its figures and benches.
    #[arg(long)]
    without_release: bool,
}

/// Runs every step; `plain` passes output on line by line, as a log wants it.
pub(crate) fn run(root: &Path, options: Options, plain: bool) -> anyhow::Result<()> {
    let mut total = 10;
    total -= usize::from(options.without_peers) * 2;
    total -= usize::from(options.without_release) * 2;
    let target = Metadata::load(root)?.target_directory;
    let mut steps = Steps::new(total, target.join("xtask"), plain)?;

    let mut peers = None;
    if options.without_peers {
        println!("--without-peers: LEAVING OUT the tests in modules `with_peers` and `buf lint`");
    } else {
        steps.run("peers", || {
            peers = Some(Peers::install(root)?);
            Ok(())
        })?;
    }
    steps.commands("fmt", vec![lint::fmt(root, true)])?;
    steps.run("tidy", || tidy::run(root))?;
    steps.run("deny", || deny::run(root))?;
    if let Some(peers) = &peers {
        steps.commands("protocol files", vec![lint::buf(root, &peers.buf)])?;
    }
    steps.commands("lint", vec![lint::clippy(root), lint::rustdoc(root)])?;
    steps.commands("tests", vec![own_tests(root), tests(root, peers.as_ref())])?;
    ensure!(steps.tests().passed > 0, "step `tests` ran no test");
    steps.commands("fuzz", vec![fuzz(root, &target)])?;
    if options.without_release {
        println!("--without-release: LEAVING OUT the release build, its figures and the benches");
    } else {
        steps.commands(
            "release",
            vec![release_build(root), first_call(root, &target), party(root, &target)],
        )?;
        let quick_chat = chat_end_to_end(root, &target, &["--seconds", "1", "--idle", "100"]);
        let benches = vec![criterion(root, None, true), end_to_end(root, &target), quick_chat];
        steps.commands("benches", benches)?;
    }
    steps.summary();
    Ok(())
}

/// Returns the commands that run the benches: those of the cores whose name has the filter, and
/// without a filter media and chat from end to end as well, chat beside another server where one is
/// installed.
pub(crate) fn bench(root: &Path, filter: Option<&str>) -> anyhow::Result<Vec<Command>> {
    let mut commands = vec![criterion(root, filter, false)];
    if filter.is_none() {
        let target = Metadata::load(root)?.target_directory;
        let peer: &[&str] = match is_on_path("prosody") {
            true => &["--against", "prosody"],
            false => {
                println!("prosody is not installed: LEAVING OUT chat beside another server");
                &[]
            }
        };
        let chat = chat_end_to_end(root, &target, peer);
        commands.extend([release_build(root), end_to_end(root, &target), chat]);
    }
    Ok(commands)
}

fn own_tests(root: &Path) -> Command {
    let mut command = cargo();
    command.current_dir(root).args(["test", "--package", "xtask", "--locked"]);
    command
}

fn tests(root: &Path, peers: Option<&Peers>) -> Command {
    let mut command = cargo();
    command.current_dir(root).env("RUST_BACKTRACE", "1");
    command.args(["test", "--workspace", "--exclude", "xtask", "--locked"]);
    match peers {
        Some(peers) => {
            command.envs(peers.variables());
        }
        None => {
            command.args(["--", "--skip", "with_peers::"]);
        }
    }
    command
}

/// The binary is there: the tests of its package have compiled it with the features of all.
fn fuzz(root: &Path, target: &Path) -> Command {
    built(root, target.join("debug/trunkline-fuzz"), &["all", "--seconds", "2"])
}

/// Builds what is measured. The two packages together, here and for the benches, so that their
/// dependencies have the same features and are compiled once.
fn release_build(root: &Path) -> Command {
    let mut command = cargo();
    command.current_dir(root).args(["build", "--release", "--locked", "--bins"]).args(MEASURED);
    command
}

/// A whole call through the release build: two people, real media, printed figures.
fn first_call(root: &Path, target: &Path) -> Command {
    built(root, target.join("release/trunkline"), &["demo", "first-call"])
}

/// Twenty clients in one group call, and what that costs.
fn party(root: &Path, target: &Path) -> Command {
    built(root, target.join("release/trunkline"), &["demo", "party", "--seconds", "10"])
}

/// The media plane over loopback, for two seconds at each size.
fn end_to_end(root: &Path, target: &Path) -> Command {
    built(root, target.join("release/media_e2e"), &["--seconds", "2"])
}

/// Durable messages to many over TLS, through the server as a process of its own.
fn chat_end_to_end(root: &Path, target: &Path, arguments: &[&str]) -> Command {
    built(root, target.join("release/chat_e2e"), arguments)
}

fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn criterion(root: &Path, filter: Option<&str>, quick: bool) -> Command {
    let mut command = cargo();
    command.current_dir(root).args(["bench", "--locked"]).args(MEASURED);
    command.args(["--bench", "*", "--"]);
    if quick {
        command.arg("--quick");
    }
    command.args(filter);
    command
}

fn built(root: &Path, program: PathBuf, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root).args(arguments);
    command
}

const MEASURED: [&str; 4] = ["--package", "trunkline-server", "--package", "trunkline-benches"];
