//! A thread of chat under any commands with any text: never a panic, nothing dangerous to read.

use std::collections::BTreeMap;
use std::time::Duration;

use trunkline_chat::{
    Change, ChatEventKind, Command, CreateThread, Limits, Message, MessageContent, MessageId,
    Metadata, MetadataPatch, NewContent, NewMember, Output, Thread,
};
use trunkline_clock::{Instant, Now, Timestamp};
use trunkline_ids::CommunicationIdentifier;

use super::{Target, chunks, conversation};

pub(super) const TARGET: Target = Target {
    name: "chat",
    about: "a thread under any commands: no gap in its messages, text kept, no script in markup",
    run,
    samples,
    words: &[
        b"<script>",
        b"</script>",
        b"<svg>",
        b"<math>",
        b"<style>",
        b"<iframe ",
        b"<template>",
        b"<noscript>",
        b"<table>",
        b"<td>",
        b"<select>",
        b"<b x=",
        b"<p>",
        b"</p>",
        b"<a href=\"",
        b"javascript:",
        b"data:",
        b"&#106;",
        b"&Tab;",
        b" onerror=",
        b" style=\"",
        b"\">",
        b"<!--",
        b"-->",
        b"<![CDATA[",
        b"<mtext>",
        b"<annotation-xml ",
        b"<msft-mention id=\"",
        b"\x00\x05H",
    ],
    longest_bytes: 32 * 1024,
};

/// Feeds a command per chunk: its kind, who acts, on what, and the rest as text.
fn run(input: &[u8]) -> bool {
    let mut now = Now { instant: Instant::from_nanos(1), wall: Timestamp::from_unix_seconds(1) };
    let Ok(id) = "19:fuzz@thread.v2".parse() else { return false };
    let request =
        CreateThread { members: vec![NewMember::new(user(1))], ..CreateThread::default() };
    let Ok((mut thread, _)) = Thread::create(now, id, &user(0), request, Limits::default()) else {
        panic!("a thread of two is created");
    };
    let mut messages = BTreeMap::new();
    let mut is_accepted = false;
    drain(&mut thread, &mut messages);
    for chunk in chunks(input) {
        let [kind, who, whom, text @ ..] = chunk else { continue };
        // The wall clock goes to and fro.
        let wall = Timestamp::from_unix_seconds(i64::from(*who) * 1_000_000);
        now = Now { instant: now.instant + Duration::from_millis(1), wall };
        let text = String::from_utf8_lossy(text).into_owned();
        let plain = (*kind == b'T').then(|| text.clone());
        let command = command(*kind, usize::from(*whom), text, &messages);
        let result = thread.handle_input(now, &user(*who), command);
        let told = drain(&mut thread, &mut messages);
        assert!(result.is_ok() || told == 0, "a refused command told somebody");
        if let (Some(plain), Ok(_)) = (plain, &result) {
            let Some(last) = messages.values().last() else { panic!("the message is stored") };
            assert!(last.content == MessageContent::Text(plain), "plain text was changed");
        }
        is_accepted |= result.is_ok();
    }
    let mut sequences: Vec<_> = messages.values().map(|message| message.sequence).collect();
    assert!(sequences.is_sorted(), "ids and sequence numbers disagree");
    sequences.dedup();
    assert!(sequences.last() == Some(&(sequences.len() as u64)), "the sequence has a gap");
    is_accepted
}

fn command(
    kind: u8,
    whom: usize,
    text: String,
    messages: &BTreeMap<MessageId, Message>,
) -> Command {
    let nth = messages.values().cycle().nth(whom).cloned();
    let Some(message) = nth else { panic!("a thread has messages from the start") };
    match kind {
        b'A' => {
            let named = text.lines().filter_map(|line| line.parse().ok()).map(NewMember::new);
            Command::AddMembers { members: named.collect() }
        }
        b'D' => Command::DeleteMessage { message },
        b'E' => {
            let metadata = whom.is_multiple_of(2).then(Metadata::new).into();
            Command::EditMessage { message, content: Some(text), metadata }
        }
        b'M' => {
            let metadata = MetadataPatch::Merge([(text, Some(String::new()))].into());
            Command::UpdateThread { topic: None, metadata, retention: None }
        }
        b'R' => Command::RemoveMember { identifier: user(whom as u8) },
        b'S' => Command::SendReadReceipt { message_id: message.id },
        b'T' => send(NewContent::Text(text)),
        b'U' => Command::UpdateThread {
            topic: Some(text),
            metadata: MetadataPatch::Keep,
            retention: None,
        },
        b'W' => Command::SendTyping { sender_display_name: text.parse().ok() },
        b'X' => Command::DeleteThread,
        _ => send(NewContent::Html(text)),
    }
}

fn send(content: NewContent) -> Command {
    Command::SendMessage {
        content,
        sender_display_name: None,
        metadata: Metadata::new(),
        client_message_id: None,
    }
}

/// Takes what the thread wants done and returns how many events it told.
fn drain(thread: &mut Thread, messages: &mut BTreeMap<MessageId, Message>) -> usize {
    let mut told = 0;
    while let Some(output) = thread.poll_output() {
        match output {
            Output::Store(Change::PutMessage(message)) => {
                if let MessageContent::Html(html) = &message.content {
                    check_harmless(html);
                }
                messages.insert(message.id, message);
            }
            Output::Store(
                Change::AdvanceThread(_)
                | Change::DeleteThread(_)
                | Change::PutMember(_)
                | Change::PutReceipt(_)
                | Change::PutThread(_)
                | Change::RemoveMember(_),
            ) => {}
            Output::Publish(event) => {
                told += 1;
                if let ChatEventKind::MessageDeleted(message) = &event.kind {
                    let is_empty = match &message.content {
                        MessageContent::Html(text) | MessageContent::Text(text) => text.is_empty(),
                        MessageContent::ParticipantAdded { .. }
                        | MessageContent::ParticipantRemoved { .. }
                        | MessageContent::TopicUpdated { .. } => false,
                    };
                    assert!(is_empty, "a deleted message still says something");
                }
            }
        }
    }
    assert!(told <= 1, "one command told {told} events");
    told
}

/// Reads cleaned markup by its own strict rules: tags without attributes but for a few, links to the
/// schemes that people follow.
fn check_harmless(html: &str) {
    for after in html.split('<').skip(1) {
        let Some((tag, _)) = after.split_once('>') else { panic!("a tag without an end") };
        let tag = tag.strip_prefix('/').unwrap_or(tag);
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(name.chars().all(is_name), "a tag of a strange name");
        let is_dangerous = matches!(
            name,
            "base"
                | "embed"
                | "form"
                | "iframe"
                | "img"
                | "link"
                | "math"
                | "meta"
                | "object"
                | "script"
                | "style"
                | "svg"
                | "template"
        );
        assert!(!is_dangerous, "{name} is left");
        // Values are quoted and their quotes escaped, so names and values take turns.
        let pieces: Vec<_> = attributes.split('"').map(str::trim).collect();
        for pair in pieces.chunks(2) {
            let (attribute, value) = (pair[0], pair.get(1).copied().unwrap_or_default());
            let is_fit = match attribute {
                "href=" => is_link(value),
                "" => value.is_empty(),
                "colspan=" | "displaytext=" | "id=" | "rel=" | "rowspan=" | "start=" | "title="
                | "value=" => true,
                _ => false,
            };
            assert!(is_fit, "the attribute {attribute} is left");
        }
    }
}

/// As a browser reads it: without line breaks and tabs, nor what stands before the scheme.
fn is_link(value: &str) -> bool {
    let value = value.replace(['\t', '\n', '\r'], "").to_ascii_lowercase();
    let value = value.trim_start_matches(|c: char| c <= ' ');
    ["http:", "https:", "mailto:", "tel:"].iter().any(|scheme| value.starts_with(scheme))
}

fn user(number: u8) -> CommunicationIdentifier {
    let text = format!("8:acs:fuzz_{}", number % 4);
    let Ok(identifier) = text.parse() else { panic!("{text} is a raw id") };
    identifier
}

fn samples() -> Vec<Vec<u8>> {
    let lives: [&[&[u8]]; 4] = [
        &[b"T\x00\x00hello", b"E\x00\x02hello again", b"D\x00\x02", b"S\x01\x02"],
        &[
            b"H\x00\x00<p>one <b>two</b> <a href=\"https://a.example/?q=1&amp;r=2\">three</a></p>",
            b"E\x00\x02<ul><li value=\"2\">x</li></ul><pre>y</pre>",
            b"H\x01\x00<script>alert(1)</script><img src=x onerror=alert(1)>",
        ],
        &[
            b"A\x00\x008:acs:fuzz_2\n4:+14255550100\n8:orgid:00000000-0000-0000-0000-000000000000",
            b"W\x02\x00Carol",
            b"R\x01\x02",
            b"U\x01\x00a topic",
            b"M\x01\x00key",
        ],
        &[b"X\x01\x00", b"T\x00\x00late", b"X\x00\x00"],
    ];
    lives.map(|life| conversation(life.iter().copied())).into()
}
