//! An XMPP server beside it: Prosody as Debian packs it, its archive of rooms in SQLite.
//!
//! What members do not need is left out, and nothing is left out that keeps a message. Whoever
//! comes is let in anonymously, because signing in is not measured.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Error, Result, bail, ensure};
use tempfile::TempDir;

use crate::server::Server;
use crate::tls::Connector;
use crate::xmpp::Session;

/// A running Prosody.
pub(crate) struct Prosody {
    server: Server,
    tls: Connector,
    port: u16,
    data: TempDir,
}

impl Prosody {
    pub(crate) async fn start() -> Result<Self> {
        let data = tempfile::tempdir()?;
        // It cannot be told to take a free port and say which.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let (certificate, key) = (data.path().join("crt.pem"), data.path().join("key.pem"));
        std::fs::write(&certificate, made.cert.pem())?;
        std::fs::write(&key, made.signing_key.serialize_pem())?;
        let file = data.path().join("prosody.cfg.lua");
        std::fs::write(&file, configuration(data.path(), port))?;
        // What is said before the log is there.
        let output = File::create(data.path().join(OUTPUT))?;
        let mut command = Command::new("prosody");
        command.args(["-F", "--config"]).arg(&file).stdout(output.try_clone()?).stderr(output);
        let server = Server::start(command).context(PACKAGES)?;
        let tls = Connector::new(port, &certificate, None)?;
        let mut prosody = Self { server, tls, port, data };
        match prosody.open_port().await {
            Ok(()) => Ok(prosody),
            Err(error) => Err(prosody.explain(error)),
        }
    }

    /// Waits until it listens.
    async fn open_port(&mut self) -> Result<()> {
        let begun = Instant::now();
        while tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.is_err() {
            if let Some(status) = self.server.process().try_wait()? {
                bail!("prosody ended at once: {status}");
            }
            ensure!(begun.elapsed() < START, "prosody did not open its port within {START:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    pub(crate) async fn connect(&self) -> Result<Session> {
        Session::open(self.tls.connect().await?).await
    }

    /// Adds to a failure what it may be for want of, and what the server said last.
    pub(crate) fn explain(&self, error: Error) -> Error {
        let mut lines = Vec::new();
        for name in [OUTPUT, LOG] {
            // One that cannot be read has nothing to say.
            let bytes = std::fs::read(self.data.path().join(name)).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            lines.extend(text.lines().map(|line| format!("  {line}")));
        }
        let end = lines.split_off(lines.len().saturating_sub(LOG_LINES));
        let said = match end.is_empty() {
            true => "it logged nothing".to_owned(),
            false => format!("its log ends with\n{}", end.join("\n")),
        };
        error.context(format!("prosody failed; {PACKAGES}; {said}"))
    }
}

fn configuration(data: &Path, port: u16) -> String {
    let data = data.display();
    format!(
        r#"
pidfile = "{data}/pid"
data_path = "{data}"
run_as_root = true
daemonize = false
log = {{ error = "{data}/{LOG}" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ }}
s2s_ports = {{ }}
c2s_direct_tls_ports = {{ {port} }}
ssl = {{ certificate = "{data}/crt.pem", key = "{data}/key.pem" }}
modules_enabled = {{ "saslauth", "disco" }}
modules_disabled = {{ "s2s", "offline" }}
storage = "sql"
sql = {{ driver = "SQLite3", database = "archive.sqlite" }}
VirtualHost "localhost"
  authentication = "anonymous"
  allow_anonymous_s2s = false
Component "rooms.localhost" "muc"
  modules_enabled = {{ "muc_mam" }}
  muc_room_locking = false
  muc_log_all_rooms = true
  muc_log_by_default = true
"#
    )
}

/// It starts in a second; on a busy machine in a few.
const START: Duration = Duration::from_secs(20);

const PACKAGES: &str = "it needs the Debian packages prosody and lua-dbi-sqlite3";

/// Files in its directory.
const OUTPUT: &str = "output";
const LOG: &str = "error.log";

/// Enough for an error with the stack that it came from.
const LOG_LINES: usize = 40;
