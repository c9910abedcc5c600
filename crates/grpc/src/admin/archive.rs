//! Streams of archive records, there and back.

use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use tonic::{Status, Streaming};
use trunkline_api::convert::archive;
use trunkline_chat::ArchiveRecord;
use trunkline_node::{Chat, ThreadExport};
use trunkline_proto::admin::v1 as wire;

use crate::status;

/// The records of an archive on their way to a client.
pub(super) type Records =
    Pin<Box<dyn Stream<Item = Result<wire::ExportThreadResponse, Status>> + Send + 'static>>;

/// Begins to stream a thread's archive.
pub(super) async fn export(chat: &Chat, thread_id: &str) -> Result<Records, Status> {
    let id = thread_id.parse().map_err(|_| status::not_found("thread"))?;
    let export = chat.export_thread(&id).await.map_err(status::archive)?;
    Ok(Box::pin(futures_util::stream::unfold(Some(export), next)))
}

async fn next(
    export: Option<ThreadExport>,
) -> Option<(Result<wire::ExportThreadResponse, Status>, Option<ThreadExport>)> {
    let mut export = export?;
    match export.next().await {
        Ok(Some(record)) => {
            let record = Some(archive::record(&record));
            Some((Ok(wire::ExportThreadResponse { record }), Some(export)))
        }
        Ok(None) => None,
        Err(error) => Some((Err(status::archive(error)), None)),
    }
}

/// Restores a thread from a stream of records.
pub(super) async fn import(
    chat: &Chat,
    mut requests: Streaming<wire::ImportThreadRequest>,
) -> Result<wire::ImportThreadResponse, Status> {
    let Some(ArchiveRecord::Thread(header)) = read(&mut requests).await? else {
        return Err(Status::invalid_argument("an archive begins with its thread"));
    };
    let mut import = chat.import_thread(header).await.map_err(status::archive)?;
    while let Some(record) = read(&mut requests).await? {
        import.take(record).await.map_err(status::archive)?;
    }
    let imported = import.finish().await.map_err(status::archive)?;
    Ok(wire::ImportThreadResponse {
        thread_id: imported.thread_id.to_string(),
        members: u32::try_from(imported.members).unwrap_or(u32::MAX),
        messages: imported.messages,
    })
}

async fn read(
    requests: &mut Streaming<wire::ImportThreadRequest>,
) -> Result<Option<ArchiveRecord>, Status> {
    let request = tokio::time::timeout(PATIENCE, requests.next()).await;
    let request = request.map_err(|_| Status::deadline_exceeded("no record for a minute"))?;
    let Some(wire::ImportThreadRequest { record }) = request.transpose()? else {
        return Ok(None);
    };
    archive::parse_record(record.unwrap_or_default()).map(Some).map_err(status::record)
}

/// A client that reads a file has the next record at once.
const PATIENCE: Duration = Duration::from_secs(60);
