//! A development exchange as a process of its own, and the commands that are given to it.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// A running exchange; killed with the scene.
pub(crate) struct Scene {
    process: Child,
    url: String,
    ca: String,
    directory: TempDir,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Scene {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let free = "127.0.0.1:0";
        let mut process = trunkline()
            .args(["--json", "dev", "--listen", free, "--admin-listen", free])
            .args(["--http-listen", free, "--data-directory"])
            .arg(directory.path().join("data"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self { process, url: text("url"), ca: text("ca"), directory }
    }

    /// Returns the address of the exchange.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the file of the authority that signed the exchange's certificate.
    pub(crate) fn ca(&self) -> &str {
        &self.ca
    }

    /// Makes the path of a file that goes with the scene.
    pub(crate) fn file(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// Makes a command that talks to the exchange.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = trunkline();
        command.args(arguments).args(["--url", &self.url, "--ca", &self.ca]);
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.command(arguments).output().unwrap())
    }

    /// Runs a command with something on its standard input.
    pub(crate) fn feed(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that refuses early reads no further.
        let _ = child.stdin.take().unwrap().write_all(input);
        Ran::from(child.wait_with_output().unwrap())
    }

    /// Runs a command that succeeds, and returns what it prints.
    pub(crate) fn text(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        ran.stdout.trim_end().to_owned()
    }

    /// Runs a command that succeeds, and returns the JSON that it prints, line by line.
    pub(crate) fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let arguments = [arguments, &["--json"]].concat();
        let lines = self.text(&arguments);
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // One that has ended needs no killing.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().unwrap(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

pub(crate) fn trunkline() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trunkline"));
    command.stdin(Stdio::null()).env_clear();
    command
}
