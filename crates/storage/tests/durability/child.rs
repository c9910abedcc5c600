//! The test binary once more, as another process.

use std::{
    io::{BufRead, BufReader, Lines},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

/// Another process, killed at the latest when this goes.
pub(crate) struct Other {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Other {
    /// Runs one test of this binary as another process, with a directory.
    pub(crate) fn run(test: &str, directory: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env(DIRECTORY, directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Returns the next line that the process said as [`say`] does; `None` when it has ended.
    pub(crate) fn next_line(&mut self) -> Option<String> {
        loop {
            let line = self.lines.next()?.unwrap();
            // The first follows the name of the test; one that was cut off by a kill has no end.
            let said = line.split_once('>').and_then(|(_, said)| said.strip_suffix(';'));
            if let Some(said) = said {
                return Some(said.to_owned());
            }
        }
    }

    /// Kills the process as nothing can be caught, and returns what it had still said.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::iter::from_fn(|| self.next_line()).collect()
    }

    /// Lets the process end by itself: it sees the end of its input.
    pub(crate) fn finish(mut self) {
        drop(self.child.stdin.take());
        let status = self.child.wait().unwrap();
        assert!(status.success(), "the other process: {status}");
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // One that has ended cannot be killed, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the directory if this is the other process.
pub(crate) fn directory() -> Option<std::path::PathBuf> {
    std::env::var_os(DIRECTORY).map(Into::into)
}

/// Says a line to the process that started this one.
pub(crate) fn say(line: &str) {
    println!(">{line};");
}

const DIRECTORY: &str = "TRUNKLINE_TEST_DIRECTORY";
