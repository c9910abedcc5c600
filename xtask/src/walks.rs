//! `cargo xtask walks`: the walks in a browser that `cargo xtask test` leaves out for their length.
//!
//! Each starts an exchange of its own. One that fails does not keep the others from running.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use clap::ValueEnum;

use crate::peers::Browser;
use crate::steps::Steps;
use crate::workspace::Metadata;
use crate::{suite, web};

/// What to walk.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only these; without a name all of them.
    #[arg(value_name = "WALK")]
    walks: Vec<Walk>,
}

/// A script that drives a browser.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Walk {
    /// The app for people, scene by scene.
    App,
    /// The unmodified composites of communication-react.
    Composites,
    /// What communication-react relies on, rule by rule.
    Contract,
    /// What goes wrong around a call of the calling package.
    Faults,
    /// Code as other programs write it for the calling package.
    Samples,
    /// Two people call each other with the calling package.
    TwoTabs,
}

/// Installs and builds what the walks need, and takes them one after the other.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let wanted = |walk: &Walk| options.walks.is_empty() || options.walks.contains(walk);
    let walks: Vec<Walk> = ORDER.into_iter().filter(wanted).collect();
    let target = Metadata::load(root)?.target_directory;
    let given = env::var_os(EXCHANGE).map(PathBuf::from);
    let preparations = if given.is_some() { 2 } else { 3 };
    let mut steps = Steps::new(preparations + walks.len(), target.join("xtask"), false)?;

    let mut browser = None;
    steps.run("peers", || {
        browser = Some(Browser::install(root)?);
        Ok(())
    })?;
    let browser = browser.context("the step `peers` found a browser")?;
    steps.commands("web packages", packages(root, &walks))?;
    let exchange = match given {
        Some(program) => {
            println!("exchange: {} ({EXCHANGE})", program.display());
            program
        }
        None => {
            steps.commands("exchange", vec![suite::debug_build(root)])?;
            target.join("debug/trunkline")
        }
    };
    ensure!(exchange.is_file(), "{} is no program", exchange.display());

    for walk in walks {
        let pictures = target.join("xtask/pictures").join(walk.name());
        fs::create_dir_all(&pictures)
            .with_context(|| format!("creating {}", pictures.display()))?;
        let mut command = walk.command(root, &browser);
        command.env(EXCHANGE, &exchange).env("TRUNKLINE_PICTURES", &pictures);
        steps.attempt(walk.name(), vec![command]);
    }
    steps.summary();
    let failed = steps.failed();
    ensure!(failed.is_empty(), "failed: {}; pictures in target/xtask/pictures", failed.join(", "));
    Ok(())
}

/// Returns the commands that install and build the packages of these walks.
fn packages(root: &Path, walks: &[Walk]) -> Vec<Command> {
    let mut commands = web::calling(root);
    if walks.contains(&Walk::App) {
        commands.extend(web::app(root));
    }
    if walks.iter().any(|walk| matches!(walk, Walk::Composites | Walk::Contract)) {
        commands.extend(web::compat(root));
    }
    commands
}

impl Walk {
    fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Composites => "composites",
            Self::Contract => "contract",
            Self::Faults => "faults",
            Self::Samples => "samples",
            Self::TwoTabs => "two-tabs",
        }
    }

    /// The folder below `crates/web`, and what node is to run there.
    fn script(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::App => ("app", &["test/walk.mjs"]),
            Self::Composites => ("compat", &["test/composites.mjs"]),
            Self::Contract => ("compat", &["--test", "test/contract.test.mjs"]),
            Self::Faults => ("calling", &["test/browser/faults.mjs"]),
            Self::Samples => ("calling", &["test/browser/samples.mjs"]),
            Self::TwoTabs => ("calling", &["test/browser/two-tabs.mjs"]),
        }
    }

    fn command(self, root: &Path, browser: &Browser) -> Command {
        let (folder, arguments) = self.script();
        let mut command = Command::new(&browser.node);
        command.args(arguments).current_dir(root.join("crates/web").join(folder));
        command.envs(browser.variables());
        // An exchange that runs already is for those who call the script themselves.
        for variable in ["TRUNKLINE_ORIGIN", "TRUNKLINE_APP_SERVED", "TRUNKLINE_REPORT"] {
            command.env_remove(variable);
        }
        command
    }
}

/// Names the exchange to walk against, instead of the one that would be built.
const EXCHANGE: &str = "TRUNKLINE_EXCHANGE";

/// Short ones first.
const ORDER: [Walk; 6] =
    [Walk::TwoTabs, Walk::Samples, Walk::Contract, Walk::Faults, Walk::Composites, Walk::App];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn every_walk_is_taken_has_its_name_and_is_there() {
        for walk in Walk::value_variants() {
            assert!(ORDER.contains(walk), "{walk:?} is never taken");
            let name = walk.to_possible_value().unwrap();
            assert_eq!(name.get_name(), walk.name());
            let (folder, arguments) = walk.script();
            let script = workspace::root().join("crates/web").join(folder);
            let script = script.join(arguments.last().unwrap());
            assert!(script.is_file(), "{} is missing", script.display());
        }
    }

    #[test]
    fn only_what_the_walks_need_is_installed() {
        let root = Path::new("/root");
        let folders = |walks: &[Walk]| -> Vec<PathBuf> {
            let mut folders: Vec<PathBuf> = packages(root, walks)
                .iter()
                .filter_map(|command| command.get_current_dir().map(Path::to_path_buf))
                .collect();
            folders.dedup();
            folders
        };
        let web = root.join("crates/web");
        assert_eq!(folders(&[Walk::Faults]), [web.join("calling")]);
        assert_eq!(folders(&[Walk::Contract]), [web.join("calling"), web.join("compat")]);
        assert_eq!(folders(&ORDER), [web.join("calling"), web.join("app"), web.join("compat")]);
    }
}
