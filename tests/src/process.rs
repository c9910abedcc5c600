//! Runs programs of a test with an end to every wait.

use std::io;
use std::process::{Command, Output, Stdio};
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
    fn what_a_program_prints_is_returned() {
        let mut command = Command::new("echo");
        command.arg("heard");
        let output = output_within(command, Duration::from_secs(30)).unwrap();
        assert_eq!(output.stdout, b"heard\n");
    }
}
