//! Runs the steps of a long task one after the other and says where it stands.
//!
//! On a terminal a line at the bottom shows the step, its time and what it does; elsewhere every
//! line of output is passed on as it comes. The first step that fails ends the task, unless it is one
//! that was only attempted.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};
use std::{env, io, thread};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};

/// The steps that have run, and how to run the next.
#[derive(Debug)]
pub(crate) struct Steps {
    total: usize,
    done: Vec<Done>,
    logs: PathBuf,
    is_terminal: bool,
    tests: Tests,
}

/// One step that is over.
#[derive(Debug)]
struct Done {
    name: &'static str,
    took: Duration,
    has_failed: bool,
}

/// What the result lines of the test binaries add up to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tests {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) left_out: u64,
}

impl Steps {
    /// Starts a task of `total` steps that writes its logs below `logs`.
    pub(crate) fn new(total: usize, logs: PathBuf, plain: bool) -> anyhow::Result<Self> {
        fs::create_dir_all(&logs).with_context(|| format!("creating {}", logs.display()))?;
        // The bottom line is drawn on the error stream.
        let is_terminal = !plain && io::stdout().is_terminal() && io::stderr().is_terminal();
        Ok(Self { total, done: Vec::new(), logs, is_terminal, tests: Tests::default() })
    }

    /// Runs a step of this program.
    pub(crate) fn run(
        &mut self,
        name: &'static str,
        step: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.announce(name);
        let started = Instant::now();
        step().with_context(|| format!("step `{name}` failed"))?;
        self.finish(name, started);
        Ok(())
    }

    /// Runs a step of one or more other programs.
    pub(crate) fn commands(
        &mut self,
        name: &'static str,
        commands: Vec<Command>,
    ) -> anyhow::Result<()> {
        self.announce(name);
        let started = Instant::now();
        self.programs(name, commands, started)?;
        self.finish(name, started);
        Ok(())
    }

    /// Runs a step of other programs on which no other step depends.
    pub(crate) fn attempt(&mut self, name: &'static str, commands: Vec<Command>) {
        self.announce(name);
        let started = Instant::now();
        match self.programs(name, commands, started) {
            Ok(()) => self.finish(name, started),
            Err(error) => {
                let (place, took) = (self.done.len() + 1, started.elapsed());
                println!(
                    "[{place}/{}] {name}: FAILED, {:.1} s: {error:#}",
                    self.total,
                    took.as_secs_f64()
                );
                self.done.push(Done { name, took, has_failed: true });
            }
        }
    }

    /// Returns the names of the steps that were attempted and failed.
    pub(crate) fn failed(&self) -> Vec<&'static str> {
        self.done.iter().filter(|step| step.has_failed).map(|step| step.name).collect()
    }

    /// Prints how long each step took.
    pub(crate) fn summary(&self) {
        println!("\n{:<24} {:>8}", "step", "seconds");
        for step in &self.done {
            let verdict = if step.has_failed { "  FAILED" } else { "" };
            println!("{:<24} {:>8.1}{verdict}", step.name, step.took.as_secs_f64());
        }
        let total: Duration = self.done.iter().map(|step| step.took).sum();
        println!("{:<24} {:>8.1}", "total", total.as_secs_f64());
        let Tests { passed, failed, left_out } = self.tests;
        if passed + failed > 0 {
            println!("tests: {passed} passed, {failed} failed, {left_out} left out");
        }
        match self.failed().len() {
            0 => println!("all {} steps passed", self.done.len()),
            failed => println!("{failed} of {} steps failed", self.done.len()),
        }
    }

    /// Returns the sum over all result lines so far.
    pub(crate) fn tests(&self) -> Tests {
        self.tests
    }

    fn announce(&self, name: &str) {
        println!("\n[{}/{}] {name}", self.done.len() + 1, self.total);
    }

    fn finish(&mut self, name: &'static str, started: Instant) {
        let took = started.elapsed();
        println!(
            "[{}/{}] {name}: ok, {:.1} s",
            self.done.len() + 1,
            self.total,
            took.as_secs_f64()
        );
        self.done.push(Done { name, took, has_failed: false });
    }

    fn programs(
        &mut self,
        name: &str,
        commands: Vec<Command>,
        started: Instant,
    ) -> anyhow::Result<()> {
        let log = self.logs.join(format!("{name}.log"));
        let mut file = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        for command in commands {
            self.command(name, command, started, &mut file)?;
        }
        Ok(())
    }

    fn command(
        &mut self,
        name: &str,
        mut command: Command,
        started: Instant,
        log: &mut File,
    ) -> anyhow::Result<()> {
        let shown = shown(&command);
        println!("$ {shown}");
        if self.is_terminal && env::var_os("NO_COLOR").is_none() {
            command.env("CARGO_TERM_COLOR", "always");
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("starting {shown}"))?;
        let (sender, lines) = mpsc::channel();
        forward(child.stdout.take(), sender.clone());
        forward(child.stderr.take(), sender);
        let bar = self.bar(name);
        loop {
            match lines.recv_timeout(TICK) {
                Ok(line) => {
                    writeln!(log, "{line}")?;
                    self.tests.add(&line);
                    self.show(&bar, &line);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if started.elapsed() > LONGEST_STEP {
                stop(&mut child);
                bar.finish_and_clear();
                bail!("step `{name}` was stopped after {} s: {shown}", LONGEST_STEP.as_secs());
            }
        }
        let status = child.wait()?;
        bar.finish_and_clear();
        if !status.success() {
            bail!("step `{name}` failed ({status}): {shown}; output in {}", self.logs.display());
        }
        Ok(())
    }

    fn bar(&self, name: &str) -> ProgressBar {
        if !self.is_terminal {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg}");
        let bar = ProgressBar::new_spinner();
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_prefix(format!("[{}/{}] {name}", self.done.len() + 1, self.total));
        bar.enable_steady_tick(TICK);
        bar
    }

    /// On a terminal, what only says that work goes on is shown at the bottom and not kept.
    fn show(&self, bar: &ProgressBar, line: &str) {
        if !self.is_terminal {
            println!("{line}");
        } else if is_transient(line) {
            bar.set_message(format!("{} passed · {}", self.tests.passed, line.trim()));
        } else {
            bar.println(line);
        }
    }
}

impl Tests {
    /// Takes one line of output: adds the numbers of a result line of a test binary.
    fn add(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ") else { return };
        let counts = counts.split_once(". ").map_or(counts, |(_, counts)| counts);
        let mut by_word = BTreeMap::new();
        for part in counts.split(';') {
            if let Some((number, word)) = part.trim().split_once(' ') {
                by_word.insert(word.trim(), number.parse::<u64>().unwrap_or_default());
            }
        }
        let count = |word| by_word.get(word).copied().unwrap_or_default();
        self.passed += count("passed");
        self.failed += count("failed");
        self.left_out += count("ignored") + count("filtered out");
    }
}

/// Spells a command as somebody would type it.
fn shown(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let program = program.file_name().unwrap_or(command.get_program()).to_string_lossy();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy());
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// Sends each line of a stream until it ends; the thread ends with the stream.
fn forward(stream: Option<impl Read + Send + 'static>, sender: Sender<String>) {
    let Some(stream) = stream else { return };
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
            if sender.send(line).is_err() {
                break;
            }
        }
    });
}

fn is_transient(line: &str) -> bool {
    let line = line.trim_start_matches(|c: char| !c.is_ascii_alphabetic()).trim_start();
    let is_cargo = ["Compiling ", "Checking ", "Documenting ", "Downloaded ", "Downloading "]
        .iter()
        .any(|word| line.starts_with(word));
    is_cargo || (line.starts_with("test ") && line.ends_with("ok"))
}

/// Kills a child and everything that it started, so that no browser or exchange stays behind.
fn stop(child: &mut Child) {
    let mut doomed = vec![child.id()];
    let mut next = 0;
    while let Some(parent) = doomed.get(next).copied() {
        doomed.extend(children(parent));
        next += 1;
    }
    let _ = child.kill();
    let ids = doomed.iter().skip(1).map(u32::to_string);
    let _ = Command::new("kill").arg("-KILL").args(ids).stderr(Stdio::null()).status();
    let _ = child.wait();
}

fn children(parent: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{parent}/task")) else { return Vec::new() };
    let listed = |task: io::Result<fs::DirEntry>| {
        fs::read_to_string(task.ok()?.path().join("children")).ok()
    };
    let text: Vec<String> = tasks.filter_map(listed).collect();
    text.iter().flat_map(|list| list.split_whitespace()).filter_map(|id| id.parse().ok()).collect()
}

/// A step that takes longer than this hangs: the longest one compiles everything from nothing.
const LONGEST_STEP: Duration = Duration::from_mins(60);

/// How often the bottom line moves. Shorter costs wake-ups on the machine that is measured.
const TICK: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(name: &str) -> Steps {
        let logs = env::temp_dir().join(format!("trunkline-steps-{name}-{}", std::process::id()));
        Steps::new(2, logs, true).unwrap()
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_failing_program_ends_the_step_and_is_named() {
        let mut steps = steps("fail");
        let result = steps.commands("lint", vec![shell("exit 3"), shell("echo unreachable")]);
        let error = result.unwrap_err().to_string();
        assert!(error.contains("step `lint` failed (exit status: 3)"), "{error}");
        assert!(steps.done.is_empty());
    }

    #[test]
    fn an_attempt_that_fails_is_told_and_the_next_step_runs() {
        let mut steps = steps("attempt");
        steps.attempt("faults", vec![shell("exit 3")]);
        steps.attempt("samples", vec![shell("true")]);
        assert_eq!(steps.failed(), ["faults"]);
        assert_eq!(steps.done.len(), 2);
    }

    #[test]
    fn result_lines_of_all_test_binaries_are_added_up() {
        let mut steps = steps("sum");
        let line = "test result: ok. 7 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out";
        let script = format!("echo '{line}; finished in 0.1s'; echo '{line}' >&2");
        steps.commands("tests", vec![shell(&script)]).unwrap();
        assert_eq!(steps.tests(), Tests { passed: 14, failed: 0, left_out: 6 });
    }

    #[test]
    fn failed_tests_are_counted() {
        let mut tests = Tests::default();
        tests.add("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out");
        assert_eq!(tests, Tests { passed: 3, failed: 2, left_out: 0 });
    }
}
