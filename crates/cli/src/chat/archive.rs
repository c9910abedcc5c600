//! `trunkline chat export` and `import`: threads as lines of JSON, there and back byte for byte.
//!
//! An archive is one record a line: a thread, then its members, receipts and messages, then the next
//! thread. What restores a thread is a stream of the same records.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use indicatif::ProgressBar;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use trunkline_api::convert::archive;
use trunkline_chat::ArchiveRecord;
use trunkline_proto::admin::v1::{
    ExportThreadRequest, ExportThreadResponse, ImportThreadRequest, ImportThreadResponse,
};
use trunkline_proto::chat::v1::{ListThreadsRequest, ListThreadsResponse};

use crate::failure::{Failure, Family, InFamily as _};
use crate::output::Output;
use crate::progress;
use crate::remote::{Remote, Who, from_status};

/// Options of `trunkline chat export`.
#[derive(Debug, clap::Args)]
pub(super) struct ExportArguments {
    /// The threads; all threads of the user of `--as` when left out.
    threads: Vec<String>,
    /// The file to write; standard output when left out.
    #[arg(long, short)]
    out: Option<PathBuf>,
}

/// Options of `trunkline chat import`.
#[derive(Debug, clap::Args)]
pub(super) struct ImportArguments {
    /// The archive; `-` reads standard input.
    file: PathBuf,
}

pub(super) async fn export(
    arguments: ExportArguments,
    remote: &Remote,
    who: Option<Who>,
    output: &Output,
) -> Result<(), Failure> {
    let threads = match (arguments.threads, who) {
        (threads, _) if !threads.is_empty() => threads,
        (_, Some(who)) => threads_of(remote, &who).await?,
        (_, None) => {
            let error = anyhow::anyhow!("name threads, or somebody's with --as <user>");
            return Err(Failure::new(Family::Usage, error));
        }
    };
    let Some(path) = arguments.out else {
        let stdout = io::stdout();
        let mut writer = BufWriter::new(stdout.lock());
        write_threads(&threads, remote, output, &mut writer).await?;
        return writer.flush().in_family(Family::Unavailable);
    };
    // Whoever finds the file finds all of it.
    let staged = path.with_extension("partial");
    let file = File::create(&staged)
        .with_context(|| format!("cannot write {}", staged.display()))
        .in_family(Family::Unavailable)?;
    let mut writer = BufWriter::new(file);
    let messages = write_threads(&threads, remote, output, &mut writer).await?;
    finish(writer, &staged, &path)
        .with_context(|| format!("cannot write {}", path.display()))
        .in_family(Family::Unavailable)?;
    let count = threads.len();
    output.print(
        format!("{count} threads, {messages} messages: {}", path.display()),
        || json!({"threads": count, "messages": messages, "file": path}),
    );
    Ok(())
}

fn finish(writer: BufWriter<File>, staged: &Path, path: &Path) -> io::Result<()> {
    let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    std::fs::rename(staged, path)
}

/// Lists the living threads of a user, oldest first.
async fn threads_of(remote: &Remote, who: &Who) -> Result<Vec<String>, Failure> {
    let mut chat = remote.chat(who).await?;
    let (mut threads, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListThreadsRequest { page_token, ..ListThreadsRequest::default() };
        let listed = chat.list_threads(request).await.map_err(from_status)?.into_inner();
        let ListThreadsResponse { threads: page, next_page_token } = listed;
        let living = page.into_iter().filter(|thread| thread.deleted_on.is_none());
        threads.extend(living.map(|thread| thread.thread_id));
        if next_page_token.is_empty() {
            threads.reverse();
            return Ok(threads);
        }
        page_token = next_page_token;
    }
}

/// Writes the records of the threads and returns how many messages there were.
async fn write_threads(
    threads: &[String],
    remote: &Remote,
    output: &Output,
    writer: &mut impl Write,
) -> Result<u64, Failure> {
    let mut admin = remote.admin()?;
    let bar = progress::bar(output, 0, "export");
    let mut messages = 0;
    for thread_id in threads {
        let request = ExportThreadRequest { thread_id: thread_id.clone() };
        let exported = admin.export_thread(request).await.map_err(from_status)?;
        let mut records = exported.into_inner();
        while let Some(response) = records.message().await.map_err(from_status)? {
            let ExportThreadResponse { record } = response;
            let record = archive::parse_record(record.unwrap_or_default())
                .context("the exchange sent a record that this version cannot read")
                .in_family(Family::Internal)?;
            match &record {
                ArchiveRecord::Message(_) => {
                    messages += 1;
                    bar.inc(1);
                }
                ArchiveRecord::Thread(header) => {
                    bar.inc_length(header.next_sequence.saturating_sub(1));
                }
                ArchiveRecord::Member(_) | ArchiveRecord::Receipt(_) => {}
            }
            write_line(writer, &record).in_family(Family::Unavailable)?;
        }
    }
    bar.finish_and_clear();
    Ok(messages)
}

fn write_line(writer: &mut impl Write, record: &ArchiveRecord) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *writer, record)?;
    writer.write_all(b"\n")?;
    Ok(())
}

pub(super) async fn import(
    arguments: ImportArguments,
    remote: &Remote,
    output: &Output,
) -> Result<(), Failure> {
    let bar = progress::bar(output, 0, "import");
    let reader: Box<dyn BufRead + Send> = match arguments.file.as_os_str() == "-" {
        true => Box::new(BufReader::new(io::stdin())),
        false => {
            let file = File::open(&arguments.file)
                .with_context(|| format!("cannot read {}", arguments.file.display()))
                .in_family(Family::Usage)?;
            bar.set_length(file.metadata().map(|metadata| metadata.len()).unwrap_or_default());
            Box::new(BufReader::new(file))
        }
    };
    let mut lines = Lines { reader, number: 0, ahead: None };
    while let Some(first) = lines.next(&bar)? {
        let imported = import_thread(first, &mut lines, remote, &bar).await?;
        let ImportThreadResponse { thread_id, members, messages } = imported;
        bar.suspend(|| {
            output.print(
                format!("{thread_id}: {members} members, {messages} messages"),
                || json!({"threadId": thread_id, "members": members, "messages": messages}),
            );
        });
    }
    bar.finish_and_clear();
    Ok(())
}

/// Sends the records of one thread, and leaves the first one of the next in `lines`.
async fn import_thread(
    first: ArchiveRecord,
    lines: &mut Lines,
    remote: &Remote,
    bar: &ProgressBar,
) -> Result<ImportThreadResponse, Failure> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let mut admin = remote.admin()?;
    let call =
        tokio::spawn(async move { admin.import_thread(ReceiverStream::new(receiver)).await });
    let mut next = Some(first);
    while let Some(record) = next {
        let request = ImportThreadRequest { record: Some(archive::record(&record)) };
        if sender.send(request).await.is_err() {
            // The exchange has refused already; its answer says why.
            break;
        }
        next = match lines.next(bar)? {
            Some(thread @ ArchiveRecord::Thread(_)) => {
                lines.ahead = Some(thread);
                None
            }
            other => other,
        };
    }
    drop(sender);
    let answer = call.await.context("the call failed").in_family(Family::Internal)?;
    answer.map(tonic::Response::into_inner).map_err(from_status)
}

/// The records of an archive, line by line.
struct Lines {
    reader: Box<dyn BufRead + Send>,
    number: u64,
    ahead: Option<ArchiveRecord>,
}

impl Lines {
    fn next(&mut self, bar: &ProgressBar) -> Result<Option<ArchiveRecord>, Failure> {
        if let Some(record) = self.ahead.take() {
            return Ok(Some(record));
        }
        let mut line = String::new();
        let read = self.reader.read_line(&mut line);
        self.number += 1;
        let place = || format!("line {} of the archive", self.number);
        let length = read.with_context(place).in_family(Family::Usage)?;
        bar.inc(length as u64);
        if length == 0 {
            return Ok(None);
        }
        serde_json::from_str(&line).with_context(place).in_family(Family::Usage).map(Some)
    }
}

/// Records on their way: enough to keep the connection busy.
const QUEUE: usize = 64;
