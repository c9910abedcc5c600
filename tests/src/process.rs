//! Runs programs of a test with an end to every wait.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Runs a program to its end and returns what it printed; kills it when the time is over.
///
/// Blocks the thread.
///
/// # Errors
/// When the program cannot be started, or with `TimedOut` when it does not end in time.
pub fn output_within(mut command: Command, limit: Duration) -> io::Result<Output> {
    let child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let id = child.id();
    let waiter = thread::spawn(move || child.wait_with_output());
    let deadline = Instant::now() + limit;
    while !waiter.is_finished() && Instant::now() < deadline {
        thread::sleep(POLL);
    }
    let is_late = !waiter.is_finished();
    if is_late {
        // The waiter owns the child, so the process is ended by its id, which is still its own:
        // nobody has waited for it.
        Command::new("kill").args(["-KILL", &id.to_string()]).status()?;
    }
    let output = waiter.join().map_err(|_| io::Error::other("the waiting thread panicked"))??;
    if is_late {
        let words =
            format!("not done within {limit:?}: {}", String::from_utf8_lossy(&output.stdout));
        return Err(io::Error::new(io::ErrorKind::TimedOut, words));
    }
    Ok(output)
}

/// Runs a program to its end, hands each line that it prints to `hear`, and writes what that returns to
/// the program as a line; returns what else it printed. Kills it when the time is over.
///
/// Blocks the thread.
///
/// # Errors
/// When the program cannot be started, or with `TimedOut` when it does not end in time.
pub fn converse_within(
    mut command: Command,
    limit: Duration,
    mut hear: impl FnMut(&str) -> Option<String>,
) -> io::Result<Output> {
    let piped = Stdio::piped;
    let mut child = command.stdin(piped()).stdout(piped()).stderr(piped()).spawn()?;
    let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut input), Some(output), Some(mut complaint)) = streams else {
        return Err(io::Error::other("the program has no pipes"));
    };
    let stderr = thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before a failure is worth more than the failure.
        let _ = complaint.read_to_end(&mut bytes);
        bytes
    });
    let (done, waiting) = mpsc::channel::<()>();
    let id = child.id();
    let watch = thread::spawn(move || {
        let is_late = waiting.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
        if is_late {
            // Nobody has waited for the program yet, so the id is still its own.
            let _ = Command::new("kill").args(["-KILL", &id.to_string()]).status();
        }
        is_late
    });
    let mut printed = Vec::new();
    for line in BufReader::new(output).lines() {
        let line = line?;
        if let Some(answer) = hear(&line) {
            // One that has ended meanwhile says so by its output.
            let _ = writeln!(input, "{answer}");
        }
        printed.extend_from_slice(line.as_bytes());
        printed.push(b'\n');
    }
    drop(done);
    let is_late = watch.join().map_err(|_| io::Error::other("the watching thread panicked"))?;
    let status = child.wait()?;
    let stderr = stderr.join().map_err(|_| io::Error::other("the reading thread panicked"))?;
    if is_late {
        let words = format!("not done within {limit:?}: {}", String::from_utf8_lossy(&printed));
        return Err(io::Error::new(io::ErrorKind::TimedOut, words));
    }
    Ok(Output { status, stdout: printed, stderr })
}

/// Short beside the seconds that such programs run.
const POLL: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_does_not_end_is_killed() {
        let mut command = Command::new("sleep");
        command.arg("60");
        let begun = Instant::now();
        let error = output_within(command, Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_program_is_answered_line_by_line() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo first; read answer; echo \"second $answer\"; echo third >&2"]);
        let mut heard = vec![];
        let output = converse_within(command, Duration::from_secs(30), |line| {
            heard.push(line.to_owned());
            Some(format!("to {line}"))
        });
        let output = output.unwrap();
        assert_eq!(heard, ["first", "second to first"]);
        assert_eq!(output.stdout, b"first\nsecond to first\n");
        assert_eq!(output.stderr, b"third\n");
    }

    #[test]
    fn a_program_that_says_nothing_more_is_killed() {
        let mut command = Command::new("sleep");
        command.arg("60");
        let error = converse_within(command, Duration::from_millis(50), |_| None).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn what_a_program_prints_is_returned() {
        let mut command = Command::new("echo");
        command.arg("heard");
        let output = output_within(command, Duration::from_secs(30)).unwrap();
        assert_eq!(output.stdout, b"heard\n");
    }
}
