//! Workspace tasks, run as `cargo xtask <task>`.
//!
//! Nothing here is part of the product: no crate depends on this one.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod codegen;
mod deny;
mod tidy;
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
    /// Compile `proto/` into crates/proto and crates/api.
    Codegen {
        /// Change nothing; fail when the committed output differs.
        #[arg(long)]
        check: bool,
    },
    /// Check the rules that no lint can hold: layers, file shape, freshness of generated files.
    Tidy,
    /// Check what the workspace is built from against deny.toml: bans, licenses, sources.
    Deny,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    let root = workspace::root();
    match task {
        Task::Codegen { check: true } => codegen::check(&root),
        Task::Codegen { check: false } => codegen::write(&root),
        Task::Deny => deny::run(&root),
        Task::Tidy => tidy::run(&root),
    }
}
