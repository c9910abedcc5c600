//! Installs the real peers that tests and lints use, and says what it installs and why.
//!
//! System packages come from apt, the rest goes below `target/peers`, pinned. What is there
//! already is left alone, so that a second run needs no network.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

/// Where the peers are.
#[derive(Debug)]
pub(crate) struct Peers {
    pub(crate) buf: PathBuf,
    browser: Browser,
    python: PathBuf,
    sdk_js: PathBuf,
    sdk_python: PathBuf,
}

impl Peers {
    /// Finds every peer and installs what is missing.
    pub(crate) fn install(root: &Path) -> anyhow::Result<Self> {
        let folder = root.join("target/peers");
        let browser = Browser::install(root)?;
        let python = python(&folder)?;
        let why = "they are driven against the exchange";
        let sdk_js = npm(
            &root.join("tests/sdk/js"),
            folder.join("sdk-js"),
            "@azure/communication-chat",
            why,
        )?;
        let requirements = root.join("tests/sdk/python/requirements.txt");
        let sdk_python = sdk_python(&requirements, &folder, why)?;
        let buf = folder.join("python/bin/buf");
        Ok(Self { buf, browser, python, sdk_js, sdk_python })
    }

    /// Returns the variables that tell the tests where the peers are.
    pub(crate) fn variables(&self) -> [(&'static str, &Path); 6] {
        let [chromium, node, playwright] = self.browser.variables();
        [
            chromium,
            node,
            playwright,
            ("TRUNKLINE_PYTHON", &self.python),
            ("TRUNKLINE_SDK_JS", &self.sdk_js),
            ("TRUNKLINE_SDK_PYTHON", &self.sdk_python),
        ]
    }
}

/// A browser, and what drives it.
#[derive(Debug)]
pub(crate) struct Browser {
    chromium: PathBuf,
    pub(crate) node: PathBuf,
    playwright: PathBuf,
}

impl Browser {
    /// Finds them and installs what is missing.
    pub(crate) fn install(root: &Path) -> anyhow::Result<Self> {
        let folder = root.join("target/peers");
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let chromium = system(
            "TRUNKLINE_CHROMIUM",
            &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
            "chromium",
            "two tabs of a real browser call each other",
        )?;
        let node = system(
            "TRUNKLINE_NODE",
            &["node", "nodejs"],
            "nodejs",
            "the script that drives the browser runs in it",
        )?;
        let playwright = npm(
            &root.join("tests/browser"),
            folder.join("node"),
            "playwright-core",
            "it drives the browser",
        )?;
        npm_itself()?;
        Ok(Self { chromium, node, playwright })
    }

    /// Returns the variables that tell a script where they are.
    pub(crate) fn variables(&self) -> [(&'static str, &Path); 3] {
        [
            ("TRUNKLINE_CHROMIUM", &self.chromium),
            ("TRUNKLINE_NODE", &self.node),
            ("TRUNKLINE_PLAYWRIGHT", &self.playwright),
        ]
    }
}

/// Returns buf, installed when it is missing.
pub(crate) fn buf(root: &Path) -> anyhow::Result<PathBuf> {
    let folder = root.join("target/peers");
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    python(&folder)?;
    Ok(folder.join("python/bin/buf"))
}

/// Finds a program by its variable or on the path, or installs the Debian package that has it.
fn system(variable: &str, names: &[&str], package: &str, why: &str) -> anyhow::Result<PathBuf> {
    if let Some(path) = env::var_os(variable).map(PathBuf::from) {
        ensure!(path.is_file(), "{variable} names {}, which is no file", path.display());
        println!("{package}: {} ({variable})", path.display());
        return Ok(path);
    }
    if let Some(path) = on_path(names) {
        println!("{package}: {}", path.display());
        return Ok(path);
    }
    println!("{package}: missing; installing it with apt, because {why}");
    apt(package)?;
    on_path(names).with_context(|| missing(package, "apt installed it, yet it is not on the path"))
}

/// Installs what a folder of the tree locks, elsewhere, so that npm leaves the tree alone. `package`
/// is one of what it locks.
fn npm(source: &Path, folder: PathBuf, package: &str, why: &str) -> anyhow::Result<PathBuf> {
    let stamp = folder.join("installed.json");
    let lock = source.join("package-lock.json");
    let wanted = fs::read(&lock).with_context(|| format!("reading {}", lock.display()))?;
    let is_installed = fs::read(&stamp).is_ok_and(|installed| installed == wanted);
    if is_installed && folder.join("node_modules").join(package).join("package.json").is_file() {
        println!("{package}: {}", folder.display());
        return Ok(folder);
    }
    println!("{package}: installing it with npm, because {why}");
    npm_itself()?;
    fs::create_dir_all(&folder)?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(source.join(file), folder.join(file))
            .with_context(|| format!("copying {file}"))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel", "error"]).current_dir(&folder);
    run(npm).map_err(|error| error.context(missing(package, "npm could not install it")))?;
    fs::write(&stamp, wanted)?;
    Ok(folder)
}

/// Installs npm when it is missing.
pub(crate) fn npm_itself() -> anyhow::Result<()> {
    match on_path(&["npm"]) {
        Some(_) => Ok(()),
        None => apt("npm"),
    }
}

/// Installs the SDKs for Python that a file names, each by its hash, apart from the other packages:
/// their versions are those that an app of today has.
fn sdk_python(requirements: &Path, folder: &Path, why: &str) -> anyhow::Result<PathBuf> {
    const WHAT: &str = "azure-communication SDKs for Python";
    let folder = folder.join("sdk-python");
    let python = folder.join("bin/python");
    let stamp = folder.join("installed.txt");
    let wanted =
        fs::read(requirements).with_context(|| format!("reading {}", requirements.display()))?;
    if python.is_file() && fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        println!("{WHAT}: {}", folder.display());
        return Ok(python);
    }
    println!("{WHAT}: installing them with pip, because {why}");
    venv(&folder)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    pip.arg("--require-hashes").arg("--requirement").arg(requirements);
    run(pip).map_err(|error| error.context(missing(WHAT, "pip could not install them")))?;
    fs::write(&stamp, wanted)?;
    Ok(python)
}

fn python(folder: &Path) -> anyhow::Result<PathBuf> {
    let folder = folder.join("python");
    let python = folder.join("bin/python");
    let stamp = folder.join("installed.txt");
    let wanted = PYTHON_PACKAGES.join("\n");
    let list = PYTHON_PACKAGES.join(", ");
    if python.is_file() && fs::read_to_string(&stamp).is_ok_and(|text| text == wanted) {
        println!("{list}: {}", folder.display());
        return Ok(python);
    }
    println!("{list}: installing them with pip, because a Python client rings and buf lints");
    venv(&folder)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    pip.args(PYTHON_PACKAGES);
    run(pip).map_err(|error| error.context(missing(&list, "pip could not install them")))?;
    fs::write(&stamp, wanted)?;
    Ok(python)
}

/// Makes a virtual environment of Python.
fn venv(folder: &Path) -> anyhow::Result<()> {
    if on_path(&["python3"]).is_none() {
        apt("python3")?;
    }
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(folder);
    if run(venv).is_err() {
        apt("python3-venv")?;
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv", "--clear"]).arg(folder);
        run(venv).map_err(|error| error.context(missing("python3-venv", "no environment")))?;
    }
    Ok(())
}

fn apt(package: &str) -> anyhow::Result<()> {
    if on_path(&["apt-get"]).is_none() {
        bail!(missing(package, "this system has no apt-get"));
    }
    for arguments in
        [vec!["update", "-q"], vec!["install", "-q", "-y", "--no-install-recommends", package]]
    {
        let mut command = match on_path(&["sudo"]) {
            Some(sudo) => {
                let mut command = Command::new(sudo);
                command.args(["-n", "apt-get"]);
                command
            }
            None => Command::new("apt-get"),
        };
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        run(command)
            .map_err(|error| error.context(missing(package, "apt could not install it")))?;
    }
    Ok(())
}

fn missing(package: &str, why: &str) -> String {
    format!(
        "{package} is needed and {why}; install it by hand, or leave out the tests with real \
         peers: `cargo xtask test --without-peers`"
    )
}

/// Runs a quiet command and keeps what it said for the error.
fn run(mut command: Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("starting {name}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    bail!("{name} ended with {}: {}", output.status, String::from_utf8_lossy(&said).trim())
}

fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|candidate| candidate.is_file())
}

const PYTHON_PACKAGES: [&str; 3] = ["grpcio==1.85.1", "grpcio-tools==1.85.1", "buf-bin==1.75.0"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_cannot_be_installed_is_named_with_the_way_out() {
        let text = missing("chromium", "apt could not install it");
        assert!(text.starts_with("chromium is needed and apt could not install it"), "{text}");
        assert!(text.contains("--without-peers"), "{text}");
    }

    #[test]
    fn a_program_on_the_path_is_found() {
        assert!(on_path(&["no-such-program", "sh"]).is_some());
        assert!(on_path(&["no-such-program"]).is_none());
    }
}
