//! A full disk under the whole exchange: writes are refused with a type, everything else goes on.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::chat::{User, written};
use crate::exchange::Exchange;

#[tokio::test]
async fn a_full_disk_is_an_error_with_a_type_until_there_is_room() {
    let disk = match SmallDisk::mount(16) {
        Ok(disk) => disk,
        Err(reason) => {
            println!("skipped: no small disk can be mounted here: {reason}");
            return;
        }
    };
    let mut exchange = Exchange::start(&disk.path().join("data")).await;
    let user = User::create(&exchange).await;
    let thread = user.create_thread(&exchange, &[]).await;
    let text = "x".repeat(20_000);
    let send = async |exchange: &Exchange, id: usize| {
        user.send(exchange.channel(), &thread, &text, &id.to_string()).await
    };
    // Somebody else takes most of the disk.
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![0; 12 << 20]).unwrap();
    let mut acknowledged = Vec::new();
    let refusal = loop {
        match send(&exchange, acknowledged.len()).await {
            Ok(id) => acknowledged.push(id),
            Err(refusal) => break refusal,
        }
        assert!(acknowledged.len() < 1_000, "a disk has an end");
    };
    assert_eq!(refusal.code(), Code::Unavailable, "{refusal:?}");
    let name = refusal.metadata().get("trunkline-error").unwrap();
    assert_eq!(name, "ServiceUnavailable");
    assert!(refusal.metadata().contains_key("retry-after"), "{refusal:?}");
    assert!(!refusal.message().contains("sqlite"), "{refusal:?}");
    let (status, head, body) = exchange.post_message(&user.token, &thread, &text);
    assert_eq!((status, &body["error"]["code"]), (503, &"ServiceUnavailable".into()), "{body}");
    assert!(head.to_lowercase().contains("\r\nretry-after: "), "{head}");

    // It lives, says what ails it, and reads what it has.
    assert!(exchange.is_alive());
    assert_eq!(exchange.health(), (503, "writes suspended\n".to_owned()));
    assert_eq!(serving(&exchange).await, ServingStatus::NotServing);
    check(&user.messages(&exchange, &thread).await, &acknowledged);

    fs::remove_file(&ballast).unwrap();
    // Nobody has to write for it to find out.
    let mut attempts = 0;
    while serving(&exchange).await != ServingStatus::Serving {
        attempts += 1;
        assert!(attempts < 50, "there is room again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(exchange.health(), (200, "serving\n".to_owned()));
    acknowledged.push(send(&exchange, acknowledged.len()).await.unwrap());
    let (status, _, body) = exchange.post_message(&user.token, &thread, "over REST");
    assert_eq!(status, 201, "{body}");
    check(&user.messages(&exchange, &thread).await, &acknowledged);

    // What was acknowledged on either side of it outlives the process.
    exchange.kill();
    let exchange = Exchange::start(&disk.path().join("data")).await;
    check(&user.messages(&exchange, &thread).await, &acknowledged);
}

async fn serving(exchange: &Exchange) -> ServingStatus {
    let mut client = HealthClient::new(exchange.channel());
    client.check(HealthCheckRequest::default()).await.unwrap().into_inner().status()
}

/// The messages with a client's id are those that were acknowledged, in their places.
fn check(messages: &[trunkline_proto::chat::v1::Message], acknowledged: &[String]) {
    let places = messages.iter().map(|message| message.sequence);
    assert!(places.eq(1..=messages.len() as u64), "the thread has a gap");
    let there = messages.iter().filter(|message| written(message).is_some());
    assert!(there.map(|message| &message.message_id).eq(acknowledged));
}

/// A file system in memory, of a few megabytes.
struct SmallDisk {
    directory: tempfile::TempDir,
}

impl SmallDisk {
    fn mount(megabytes: u32) -> Result<Self, String> {
        let directory = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
            .arg(directory.path())
            .output()
            .map_err(|error| error.to_string())?;
        match mount.status.success() {
            true => Ok(Self { directory }),
            false => Err(String::from_utf8_lossy(&mount.stderr).trim().to_owned()),
        }
    }

    fn path(&self) -> PathBuf {
        Path::new(self.directory.path()).to_owned()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The directory cannot be removed while it is in use; a lazy unmount always ends that.
        let _ = Command::new("umount").arg("-l").arg(self.directory.path()).status();
    }
}
