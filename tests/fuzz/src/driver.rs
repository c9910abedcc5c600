//! Feeds a target until the time is over, and reports the first input that breaks it.
//!
//! Each target runs in a process of its own. The process writes down which iteration it is at, so
//! that a stack overflow, an abort or a hang is reported with the number that repeats it, too.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};
use std::{env, thread};

use anyhow::{Context, bail};

use crate::random::Random;
use crate::targets::Target;
use crate::{allocation, mutate};

/// What a run saw.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Count {
    /// Inputs fed.
    pub inputs: u64,
    /// How many of them the target accepted.
    pub accepted: u64,
}

/// The first input that broke a target.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// Which iteration of the seed it is.
    pub iteration: u64,
    /// What went wrong.
    pub what: String,
    /// The input.
    pub input: Vec<u8>,
}

/// Where a process notes the iteration it is at.
#[derive(Debug)]
pub struct Notes(File);

impl Notes {
    /// Opens the notes of one target, empty.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        Ok(Self(File::create(path).with_context(|| format!("creating {}", path.display()))?))
    }

    fn write(&self, iteration: u64) {
        // A note that is lost only costs the number in the report of a crash.
        let _ = self.0.write_at(&iteration.to_be_bytes(), 0);
    }

    fn read(path: &Path) -> Option<u64> {
        Some(u64::from_be_bytes(fs::read(path).ok()?.try_into().ok()?))
    }
}

/// Returns the input of one iteration.
pub fn input(target: &Target, samples: &[Vec<u8>], seed: u64, iteration: u64) -> Vec<u8> {
    mutate::input(target, samples, &mut Random::new(seed, target.name, iteration))
}

/// Feeds inputs while `goes_on` says so for the iteration.
///
/// # Errors
///
/// The first input that made the target panic or allocate without measure.
pub fn feed(
    target: &Target,
    seed: u64,
    notes: Option<&Notes>,
    mut goes_on: impl FnMut(u64) -> bool,
) -> Result<Count, Failure> {
    let samples = (target.samples)();
    let mut count = Count::default();
    let mut iteration = 0;
    while goes_on(iteration) {
        if let Some(notes) = notes {
            notes.write(iteration);
        }
        let input = input(target, &samples, seed, iteration);
        match run(target, &input) {
            Ok(accepted) => count.accepted += u64::from(accepted),
            Err(what) => return Err(Failure { iteration, what, input }),
        }
        count.inputs += 1;
        iteration += 1;
    }
    Ok(count)
}

/// Feeds one input.
///
/// # Errors
///
/// What went wrong.
pub fn run(target: &Target, input: &[u8]) -> Result<bool, String> {
    let begin = allocation::begin();
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let peak = allocation::peak_since(begin);
    let accepted = outcome.map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        format!("panic: {}", text.unwrap_or("no message"))
    })?;
    let allowed = MEMORY_FLOOR_BYTES + input.len() * MEMORY_PER_BYTE;
    if peak > allowed {
        return Err(format!("{} bytes of input made it allocate {peak} bytes", input.len()));
    }
    Ok(accepted)
}

/// Runs each target in a process of its own for `seconds` and prints one line for each.
pub fn supervise(targets: &[&Target], seconds: u64, seed: u64) -> anyhow::Result<()> {
    let folder = env::current_dir()?.join("target/fuzz");
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let mut broken = 0_usize;
    for target in targets {
        let notes = folder.join(format!("{}.notes", target.name));
        let child = Command::new(env::current_exe()?)
            .arg(target.name)
            .args(["--seconds", &seconds.to_string(), "--seed", &seed.to_string()])
            .arg("--notes")
            .arg(&notes)
            .spawn()
            .context("starting the process of a target")?;
        let what = match wait(child, Duration::from_secs(seconds) + PATIENCE)? {
            Some(status) if status.success() => continue,
            // The process has said itself what broke.
            Some(status) if status.code().is_some() => None,
            Some(status) => Some(format!("the process died: {status}")),
            None => Some("the process hung and was killed".to_owned()),
        };
        broken += 1;
        if let (Some(what), Some(iteration)) = (what, Notes::read(&notes)) {
            let input = input(target, &(target.samples)(), seed, iteration);
            report(target, seed, &Failure { iteration, what, input })?;
        }
    }
    match broken {
        0 => Ok(()),
        1 => bail!("1 of {} targets broke", targets.len()),
        _ => bail!("{broken} of {} targets broke", targets.len()),
    }
}

/// Prints a failure with the command that repeats it, and keeps the input.
pub fn report(target: &Target, seed: u64, failure: &Failure) -> anyhow::Result<PathBuf> {
    let Failure { iteration, what, input } = failure;
    let path = env::current_dir()?.join(format!("target/fuzz/{}-{seed}-{iteration}", target.name));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&path, input).with_context(|| format!("writing {}", path.display()))?;
    println!("{}: BROKEN at seed {seed}, iteration {iteration}: {what}", target.name);
    println!("  input, {} bytes: {}", input.len(), shown(input));
    println!("  kept in {}; repeat it with:", path.display());
    println!("  cargo xtask fuzz {} --seed {seed} --iteration {iteration}", target.name);
    Ok(path)
}

/// Waits for a process, or kills it when it takes longer than allowed.
fn wait(mut child: Child, allowed: Duration) -> anyhow::Result<Option<ExitStatus>> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() > allowed {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn shown(input: &[u8]) -> String {
    let hex: String = input.iter().take(SHOWN_BYTES).map(|byte| format!("{byte:02x}")).collect();
    if input.len() > SHOWN_BYTES { format!("{hex}…") } else { hex }
}

/// How long after its time a process may go on with its last input before it counts as hung. The
/// machine may be busy with other tests; a larger value only delays the report of a real hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// What any input may make a target allocate, whatever its size: queues and tables of a fresh
/// session or association.
const MEMORY_FLOOR_BYTES: usize = 1 << 20;

/// What a byte of input may make a target allocate. A parsed JSON value costs about a hundred
/// times its text; protobuf and SDP cost less.
const MEMORY_PER_BYTE: usize = 512;

const SHOWN_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<Vec<u8>> {
        vec![b"abcdefgh".to_vec()]
    }

    fn breaks_on_zero(input: &[u8]) -> bool {
        assert!(!input.contains(&0), "a zero");
        input.len() > 4
    }

    const BRITTLE: Target = Target {
        name: "brittle",
        about: "panics on a zero",
        run: breaks_on_zero,
        samples: sample,
        words: &[],
        longest_bytes: 64,
    };

    #[test]
    fn a_panic_is_found_and_the_same_seed_and_iteration_repeat_it() {
        let failure = feed(&BRITTLE, 1, None, |iteration| iteration < 10_000).unwrap_err();
        assert_eq!(failure.what, "panic: a zero");
        let again = input(&BRITTLE, &sample(), 1, failure.iteration);
        assert_eq!(again, failure.input);
        assert!(run(&BRITTLE, &again).is_err());
    }

    #[test]
    fn inputs_stay_within_the_longest_length_and_some_are_accepted() {
        const STURDY: Target = Target { name: "sturdy", run: |input| input.len() <= 64, ..BRITTLE };
        let count = feed(&STURDY, 1, None, |iteration| iteration < 2_000).unwrap();
        assert_eq!(count, Count { inputs: 2_000, accepted: 2_000 });
    }

    #[test]
    fn a_long_input_is_shown_by_its_beginning() {
        assert_eq!(shown(&[0xab, 0x01]), "ab01");
        assert!(shown(&[0; 100]).ends_with("00…"));
    }
}
