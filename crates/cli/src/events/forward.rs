//! `trunkline events forward`: the log, posted to a program on this machine.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::Url;
use serde_json::json;
use trunkline_proto::events::v1::{DeliverySchema, Notification};

use super::tail::{Log, Which};
use crate::failure::{Failure, Family, InFamily as _};
use crate::output::Output;
use crate::remote::Remote;

/// Options of `trunkline events forward`.
#[derive(Debug, clap::Args)]
pub(super) struct ForwardArguments {
    /// The URL to post to, such as `http://localhost:7071/api/events`.
    #[arg(long)]
    to: String,
    #[command(flatten)]
    which: Which,
    /// Post CloudEvents rather than the Event Grid schema.
    #[arg(long)]
    cloud_events: bool,
}

pub(super) async fn run(
    arguments: ForwardArguments,
    remote: &Remote,
    output: &Output,
) -> Result<(), Failure> {
    let url = local_url(&arguments.to).in_family(Family::Usage)?;
    let schema = match arguments.cloud_events {
        true => DeliverySchema::CloudEvents,
        false => DeliverySchema::EventGrid,
    };
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .context("cannot make an HTTP client")?;
    let receiver = Receiver { client, url, schema };
    let mut log = Log::new(arguments.which, schema);
    output.say(format!("forwarding to {}", receiver.url));
    tokio::select! {
        outcome = async {
            while let Some((seq, event)) = log.next(remote).await? {
                let answer = receiver.post(&event).await;
                let text = match &answer {
                    Ok(status) => format!("{status} {}", event.event_type),
                    Err(error) => format!("--- {}: {error:#}", event.event_type),
                };
                output.print(text, || json!({
                    "seq": seq,
                    "eventType": event.event_type,
                    "status": answer.as_ref().ok(),
                    "error": answer.as_ref().err().map(|error| format!("{error:#}")),
                }));
            }
            Ok(())
        } => outcome,
        // Whoever interrupts has seen enough.
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

/// Reads a URL of this machine. What goes to others goes by a subscription, which asks them first.
fn local_url(text: &str) -> anyhow::Result<Url> {
    let url = Url::parse(text).with_context(|| format!("`{text}` is not a URL"))?;
    let is_local = match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host.parse().is_ok_and(|address: std::net::Ipv4Addr| address.is_loopback()),
        None => false,
    };
    anyhow::ensure!(is_local, "`{text}` is not of this machine: subscribe it instead");
    Ok(url)
}

/// The program that is posted to.
struct Receiver {
    client: reqwest::Client,
    url: Url,
    schema: DeliverySchema,
}

impl Receiver {
    /// Posts an event as a delivery is, a few times if nobody answers, and returns the status.
    async fn post(&self, event: &Notification) -> anyhow::Result<u16> {
        let content_type = match self.schema {
            DeliverySchema::CloudEvents => "application/cloudevents+json; charset=utf-8",
            DeliverySchema::EventGrid | DeliverySchema::Unspecified => {
                "application/json; charset=utf-8"
            }
        };
        let mut waits = RETRY_AFTER.into_iter();
        loop {
            let posted = self
                .client
                .post(self.url.clone())
                .header("content-type", content_type)
                .header("aeg-event-type", "Notification")
                .body(event.event_json.clone())
                .send()
                .await;
            match (posted, waits.next()) {
                (Ok(response), _) => return Ok(response.status().as_u16()),
                (Err(_), Some(wait)) => tokio::time::sleep(wait).await,
                (Err(error), None) => return Err(error.without_url().into()),
            }
        }
    }
}

/// A program under a debugger answers late; one that hangs should not stop the rest for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// Long enough for a program that restarts when its source changes.
const RETRY_AFTER: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_of_this_machine_are_posted_to() {
        for text in [
            "http://localhost:7071/x",
            "http://127.0.0.1/",
            "http://[::1]:80/",
            "https://127.9.9.9/",
        ] {
            assert!(local_url(text).is_ok(), "{text}");
        }
        for text in ["http://example.com/", "http://localhost.example/", "http://10.0.0.1/", "x"] {
            assert!(local_url(text).is_err(), "{text}");
        }
    }
}
