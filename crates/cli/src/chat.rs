//! `trunkline chat`: threads, messages, and archives of threads.

mod archive;
mod tail;

use std::io::Read as _;

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::json;
use trunkline_proto::chat::v1::{
    CreateThreadRequest, InvalidMember, MessageType, NewMember, SendMessageRequest,
};

use crate::RemoteArguments;
use crate::failure::{Failure, Family, InFamily as _};
use crate::output::Output;
use crate::remote::{Remote, Who, from_status};
use crate::wire_json::to_json;

/// Options of `trunkline chat`.
#[derive(Debug, clap::Args)]
pub(crate) struct ChatArguments {
    #[command(subcommand)]
    command: ChatCommand,
    /// In whose name: an alias such as `alice`, or a raw id. Needs an access key.
    #[arg(long = "as", global = true, value_name = "USER", env = "TRUNKLINE_USER")]
    user: Option<String>,
    /// In whose name: the bearer of a token.
    #[arg(long, global = true, env = "TRUNKLINE_TOKEN", hide_env_values = true)]
    token: Option<String>,
    #[command(flatten)]
    remote: RemoteArguments,
}

#[derive(Debug, Subcommand)]
enum ChatCommand {
    /// Create a thread and print its id.
    New {
        /// What it is about.
        topic: String,
        /// Who is in it beside the creator: aliases or raw ids, separated by commas.
        #[arg(long, value_delimiter = ',')]
        with: Vec<String>,
    },
    /// Send a message and print its id.
    Send {
        /// The thread.
        thread: String,
        /// What to say; `-` reads it from standard input.
        text: String,
        /// It is markup, not plain text.
        #[arg(long)]
        html: bool,
        /// The name to show beside it.
        #[arg(long, default_value = "")]
        name: String,
    },
    /// Print what happens, until interrupted; over a lost connection it goes on where it was.
    Tail(tail::TailArguments),
    /// Write threads as an archive, a record a line.
    Export(archive::ExportArguments),
    /// Restore threads from an archive, with ids, senders and times as they were.
    Import(archive::ImportArguments),
}

pub(crate) async fn run(arguments: ChatArguments, output: &Output) -> Result<(), Failure> {
    let who = match (arguments.token, arguments.user) {
        (_, Some(user)) => Some(Who::User(user)),
        (Some(token), None) => Some(Who::Token(token)),
        (None, None) => None,
    };
    let remote = Remote::connect(&arguments.remote).await?;
    match arguments.command {
        ChatCommand::New { topic, with } => {
            let request = CreateThreadRequest {
                topic,
                members: with.into_iter().map(new_member).collect(),
                request_id: uuid::Uuid::new_v4().to_string(),
                ..CreateThreadRequest::default()
            };
            let mut chat = remote.chat(&someone(who)?).await?;
            let created = chat.create_thread(request).await.map_err(from_status)?.into_inner();
            for invalid in &created.invalid_members {
                eprintln!("not in it: {}", invalid_text(invalid));
            }
            let thread = created.thread.clone().unwrap_or_default();
            output.print(&thread.thread_id, || {
                to_json("trunkline.chat.v1.CreateThreadResponse", &created)
            });
        }
        ChatCommand::Send { thread, text, html, name } => {
            let content = match text.as_str() {
                "-" => read_standard_input()?,
                _ => text,
            };
            let message_type = if html { MessageType::Html } else { MessageType::Text };
            let request = SendMessageRequest {
                thread_id: thread.clone(),
                r#type: message_type.into(),
                content,
                sender_display_name: name,
                request_id: uuid::Uuid::new_v4().to_string(),
                ..SendMessageRequest::default()
            };
            let mut chat = remote.chat(&someone(who)?).await?;
            let sent = chat.send_message(request).await.map_err(from_status)?.into_inner();
            let message_id = sent.message_id;
            output.print(&message_id, || json!({"threadId": thread, "messageId": message_id}));
        }
        ChatCommand::Tail(arguments) => {
            tail::run(arguments, &remote, &someone(who)?, output).await?;
        }
        ChatCommand::Export(arguments) => archive::export(arguments, &remote, who, output).await?,
        ChatCommand::Import(arguments) => archive::import(arguments, &remote, output).await?,
    }
    Ok(())
}

fn someone(who: Option<Who>) -> Result<Who, Failure> {
    who.ok_or_else(|| {
        let error = anyhow::anyhow!("say in whose name: --as <user>, or --token <token>");
        Failure::new(Family::Usage, error)
    })
}

fn new_member(user: String) -> NewMember {
    NewMember { user, ..NewMember::default() }
}

fn invalid_text(invalid: &InvalidMember) -> String {
    let raw_id = invalid.identifier.as_ref().map(|identifier| identifier.raw_id.as_str());
    format!("{} ({}): {}", raw_id.unwrap_or_default(), invalid.code, invalid.message)
}

fn read_standard_input() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .context("standard input is not text")
        .in_family(Family::Usage)?;
    Ok(text)
}
