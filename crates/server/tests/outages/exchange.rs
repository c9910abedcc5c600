//! An exchange as a process of its own, on a directory that outlives it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

/// A running exchange; killed when it goes.
pub(crate) struct Exchange {
    process: Child,
    channel: Channel,
    /// `host:port` of the ports in the clear.
    rest: String,
    admin: String,
    access_key: String,
}

impl Exchange {
    /// Starts one and returns once it is ready.
    pub(crate) async fn start(data: &Path) -> Self {
        let free = "127.0.0.1:0";
        let mut process = Command::new(env!("CARGO_BIN_EXE_trunkline"))
            .args(["--json", "dev", "--listen", free, "--admin-listen", free])
            .args(["--http-listen", free, "--data-directory"])
            .arg(data)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        let ca = Certificate::from_pem(std::fs::read(text("ca")).unwrap());
        let channel = Endpoint::from_shared(text("url"))
            .unwrap()
            .tls_config(ClientTlsConfig::new().ca_certificate(ca))
            .unwrap()
            // A request that a kill takes the answer from ends with its connection, or with this.
            .timeout(Duration::from_secs(10))
            .connect_lazy();
        let host = |name: &str| text(name).strip_prefix("http://").unwrap().to_owned();
        let access_key = text("connectionString").split_once("accesskey=").unwrap().1.to_owned();
        Self { process, channel, rest: host("http"), admin: host("admin"), access_key }
    }

    /// Returns a connection, which breaks with the process.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub(crate) fn access_key(&self) -> &str {
        &self.access_key
    }

    /// Kills it as nothing can be caught.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Returns whether the process is there and answers.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none() && matches!(self.health().0, 200 | 503)
    }

    /// Returns what it says of its health, with the status.
    pub(crate) fn health(&self) -> (u16, String) {
        let (status, _, body) = request(&self.admin, "GET /healthz", "", "");
        (status, body)
    }

    /// Returns the metrics, as they are scraped.
    pub(crate) fn metrics(&self) -> String {
        let (status, head, body) = request(&self.admin, "GET /metrics", "", "");
        assert_eq!(status, 200, "{head}");
        body
    }

    /// Sends a message over REST, and returns status, head and body.
    pub(crate) fn post_message(
        &self,
        token: &str,
        thread: &str,
        text: &str,
    ) -> (u16, String, Value) {
        let line = format!("POST /chat/threads/{thread}/messages?api-version=2025-03-15");
        let headers =
            format!("authorization: Bearer {token}\r\ncontent-type: application/json\r\n");
        let body = serde_json::json!({ "content": text, "type": "text" }).to_string();
        let (status, head, body) = request(&self.rest, &line, &headers, &body);
        (status, head, serde_json::from_str(&body).unwrap_or_default())
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // One that has ended needs no killing.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Sends one request on a connection of its own.
fn request(host: &str, line: &str, headers: &str, body: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nhost: {host}\r\n{headers}content-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_owned(), body.to_owned())
}
