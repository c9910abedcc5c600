//! An XMPP server beside it: Prosody as Debian packs it, its archive of rooms in SQLite.
//!
//! What members do not need is left out, and nothing is left out that keeps a message. Whoever
//! comes is let in anonymously, because signing in is not measured.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::server::Server;
use crate::tls::Connector;
use crate::xmpp::Session;

/// A running Prosody.
pub(crate) struct Prosody {
    server: Server,
    tls: Connector,
    _data: TempDir,
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
        let mut command = Command::new("prosody");
        command.args(["-F", "--config"]).arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Server::start(command).context("install prosody and lua-dbi-sqlite3")?;
        let tls = Connector::new(port, &certificate, None)?;
        let prosody = Self { server, tls, _data: data };
        let begun = Instant::now();
        while tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
            ensure!(begun.elapsed() < START, "prosody did not open its port");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(prosody)
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    pub(crate) async fn connect(&self) -> Result<Session> {
        Session::open(self.tls.connect().await?).await
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
log = {{ error = "{data}/error.log" }}
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
