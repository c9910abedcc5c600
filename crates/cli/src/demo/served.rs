//! An exchange in a process of its own, so that its CPU time is not that of its clients.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use trunkline_client::TokenCredential;

use crate::RemoteArguments;

/// An exchange in a process of its own.
pub(super) struct Server {
    child: Child,
    process: u32,
    pub(super) url: String,
    pub(super) ca: PathBuf,
    folder: PathBuf,
}

impl Server {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("trunkline-party-{}", std::process::id()));
        let mut child = Command::new(std::env::current_exe().context("which program is this?")?)
            .args([
                "--json",
                "dev",
                "--listen",
                FREE,
                "--admin-listen",
                FREE,
                "--http-listen",
                FREE,
            ])
            .arg("--data-directory")
            .arg(&folder)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the exchange")?;
        let process = child.id().context("the exchange ended at once")?;
        let stdout = child.stdout.take().context("the exchange has no output")?;
        let mut line = String::new();
        timeout(START_LIMIT, BufReader::new(stdout).read_line(&mut line))
            .await
            .context("the exchange did not start in time")??;
        let ready: Value = serde_json::from_str(&line).context("the exchange said nothing")?;
        let (Some(url), Some(ca)) = (ready["url"].as_str(), ready["ca"].as_str()) else {
            bail!("the exchange is not ready: {line}");
        };
        Ok(Self { child, process, url: url.to_owned(), ca: ca.into(), folder })
    }

    /// Makes an app user and a token for it.
    pub(super) async fn token(&self, number: u16) -> anyhow::Result<TokenCredential> {
        let ca = reqwest::Certificate::from_pem(&tokio::fs::read(&self.ca).await?)?;
        let http = reqwest::Client::builder().tls_certs_only([ca]).build()?;
        let answer: Value = http
            .post(format!("{}/dev/token", self.url))
            .json(&json!({"displayName": format!("Guest {number}")}))
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        let token = answer["token"].as_str().context("the exchange gave no token")?;
        Ok(TokenCredential::fixed(token.to_owned()))
    }

    /// Returns where the exchange is, for what is asked of it over gRPC.
    pub(super) fn remote(&self) -> RemoteArguments {
        RemoteArguments { url: self.url.clone(), ca: self.ca.clone(), access_key: None }
    }

    /// User and system time so far of all threads, and of those of the media plane alone
    /// ([proc_pid_stat(5)](https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html)).
    pub(super) fn cpu_time(&self) -> anyhow::Result<CpuTime> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.process))
            .context("CPU time of another process can be read on Linux only")?;
        let mut time = CpuTime::default();
        for thread in threads {
            // A thread may end meanwhile; those of a runtime and of the media plane do not.
            let Ok(stat) = std::fs::read_to_string(thread?.path().join("stat")) else { continue };
            // The thread's name may hold blanks; what follows it does not.
            let (name, fields) = stat.rsplit_once(')').context("an unknown form of stat")?;
            let ticks = fields.split_whitespace().skip(11).take(2);
            let ticks: u64 = ticks.map(|field| field.parse().unwrap_or(0)).sum();
            let spent = Duration::from_millis(ticks * MILLIS_PER_TICK);
            time.all += spent;
            if name.contains("(media-") {
                time.media += spent;
            }
        }
        Ok(time)
    }

    pub(super) async fn stop(mut self) {
        // It is told nothing: all guests are gone, and nothing of it is kept.
        let _ = self.child.kill().await;
        let _ = tokio::fs::remove_dir_all(&self.folder).await;
    }
}

/// CPU time of an exchange.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CpuTime {
    /// Of all threads.
    pub(super) all: Duration,
    /// Of those that forward media, and set it up.
    pub(super) media: Duration,
}

impl CpuTime {
    /// Returns what was spent since an earlier reading.
    pub(super) fn since(self, earlier: Self) -> Self {
        Self {
            all: self.all.saturating_sub(earlier.all),
            media: self.media.saturating_sub(earlier.media),
        }
    }
}

/// A port of the system's choice.
const FREE: &str = "127.0.0.1:0";

const START_LIMIT: Duration = Duration::from_secs(20);

/// Linux counts in hundredths of a second on every architecture that Rust supports.
const MILLIS_PER_TICK: u64 = 10;
