//! Measures the media plane end to end: real legs over loopback UDP, kernel timestamps, thread CPU time.
//!
//! One publisher speaks (or films) to N subscribers, then twenty participants speak to each other at
//! once. Every leg is a real one: ICE checks, a DTLS handshake, SRTP in both directions. One-way time
//! runs from just before the publisher's `send` to the kernel's receive timestamp at the subscriber's
//! socket, so a subscriber that gets its core late does not count. CPU is that of the shard thread.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use tokio::sync::mpsc;
use trunkline_benches::percentile;
use trunkline_media::control::{LegKey, MediaCommand, MediaEvent, RoomKey, StreamKind, TrackRole};
use trunkline_media::rtp::RtpHeader;
use trunkline_transport::{MediaPlane, OpenLeg, PlaneConfig, PlaneStats};

use raw_client::{OPUS, RawClient, Rtp, VP8, ssrc};

#[path = "../../../crates/transport/tests/support/raw_client.rs"]
#[expect(dead_code, reason = "the client is shared with the tests, which steer more of it")]
mod raw_client;

/// What is measured in one run.
#[derive(Clone, Copy, Debug)]
struct Scenario {
    name: &'static str,
    publishers: usize,
    subscribers: usize,
    media: Media,
    packets_per_second: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Media {
    Audio,
    Video,
}

/// What came out of one run.
#[derive(Debug)]
struct Outcome {
    scenario: Scenario,
    expected: u64,
    received: u64,
    /// Sorted one-way times in nanoseconds.
    one_way: Vec<u64>,
    join: Vec<Duration>,
    before: PlaneStats,
    after: PlaneStats,
    seconds: f64,
}

#[derive(Debug)]
struct Options {
    json: bool,
    seconds: u64,
    only: Option<String>,
}

fn main() -> Result<()> {
    let options = Options::parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let fanout = |name, subscribers, media, packets_per_second| Scenario {
        name,
        publishers: 1,
        subscribers,
        media,
        packets_per_second,
    };
    let scenarios = [
        fanout("audio/1", 1, Media::Audio, 50),
        fanout("audio/10", 10, Media::Audio, 50),
        fanout("audio/100", 100, Media::Audio, 50),
        fanout("audio/500", 500, Media::Audio, 50),
        fanout("video/100", 100, Media::Video, 120),
        Scenario {
            name: "party/20",
            publishers: 20,
            subscribers: 0,
            media: Media::Audio,
            packets_per_second: 50,
        },
    ];
    let cores = Cores::usable();
    let mut outcomes = Vec::new();
    for scenario in scenarios {
        if options.only.as_deref().is_none_or(|only| only == scenario.name) {
            let length = Duration::from_secs(options.seconds);
            outcomes.push(run(&runtime, cores, scenario, length)?);
        }
    }
    ensure!(!outcomes.is_empty(), "no scenario of that name");
    if options.json {
        let rows: Vec<serde_json::Value> = outcomes.iter().map(Outcome::json).collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        print!("{}", table(&outcomes));
    }
    Ok(())
}

impl Options {
    fn parse() -> Result<Self> {
        let mut options = Self { json: false, seconds: 5, only: None };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--json" => options.json = true,
                "--seconds" => {
                    let value = arguments.next().context("--seconds needs a number")?;
                    options.seconds = value.parse().context("--seconds needs a number")?;
                }
                "--only" => options.only = Some(arguments.next().context("--only needs a name")?),
                other => bail!("unknown argument {other}; known: --json, --seconds N, --only NAME"),
            }
        }
        Ok(options)
    }
}

fn run(
    runtime: &tokio::runtime::Runtime,
    cores: Cores,
    scenario: Scenario,
    length: Duration,
) -> Result<Outcome> {
    // The shard inherits what its maker may use.
    cores.bind_thread();
    let config = PlaneConfig { shards: 1, ..PlaneConfig::new(IpAddr::V4(Ipv4Addr::LOCALHOST)) };
    let (plane, mut events) = MediaPlane::start(config)?;
    // The shard has pinned itself to the first core; clients stay off it.
    cores.last().bind_thread();
    let mut join = Vec::new();
    let mut clients = Vec::new();
    let count = scenario.publishers + scenario.subscribers;
    for number in 0..count {
        let roles = scenario.roles(number);
        let mut client = RawClient::new(&roles, number as u32);
        let started = Instant::now();
        runtime.block_on(connect(&plane, &mut events, &mut client, number))?;
        join.push(started.elapsed());
        client.socket.set_nonblocking(true)?;
        timestamp_arrivals(&client.socket)?;
        clients.push(client);
    }
    scenario.subscribe(&plane)?;
    let mut load = Load::new(scenario, clients);
    load.run_for(WARM_UP);
    load.reset();
    let before = settled(&plane);
    let started = Instant::now();
    load.run_for(length);
    let seconds = started.elapsed().as_secs_f64();
    std::thread::sleep(Duration::from_millis(50));
    load.receive();
    let after = settled(&plane);
    runtime.block_on(plane.shutdown());
    load.one_way.sort_unstable();
    // Of many who speak at once only the loudest are forwarded: then what left the exchange counts.
    let expected = match scenario.publishers {
        1 => load.sent * scenario.subscribers as u64,
        _ => after.rtp_forwarded - before.rtp_forwarded,
    };
    Ok(Outcome {
        scenario,
        expected,
        received: load.one_way.len() as u64,
        one_way: load.one_way,
        join,
        before,
        after,
        seconds,
    })
}

async fn connect(
    plane: &MediaPlane,
    events: &mut mpsc::Receiver<MediaEvent>,
    client: &mut RawClient,
    number: usize,
) -> Result<()> {
    let request = OpenLeg {
        room: RoomKey::new(1),
        leg: LegKey::new(number as u64),
        offer: client.offer.clone(),
        tracks: client.tracks.clone(),
    };
    let answer = plane.open_leg(request).await?;
    let profiles = vec![
        SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
        SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
    ];
    client.connect(&answer, profiles)?;
    while !matches!(events.recv().await, Some(MediaEvent::LegConnected { .. })) {}
    Ok(())
}

impl Scenario {
    fn roles(&self, number: usize) -> Vec<TrackRole> {
        let (send, receive) = match self.media {
            Media::Audio => (TrackRole::Microphone, TrackRole::ReceiveAudio),
            Media::Video => (TrackRole::Camera, TrackRole::ReceiveVideo),
        };
        let mut roles = Vec::new();
        if number < self.publishers {
            roles.push(send);
        }
        let heard = if number < self.publishers { self.publishers - 1 } else { self.publishers };
        roles.extend(std::iter::repeat_n(receive, heard));
        roles
    }

    /// Shows the publisher's camera on every subscriber's tile.
    fn subscribe(&self, plane: &MediaPlane) -> Result<()> {
        if self.media == Media::Video {
            for number in self.publishers..self.publishers + self.subscribers {
                plane.send(MediaCommand::SubscribeVideo {
                    leg: LegKey::new(number as u64),
                    mid: "0".parse()?,
                    source: Some((LegKey::new(0), StreamKind::Camera)),
                })?;
            }
        }
        Ok(())
    }
}

/// The clients at work, all on one thread.
struct Load {
    scenario: Scenario,
    clients: Vec<RawClient>,
    /// When each packet left, by publisher and packet number.
    sent_at: Vec<Vec<u64>>,
    one_way: Vec<u64>,
    sent: u64,
    first_counted: u64,
    next_check: Instant,
    checked: usize,
}

impl Load {
    fn new(scenario: Scenario, clients: Vec<RawClient>) -> Self {
        Self {
            scenario,
            clients,
            sent_at: vec![Vec::new(); scenario.publishers],
            one_way: Vec::new(),
            sent: 0,
            first_counted: 0,
            next_check: Instant::now(),
            checked: 0,
        }
    }

    fn reset(&mut self) {
        std::thread::sleep(Duration::from_millis(50));
        self.receive();
        self.one_way.clear();
        self.sent = 0;
        self.first_counted = self.sent_at[0].len() as u64;
    }

    /// Sends evenly spaced packets of all publishers in turn and takes what arrived in the gaps.
    fn run_for(&mut self, length: Duration) {
        let publishers = self.scenario.publishers as u32;
        let interval = Duration::from_secs(1) / (self.scenario.packets_per_second * publishers);
        let started = Instant::now();
        let mut drained = started;
        for number in 0.. {
            let due = started + interval * number;
            if due >= started + length && number % publishers == 0 {
                return;
            }
            if drained.elapsed() > DRAIN_INTERVAL {
                self.receive();
                self.check_some();
                drained = Instant::now();
            }
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            self.publish((number % publishers) as usize);
        }
    }

    fn publish(&mut self, publisher: usize) {
        let number = self.sent_at[publisher].len() as u64;
        let mut payload = [0x5a; VIDEO_BYTES];
        payload[..KEYFRAME.len()].copy_from_slice(&KEYFRAME);
        payload[NUMBER_AT..PUBLISHER_AT].copy_from_slice(&number.to_be_bytes());
        payload[PUBLISHER_AT] = publisher as u8;
        let is_audio = self.scenario.media == Media::Audio;
        let length = if is_audio { AUDIO_BYTES } else { VIDEO_BYTES };
        let packet = Rtp {
            mid: "0",
            payload_type: if is_audio { OPUS } else { VP8 },
            ssrc: ssrc(publisher as u32, 0),
            index: number,
            timestamp: number as u32 * if is_audio { 960 } else { 3_000 },
            marker: !is_audio,
            level: is_audio.then_some(20),
            payload: &payload[..length],
        };
        let client = &self.clients[publisher];
        let sealed = client.seal_rtp(&packet);
        let server = client.session.as_ref().expect("connected").server;
        self.sent_at[publisher].push(realtime_nanos());
        let is_sent = client.socket.send_to(&sealed, server).is_ok();
        self.sent += u64::from(is_sent);
    }

    /// Renews the consent of all clients every two seconds, a few at a time.
    fn check_some(&mut self) {
        let turns = CHECK_INTERVAL.as_millis() / DRAIN_INTERVAL.as_millis();
        let share = self.clients.len().div_ceil(turns as usize);
        if Instant::now() < self.next_check {
            return;
        }
        self.next_check = Instant::now() + DRAIN_INTERVAL;
        for _client in 0..share {
            let number = self.checked % self.clients.len();
            self.clients[number].send_check();
            self.checked += 1;
        }
    }

    /// Takes and opens everything that has arrived.
    fn receive(&mut self) {
        let mut buffer = [0; 2_048];
        for client in &mut self.clients {
            let session = client.session.as_mut().expect("connected");
            while let Some((length, arrived_at)) = receive_stamped(&client.socket, &mut buffer) {
                let datagram = &mut buffer[..length];
                let is_rtp = datagram.len() > 12
                    && datagram[0] >> 6 == 2
                    && !(192..=223).contains(&datagram[1]);
                if !is_rtp {
                    continue;
                }
                let Ok(header) = RtpHeader::parse(datagram) else { continue };
                let Ok(opened) = session.inbound.unprotect_rtp(&header, datagram) else { continue };
                let payload = &datagram[header.header_len()..opened.len];
                let Some(number) = payload.get(NUMBER_AT..=PUBLISHER_AT) else { continue };
                let (number, publisher) = number.split_at(8);
                let number = u64::from_be_bytes(number.try_into().expect("eight bytes"));
                let sent_at = &self.sent_at[usize::from(publisher[0])];
                if number >= self.first_counted
                    && let Some(sent_at) = sent_at.get(number as usize)
                {
                    self.one_way.push(arrived_at.saturating_sub(*sent_at));
                }
            }
        }
    }
}

impl Outcome {
    fn percentile(&self, share: f64) -> f64 {
        percentile(&self.one_way, share).map_or(f64::NAN, |nanos| nanos as f64 / 1_000.0)
    }

    fn forwarded(&self) -> u64 {
        self.after.rtp_forwarded - self.before.rtp_forwarded
    }

    fn cpu_micros(&self) -> f64 {
        (self.after.cpu_nanos - self.before.cpu_nanos) as f64 / 1_000.0 / self.forwarded() as f64
    }

    fn wakeups(&self) -> f64 {
        (self.after.wakeups - self.before.wakeups) as f64 / self.seconds
    }

    fn batch(&self) -> f64 {
        let packets = self.after.sent_packets - self.before.sent_packets;
        packets as f64 / (self.after.send_calls - self.before.send_calls).max(1) as f64
    }

    fn median_join_micros(&self) -> u128 {
        let mut join = self.join.clone();
        join.sort_unstable();
        join[join.len() / 2].as_micros()
    }

    fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "scenario": self.scenario.name,
            "forwarded": self.forwarded(),
            "expected": self.expected,
            "received": self.received,
            "packets_per_second": self.forwarded() as f64 / self.seconds,
            "one_way_p50_us": self.percentile(0.50),
            "one_way_p99_us": self.percentile(0.99),
            "one_way_max_us": self.percentile(1.0),
            "cpu_us_per_packet": self.cpu_micros(),
            "wakeups_per_second": self.wakeups(),
            "packets_per_send_call": self.batch(),
            "join_p50_us": self.median_join_micros() as u64,
        })
    }
}

fn table(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "scenario     forwarded/s     lost   p50 µs   p99 µs   max µs  CPU µs/pkt  wakeups/s  pkts/call  join µs\n",
    );
    for outcome in outcomes {
        let lost = outcome.expected.saturating_sub(outcome.received);
        let _infallible = writeln!(
            text,
            "{:<12} {:>11.0} {:>8} {:>8.0} {:>8.0} {:>8.0} {:>11.2} {:>10.0} {:>10.1} {:>8}",
            outcome.scenario.name,
            outcome.forwarded() as f64 / outcome.seconds,
            lost,
            outcome.percentile(0.50),
            outcome.percentile(0.99),
            outcome.percentile(1.0),
            outcome.cpu_micros(),
            outcome.wakeups(),
            outcome.batch(),
            outcome.median_join_micros(),
        );
    }
    text
}

/// Waits until the published counters are those of a quiet moment.
fn settled(plane: &MediaPlane) -> PlaneStats {
    std::thread::sleep(Duration::from_millis(60));
    plane.stats()
}

fn realtime_nanos() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` outlives the call.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn timestamp_arrivals(socket: &impl AsRawFd) -> Result<()> {
    let on: libc::c_int = 1;
    let length = size_of_val(&on) as libc::socklen_t;
    let on = std::ptr::from_ref(&on).cast();
    // SAFETY: `on` points to a value of the given length that outlives the call.
    let outcome = unsafe {
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, on, length)
    };
    ensure!(outcome == 0, "kernel timestamps are not available");
    Ok(())
}

/// Takes one datagram with the time at which the kernel had it.
fn receive_stamped(socket: &impl AsRawFd, buffer: &mut [u8]) -> Option<(usize, u64)> {
    let mut control = [0_u64; 8];
    let mut vector = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: the header points to the vector and the control buffer, which outlive the call; the
    // control messages are walked with the system's own macros within the received length.
    unsafe {
        let mut header: libc::msghdr = std::mem::zeroed();
        header.msg_iov = &mut vector;
        header.msg_iovlen = 1;
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = size_of_val(&control);
        let length = libc::recvmsg(socket.as_raw_fd(), &mut header, libc::MSG_DONTWAIT);
        let length = usize::try_from(length).ok()?;
        let mut message = libc::CMSG_FIRSTHDR(&header);
        while !message.is_null() {
            if (*message).cmsg_level == libc::SOL_SOCKET
                && (*message).cmsg_type == libc::SCM_TIMESTAMPNS
            {
                let time: libc::timespec =
                    std::ptr::read_unaligned(libc::CMSG_DATA(message).cast());
                return Some((length, time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64));
            }
            message = libc::CMSG_NXTHDR(&header, message);
        }
        Some((length, 0))
    }
}

/// The cores that the process may use.
#[derive(Clone, Copy)]
struct Cores(libc::cpu_set_t);

impl Cores {
    fn usable() -> Self {
        // SAFETY: an all-zero set is valid, and the call gets its true size.
        unsafe {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            libc::sched_getaffinity(0, size_of_val(&set), &mut set);
            Self(set)
        }
    }

    fn last(&self) -> Self {
        // SAFETY: an all-zero set is valid, and the indices are within it.
        unsafe {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            let cores = 0..libc::CPU_SETSIZE as usize;
            if let Some(core) = cores.rev().find(|core| libc::CPU_ISSET(*core, &self.0)) {
                libc::CPU_SET(core, &mut set);
            }
            Self(set)
        }
    }

    fn bind_thread(&self) {
        // SAFETY: the set outlives the call, which gets its true size.
        unsafe { libc::sched_setaffinity(0, size_of_val(&self.0), &self.0) };
    }
}

/// A VP8 descriptor and the header of a 640×480 keyframe, so that subscribers start with any packet.
const KEYFRAME: [u8; 11] = [0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01];
/// Where the payload carries the packet's number and its publisher.
const NUMBER_AT: usize = 16;
const PUBLISHER_AT: usize = 24;
/// Long enough for speakers to be chosen and caches to fill.
const WARM_UP: Duration = Duration::from_millis(1_500);
/// Sockets hold some two hundred packets, so taking them rarely disturbs the shard little.
const DRAIN_INTERVAL: Duration = Duration::from_millis(40);
const CHECK_INTERVAL: Duration = Duration::from_secs(2);
/// 20 ms of Opus at 64 kbit/s.
const AUDIO_BYTES: usize = 160;
const VIDEO_BYTES: usize = 1_100;
