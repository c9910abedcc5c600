//! A progress bar for work that takes a while, where somebody can see it.

use std::io::{IsTerminal as _, stderr};

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::Output;

/// Makes a bar of `total` steps; invisible for programs and in logs.
pub(crate) fn bar(output: &Output, total: u64, what: &'static str) -> ProgressBar {
    if output.is_json() || !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{prefix:<10} [{bar:30}] {pos}/{len}, {eta} left");
    let bar = ProgressBar::new(total);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(what);
    bar
}
