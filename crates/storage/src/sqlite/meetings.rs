//! Meetings: one row each, with the code sealed beside a digest of its id.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use trunkline_ids::{
    CommunicationIdentifier, JoinCode, JoinMeetingId, MeetingCoordinates, MeetingId, ThreadId,
};
use trunkline_interop::MeetingRecord;

use crate::{
    error::StoreError,
    meetings::{MeetingPosition, MeetingStore, PostedCode, PutMeetingError, StoredMeeting},
    secret::Sealer,
    sqlite::{
        SqliteStore,
        codec::{from_json, from_text, limit, number, to_json},
        failure::corrupt,
    },
};

#[async_trait]
impl MeetingStore for SqliteStore {
    async fn put_meeting(&self, meeting: StoredMeeting) -> Result<(), PutMeetingError> {
        let StoredMeeting { record, code } = meeting;
        let body = to_json(WHAT, &record)?;
        let digest = digest(&self.sealer, &code.id);
        let sealed = self.sealer.seal(&place(&record.id), &code.to_bytes());
        let outcome = self.write(move |writing| {
            let id = record.id.as_str();
            let MeetingCoordinates { thread_id, tenant_id, message_id, .. } = &record.coordinates;
            let (thread, tenant, message) =
                (thread_id.as_str(), tenant_id.as_str(), message_id.as_str());
            let sql = "SELECT id FROM meetings WHERE join_id_digest = ?1";
            if is_of_another(writing.db, sql, [&digest[..]], id)? {
                return Ok(Err(PutMeetingError::JoinIdTaken));
            }
            let sql = "SELECT id FROM meetings WHERE thread = ?1 AND tenant = ?2 AND message = ?3";
            if is_of_another(writing.db, sql, [thread, tenant, message], id)? {
                return Ok(Err(PutMeetingError::CoordinatesTaken));
            }
            let sql = "INSERT INTO meetings
                           (id, organizer, thread, tenant, message, join_id_digest, code, body)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                       ON CONFLICT (id) DO UPDATE SET join_id_digest = excluded.join_id_digest,
                           code = excluded.code, body = excluded.body
                       WHERE organizer = excluded.organizer AND thread = excluded.thread
                           AND tenant = excluded.tenant AND message = excluded.message";
            let organizer = record.organizer.to_string();
            let row = params![id, organizer, thread, tenant, message, &digest[..], sealed, body];
            match writing.db.prepare_cached(sql)?.execute(row)? {
                0 => Err(StoreError::Conflict { what: "the meeting is another organizer's" }),
                _ => Ok(Ok(())),
            }
        });
        outcome.await?
    }

    async fn meeting(&self, id: &MeetingId) -> Result<Option<StoredMeeting>, StoreError> {
        let id = *id;
        self.one_meeting("WHERE id = ?1", move |sql, db| query_one(db, sql, [id.as_str()])).await
    }

    async fn meeting_by_join_id(
        &self,
        id: &JoinMeetingId,
    ) -> Result<Option<StoredMeeting>, StoreError> {
        let digest = digest(&self.sealer, id);
        self.one_meeting("WHERE join_id_digest = ?1", move |sql, db| {
            query_one(db, sql, [&digest[..]])
        })
        .await
    }

    async fn meeting_at(
        &self,
        coordinates: &MeetingCoordinates,
    ) -> Result<Option<StoredMeeting>, StoreError> {
        let wanted = coordinates.clone();
        let found = self
            .one_meeting("WHERE thread = ?1 AND tenant = ?2 AND message = ?3", move |sql, db| {
                let MeetingCoordinates { thread_id, tenant_id, message_id, .. } = &wanted;
                let row = [thread_id.as_str(), tenant_id.as_str(), message_id.as_str()];
                query_one(db, sql, row)
            })
            .await?;
        Ok(found.filter(|meeting| meeting.record.coordinates == *coordinates))
    }

    async fn meetings_of_thread(
        &self,
        thread: &ThreadId,
        after: Option<MeetingPosition>,
        rows: usize,
    ) -> Result<Vec<(MeetingPosition, StoredMeeting)>, StoreError> {
        self.page_of_meetings("thread", thread.to_string(), after, rows).await
    }

    async fn meetings_of(
        &self,
        organizer: &CommunicationIdentifier,
        after: Option<MeetingPosition>,
        rows: usize,
    ) -> Result<Vec<(MeetingPosition, StoredMeeting)>, StoreError> {
        self.page_of_meetings("organizer", organizer.to_string(), after, rows).await
    }

    async fn join_codes(
        &self,
        after: Option<MeetingPosition>,
        rows: usize,
    ) -> Result<Vec<(MeetingPosition, PostedCode)>, StoreError> {
        let found = self
            .read(move |db| {
                let sql = "SELECT position, id, code FROM meetings WHERE position > ?1
                           ORDER BY position LIMIT ?2";
                let after = number(after.map_or(0, |position| position.0));
                let mut statement = db.prepare_cached(sql)?;
                let found = statement.query_map(params![after, limit(rows)], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })?;
                Ok(found.collect::<Result<Vec<(u64, String, Vec<u8>)>, _>>()?)
            })
            .await?;
        let opened = found.into_iter().map(|(position, id, code)| {
            let meeting_id = from_text("meeting id", &id)?;
            let code = open_code(&self.sealer, &meeting_id, &code)?;
            Ok((MeetingPosition(position), PostedCode { meeting_id, code }))
        });
        opened.collect()
    }

    async fn delete_meeting(&self, id: &MeetingId) -> Result<bool, StoreError> {
        let id = *id;
        self.make_room(move |writing| {
            let sql = "DELETE FROM meetings WHERE id = ?1";
            Ok(writing.db.prepare_cached(sql)?.execute([id.as_str()])? > 0)
        })
        .await
    }
}

impl SqliteStore {
    async fn one_meeting(
        &self,
        condition: &str,
        query: impl FnOnce(&str, &Connection) -> Result<Option<SealedMeeting>, StoreError>
        + Send
        + 'static,
    ) -> Result<Option<StoredMeeting>, StoreError> {
        let sql = format!("{SELECT_MEETINGS} {condition}");
        let row = self.read(move |db| query(&sql, db)).await?;
        row.map(|row| Ok(row.open(&self.sealer)?.1)).transpose()
    }

    async fn page_of_meetings(
        &self,
        column: &'static str,
        value: String,
        after: Option<MeetingPosition>,
        rows: usize,
    ) -> Result<Vec<(MeetingPosition, StoredMeeting)>, StoreError> {
        let found = self
            .read(move |db| {
                let sql = format!(
                    "{SELECT_MEETINGS} WHERE {column} = ?1 AND position > ?2
                     ORDER BY position LIMIT ?3"
                );
                let after = number(after.map_or(0, |position| position.0));
                let mut statement = db.prepare_cached(&sql)?;
                let row = params![value, after, limit(rows)];
                let found = statement.query_map(row, SealedMeeting::read)?;
                Ok(found.collect::<Result<Vec<_>, _>>()?)
            })
            .await?;
        found.into_iter().map(|row| row.open(&self.sealer)).collect()
    }
}

/// A meeting as its row has it.
struct SealedMeeting {
    position: u64,
    code: Vec<u8>,
    body: Vec<u8>,
}

impl SealedMeeting {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { position: row.get(0)?, code: row.get(1)?, body: row.get(2)? })
    }

    fn open(self, sealer: &Sealer) -> Result<(MeetingPosition, StoredMeeting), StoreError> {
        let record: MeetingRecord = from_json(WHAT, &self.body)?;
        let code = open_code(sealer, &record.id, &self.code)?;
        Ok((MeetingPosition(self.position), StoredMeeting { record, code }))
    }
}

fn query_one(
    db: &Connection,
    sql: &str,
    row: impl Params,
) -> Result<Option<SealedMeeting>, StoreError> {
    Ok(db.prepare_cached(sql)?.query_row(row, SealedMeeting::read).optional()?)
}

/// Returns whether what a statement finds is another meeting than that of an id.
fn is_of_another(
    db: &Connection,
    sql: &str,
    row: impl Params,
    id: &str,
) -> Result<bool, StoreError> {
    let holder: Option<String> =
        db.prepare_cached(sql)?.query_row(row, |row| row.get(0)).optional()?;
    Ok(holder.is_some_and(|holder| holder != id))
}

fn open_code(sealer: &Sealer, id: &MeetingId, sealed: &[u8]) -> Result<JoinCode, StoreError> {
    let bytes = sealer.open(&place(id), sealed).map_err(corrupt(CODE))?;
    JoinCode::from_bytes(&bytes).map_err(corrupt(CODE))
}

fn digest(sealer: &Sealer, id: &JoinMeetingId) -> [u8; Sealer::DIGEST_BYTES] {
    sealer.digest("meetings/join-id", id.reveal().as_bytes())
}

/// Names where a code is kept, so that it opens nowhere else.
fn place(id: &MeetingId) -> String {
    format!("meetings/{id}/code")
}

const WHAT: &str = "meeting";
const CODE: &str = "join code";

const SELECT_MEETINGS: &str = "SELECT position, code, body FROM meetings";
