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
use crate::{deny, lint, tidy, web};

/// How to run the suite.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Options {
    /// Leave out the tests with real peers (browser, Python), those of the packages of the browser, and
    /// the lint of the protocol files.
    #[arg(long)]
    without_peers: bool,
    /// Build for release as well, and print the figures of the demos and benches there: those count.
    #[arg(long)]
    figures: bool,
}

/// Runs every step; `plain` passes output on line by line, as a log wants it.
pub(crate) fn run(root: &Path, options: Options, plain: bool) -> anyhow::Result<()> {
    let mut total = 10;
    total -= usize::from(options.without_peers) * 3;
    total += usize::from(options.figures);
    let target = Metadata::load(root)?.target_directory;
    let mut steps = Steps::new(total, target.join("xtask"), plain)?;

    let mut peers = None;
    if options.without_peers {
        println!(
            "--without-peers: LEAVING OUT the tests in modules `with_peers`, those of the packages of \
             the browser, and `buf lint`"
        );
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
        steps.commands("web packages", web::tests(root))?;
    }
    steps.commands("lint", vec![lint::clippy(root), lint::rustdoc(root)])?;
    steps.commands("tests", vec![own_tests(root), tests(root, peers.as_ref())])?;
    ensure!(steps.tests().passed > 0, "step `tests` ran no test");
    steps.commands("fuzz", vec![fuzz(root, &target)])?;
    steps.commands(
        "demos and benches",
        vec![
            debug_build(root),
            first_call(root, &target.join("debug")),
            demo(root, &target.join("debug"), "meeting"),
            demo(root, &target.join("debug"), "roster"),
            party(root, &target.join("debug"), "5"),
            criterion_once(root),
            end_to_end(root, &target.join("debug"), "1"),
            chat_end_to_end(root, &target.join("debug"), &["--seconds", "1", "--idle", "100"]),
            group_commit(root, &target.join("debug"), &["--seconds", "1", "--writers", "32"]),
        ],
    )?;
    if options.figures {
        let release = target.join("release");
        steps.commands(
            "figures",
            vec![
                release_build(root),
                first_call(root, &release),
                party(root, &release, "10"),
                criterion(root, None, true),
                end_to_end(root, &release, "2"),
                chat_end_to_end(root, &release, &["--seconds", "1", "--idle", "100"]),
                group_commit(root, &release, &["--seconds", "2"]),
            ],
        )?;
    } else {
        println!(
            "the figures above are of an unoptimized build; `--figures` adds those that count"
        );
    }
    steps.summary();
    Ok(())
}

/// Returns the commands that run the benches: those of the cores whose name has the filter, and
/// without a filter media and chat from end to end as well, chat beside another server where one is
/// installed, and group commit.
pub(crate) fn bench(root: &Path, filter: Option<&str>) -> anyhow::Result<Vec<Command>> {
    let mut commands = vec![criterion(root, filter, false)];
    if filter.is_none() {
        let release = Metadata::load(root)?.target_directory.join("release");
        let peer: &[&str] = match is_on_path("prosody") {
            true => &["--against", "prosody"],
            false => {
                println!("prosody is not installed: LEAVING OUT chat beside another server");
                &[]
            }
        };
        let chat = chat_end_to_end(root, &release, peer);
        let commits = group_commit(root, &release, &[]);
        commands.extend([release_build(root), end_to_end(root, &release, "2"), chat, commits]);
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

/// Builds the programs that the next commands run. The tests among them give dependencies the
/// features with which they were compiled before.
pub(crate) fn debug_build(root: &Path) -> Command {
    let mut command = cargo();
    command.current_dir(root).args(["build", "--workspace", "--exclude", "xtask", "--locked"]);
    command.args(["--bins", "--tests", "--benches"]);
    command
}

/// Builds what is measured. The two packages together, here and for the benches, so that their
/// dependencies have the same features and are compiled once.
fn release_build(root: &Path) -> Command {
    let mut command = cargo();
    command.current_dir(root).args(["build", "--release", "--locked", "--bins"]).args(MEASURED);
    command
}

/// A whole call: two people, real media, printed figures.
fn first_call(root: &Path, programs: &Path) -> Command {
    built(root, programs.join("trunkline"), &["demo", "first-call"])
}

/// A scenario that takes no options.
fn demo(root: &Path, programs: &Path, name: &str) -> Command {
    built(root, programs.join("trunkline"), &["demo", name])
}

/// Twenty clients in one group call, and what that costs.
fn party(root: &Path, programs: &Path, seconds: &str) -> Command {
    built(root, programs.join("trunkline"), &["demo", "party", "--seconds", seconds])
}

/// The media plane over loopback, for so long at each size.
fn end_to_end(root: &Path, programs: &Path, seconds: &str) -> Command {
    built(root, programs.join("media_e2e"), &["--seconds", seconds])
}

/// Durable messages to many over TLS, through the server as a process of its own.
fn chat_end_to_end(root: &Path, programs: &Path, arguments: &[&str]) -> Command {
    built(root, programs.join("chat_e2e"), arguments)
}

/// Durable messages of many writers beside those of one, where temporary files go.
fn group_commit(root: &Path, programs: &Path, arguments: &[&str]) -> Command {
    built(root, programs.join("group_commit"), arguments)
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

/// Runs every bench once, to see that it runs: what it prints is no figure.
fn criterion_once(root: &Path) -> Command {
    let mut command = cargo();
    command.current_dir(root).args(["test", "--workspace", "--exclude", "xtask", "--locked"]);
    command.args(["--bench", "*"]);
    command
}

fn built(root: &Path, program: PathBuf, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root).args(arguments);
    command
}

const MEASURED: [&str; 4] = ["--package", "trunkline-server", "--package", "trunkline-benches"];
