//! Chat threads: who is in them, what was said, who has read it.
//!
//! [`Thread`] is the aggregate that owns one thread from its creation to its deletion. It is told the
//! time and what a member wants, and returns what is to be stored and told as data; it reads no clock,
//! draws no random numbers, opens no file. Scopes of tokens, federation and barriers are decided
//! before a command comes here; who may do what within a thread is decided here alone.

mod archive;
mod command;
mod error;
mod event;
mod html;
mod limits;
mod member;
mod message;
mod output;
mod patch;
mod thread;

pub use crate::{
    archive::{ArchiveRecord, Import, ImportError},
    command::{Command, CreateThread, DefaultHistory, Denial, NewContent, NewMember, Reply},
    error::{ChatError, CreateThreadError},
    event::{ChatEvent, ChatEventKind},
    html::clean_html,
    limits::Limits,
    member::{InvalidMember, Member, ReadReceipt, is_placeholder},
    message::{Message, MessageContent, MessageId, MessageType, Metadata, ParseMessageIdError},
    output::{Change, Output, ThreadProgress},
    patch::MetadataPatch,
    thread::{
        CreateOutcome, Thread,
        record::{RetentionPolicy, ThreadHeader, ThreadRecord},
    },
};
