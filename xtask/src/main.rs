//! Workspace tasks, run as `cargo xtask <task>`.
//!
//! Nothing here is part of the product: no crate depends on this one.

use std::process::{Command, ExitCode};

use anyhow::{Context, ensure};

use clap::{Parser, Subcommand};

mod codegen;
mod deny;
mod lint;
mod peers;
mod steps;
mod suite;
mod tidy;
mod walks;
mod web;
mod workspace;

/// Workspace tasks: what a contributor or CI runs.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run the benches whose name contains the filter.
    Bench {
        /// For example `fanout/100`.
        filter: Option<String>,
    },
    /// Run what `test` runs, with output for a log.
    Ci(suite::Options),
    /// Compile `proto/` into crates/proto and crates/api.
    Codegen {
        /// Change nothing; fail when the committed output differs.
        #[arg(long)]
        check: bool,
    },
    /// Check what the workspace is built from against deny.toml: bans, licenses, sources.
    Deny,
    /// Format every crate.
    Fmt {
        /// Change nothing; fail when a file is not formatted.
        #[arg(long)]
        check: bool,
    },
    /// Feed mutated input to the parsers of everything that a peer can send.
    Fuzz {
        /// What the fuzzer takes: a target or `all`, then `--seconds`, `--seed`, `--iteration`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run clippy, rustdoc and buf; a warning is an error.
    Lint,
    /// Install the real peers that tests use, and print where they are.
    Peers,
    /// Install what the tests need, then run everything that must pass.
    Test(suite::Options),
    /// Check the rules that no lint can hold: layers, file shape, freshness of generated files.
    Tidy,
    /// Walk through the packages of the browser in one: what `test` leaves out for its length.
    Walks(walks::Options),
    /// Bundle the app for people, so that a build with the feature `app` carries it.
    Web,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: FAILED: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    let root = workspace::root();
    match task {
        Task::Bench { filter } => {
            suite::bench(&root, filter.as_deref())?.into_iter().try_for_each(pass_on)
        }
        Task::Ci(options) => suite::run(&root, options, true),
        Task::Codegen { check: true } => codegen::check(&root),
        Task::Codegen { check: false } => codegen::write(&root),
        Task::Deny => deny::run(&root),
        Task::Fmt { check } => pass_on(lint::fmt(&root, check)),
        Task::Fuzz { arguments } => {
            let mut command = workspace::cargo();
            command.current_dir(&root).args([
                "run",
                "--quiet",
                "--package",
                "trunkline-fuzz",
                "--",
            ]);
            command.args(arguments);
            pass_on(command)
        }
        Task::Lint => {
            pass_on(lint::clippy(&root))?;
            pass_on(lint::rustdoc(&root))?;
            pass_on(lint::buf(&root, &peers::buf(&root)?))
        }
        Task::Peers => {
            for (name, path) in peers::Peers::install(&root)?.variables() {
                println!("export {name}={}", path.display());
            }
            Ok(())
        }
        Task::Test(options) => suite::run(&root, options, false),
        Task::Tidy => tidy::run(&root),
        Task::Walks(options) => walks::run(&root, &options),
        Task::Web => web::run(&root),
    }
}

/// Runs a command with this terminal as its own.
fn pass_on(mut command: Command) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("starting {program}"))?;
    ensure!(status.success(), "{program} ended with {status}");
    Ok(())
}
