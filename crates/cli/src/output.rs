//! Text for people, JSON for programs.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::failure::Failure;

/// Where a command's results go.
#[derive(Debug)]
pub(crate) struct Output {
    is_json: bool,
    has_colors: bool,
}

impl Output {
    pub(crate) fn new(is_json: bool) -> Self {
        Self { is_json, has_colors: !is_json && colors_wanted() && std::io::stdout().is_terminal() }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.is_json
    }

    /// Prints `text`, or `value` as one line of JSON.
    pub(crate) fn print(&self, text: impl AsRef<str>, value: impl FnOnce() -> Value) {
        let line = match self.is_json {
            true => value().to_string(),
            false => text.as_ref().to_owned(),
        };
        // A closed pipe is the reader's choice, not a failure of the command.
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }

    /// Prints a line for people only.
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        if !self.is_json {
            let _ = writeln!(std::io::stdout().lock(), "{}", text.as_ref());
        }
    }

    /// Prints the failure and returns its exit code.
    pub(crate) fn failure(&self, failure: &Failure) -> ExitCode {
        let family = failure.family();
        let mut stderr = std::io::stderr().lock();
        let _ = match self.is_json {
            true => {
                let error = json!({"family": family.name(), "message": failure.to_string()});
                writeln!(stderr, "{}", json!({ "error": error }))
            }
            false => writeln!(stderr, "error: {failure}"),
        };
        ExitCode::from(family.exit_code())
    }

    pub(crate) fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(crate) fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(crate) fn tick(&self, passed: bool) -> String {
        match passed {
            true => self.paint("32", "✔"),
            false => self.paint("31", "✘"),
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        match self.has_colors {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }
}

/// Whether log lines on standard error may be colored.
pub(crate) fn stderr_has_colors() -> bool {
    colors_wanted() && std::io::stderr().is_terminal()
}

/// Follows the convention of <https://no-color.org>.
fn colors_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
