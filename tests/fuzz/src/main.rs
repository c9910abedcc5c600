//! Feeds mutated input to fuzz targets: `cargo xtask fuzz <target|all>`.

use std::panic;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use clap::Parser;
use trunkline_fuzz::allocation::Counting;
use trunkline_fuzz::driver::{self, Failure, Notes};
use trunkline_fuzz::targets::{self, Target};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Feeds mutated input to the parsers of everything that a peer can send.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask fuzz")]
struct Arguments {
    /// A target, `all`, or `list`.
    target: String,
    /// How long each target runs.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// Which sequence of inputs; drawn from the clock and printed when it is not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Feeds this one input of the seed, with the full message of a panic.
    #[arg(long, requires = "seed")]
    iteration: Option<u64>,
    /// Feeds the content of this file.
    #[arg(long, conflicts_with = "iteration")]
    file: Option<PathBuf>,
    /// Where to note the iteration; given to the process of one target.
    #[arg(long, hide = true)]
    notes: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fuzz: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    if arguments.target == "list" {
        for target in targets::ALL {
            println!("{:<16} {}", target.name, target.about);
        }
        return Ok(());
    }
    let seed = arguments.seed.unwrap_or_else(drawn_seed);
    let chosen: Vec<&Target> = targets::ALL
        .iter()
        .filter(|target| arguments.target == "all" || target.name == arguments.target)
        .collect();
    let first = chosen.first().copied();
    let first = first.with_context(|| format!("no target {}: try `list`", arguments.target))?;
    if let Some(path) = &arguments.file {
        return once(first, &std::fs::read(path)?);
    }
    if let Some(iteration) = arguments.iteration {
        return once(first, &driver::input(first, &(first.samples)(), seed, iteration));
    }
    match &arguments.notes {
        Some(path) => feed(first, arguments.seconds, seed, &Notes::create(path)?),
        None => {
            println!("seed {seed}, {} s for each target", arguments.seconds);
            driver::supervise(&chosen, arguments.seconds, seed)
        }
    }
}

/// Feeds one input without a net, so that a panic shows its place and its backtrace.
fn once(target: &Target, input: &[u8]) -> anyhow::Result<()> {
    println!("{}: {} bytes", target.name, input.len());
    let accepted = (target.run)(input);
    println!("{}", if accepted { "accepted" } else { "rejected" });
    Ok(())
}

fn feed(target: &Target, seconds: u64, seed: u64, notes: &Notes) -> anyhow::Result<()> {
    panic::set_hook(Box::new(|_| {}));
    let until = Instant::now() + Duration::from_secs(seconds);
    match driver::feed(target, seed, Some(notes), |_| Instant::now() < until) {
        Ok(count) => {
            let share = 100 * count.accepted / count.inputs.max(1);
            println!("{:<16} {:>9} inputs, {share:>3} % accepted", target.name, count.inputs);
            Ok(())
        }
        Err(failure) => {
            let Failure { what, .. } = &failure;
            driver::report(target, seed, &failure)?;
            anyhow::bail!("{}: {what}", target.name)
        }
    }
}

fn drawn_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() ^ (u64::from(since.subsec_nanos()) << 16)
}
