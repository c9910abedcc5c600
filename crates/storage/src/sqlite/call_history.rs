//! Call history: one row for each user of each call.

use std::collections::BTreeSet;

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use trunkline_call::{CallKind, Direction};
use trunkline_clock::Timestamp;
use trunkline_ids::{CallId, CommunicationIdentifier, MeetingId, TenantId, ThreadId};
use trunkline_policy::ObjectId;
use trunkline_reasons::EndReason;

use crate::{
    call_history::{
        CallHistoryLimits, CallHistoryStore, CallPosition, CallRecord, CallsQuery, MissedCalls,
        OtherParty, UserCall,
    },
    error::StoreError,
    sqlite::{
        SqliteStore,
        codec::{from_json, from_text, limit, number, time, to_json},
        failure::corrupt,
    },
};

#[async_trait]
impl CallHistoryStore for SqliteStore {
    async fn append_calls(
        &self,
        calls: Vec<UserCall>,
        limits: CallHistoryLimits,
    ) -> Result<usize, StoreError> {
        let rows = calls.into_iter().map(|(user, call)| NewRow::of(&user, call, limits.others));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        self.write(move |writing| {
            let sql = "INSERT INTO call_history (user, call, ended_at, is_missed, body)
                       VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (user, call) DO NOTHING";
            let mut insert = writing.db.prepare_cached(sql)?;
            let (mut added, mut users) = (0, BTreeSet::new());
            for NewRow { user, call_id, ended_at, is_missed, body } in rows {
                let row = params![user, call_id.as_str(), ended_at, is_missed, body];
                if insert.execute(row)? > 0 {
                    added += 1;
                    users.insert(user);
                }
            }
            for user in users {
                let sql = "DELETE FROM call_history WHERE user = ?1 AND position <= (
                               SELECT position FROM call_history WHERE user = ?1
                               ORDER BY position DESC LIMIT 1 OFFSET ?2)";
                let row = params![user, limit(limits.per_user)];
                writing.db.prepare_cached(sql)?.execute(row)?;
            }
            Ok(added)
        })
        .await
    }

    async fn calls(
        &self,
        user: &CommunicationIdentifier,
        query: CallsQuery,
    ) -> Result<Vec<(CallPosition, CallRecord)>, StoreError> {
        let user = user.to_string();
        self.read(move |db| {
            let sql = "SELECT position, call, ended_at, is_missed, body FROM call_history
                       WHERE user = ?1 AND position < ?2 AND ended_at >= ?3 AND is_missed >= ?4
                       ORDER BY position DESC LIMIT ?5";
            let mut statement = db.prepare_cached(sql)?;
            let row = params![
                user,
                query.before.map_or(i64::MAX, |position| number(position.0)),
                query.since.map_or(i64::MIN, Timestamp::as_unix_micros),
                query.is_missed_only,
                limit(query.limit),
            ];
            let rows = statement.query_map(row, stored_row)?;
            rows.map(|row| record(row?)).collect()
        })
        .await
    }

    async fn missed_calls(
        &self,
        user: &CommunicationIdentifier,
    ) -> Result<MissedCalls, StoreError> {
        let user = user.to_string();
        self.read(move |db| missed(db, &user)).await
    }

    async fn mark_calls_seen(
        &self,
        user: &CommunicationIdentifier,
        up_to: CallPosition,
    ) -> Result<MissedCalls, StoreError> {
        let user = user.to_string();
        self.write(move |writing| {
            // No call that is still to come is seen already, whatever place was named.
            let sql = "INSERT INTO call_history_marks (user, position)
                       SELECT ?1, min(?2, max(position)) FROM call_history WHERE user = ?1
                       HAVING count(*) > 0
                       ON CONFLICT (user) DO UPDATE SET position = max(position, excluded.position)";
            writing.db.prepare_cached(sql)?.execute(params![user, number(up_to.0)])?;
            missed(writing.db, &user)
        })
        .await
    }

    async fn delete_call(
        &self,
        user: &CommunicationIdentifier,
        call: &CallId,
    ) -> Result<bool, StoreError> {
        let (user, call) = (user.to_string(), *call);
        self.make_room(move |writing| {
            let sql = "DELETE FROM call_history WHERE user = ?1 AND call = ?2";
            Ok(writing.db.prepare_cached(sql)?.execute([&user, call.as_str()])? > 0)
        })
        .await
    }

    async fn delete_calls_of(&self, user: &CommunicationIdentifier) -> Result<usize, StoreError> {
        let user = user.to_string();
        self.make_room(move |writing| delete_of(writing.db, &user)).await
    }

    async fn prune_calls(
        &self,
        now: Timestamp,
        limits: CallHistoryLimits,
        rows: usize,
    ) -> Result<usize, StoreError> {
        let age = i64::try_from(limits.age.as_micros()).unwrap_or(i64::MAX);
        let oldest_kept = now.as_unix_micros().saturating_sub(age);
        self.make_room(move |writing| {
            let sql = "DELETE FROM call_history WHERE position IN (
                           SELECT position FROM call_history WHERE ended_at < ?1
                           ORDER BY ended_at LIMIT ?2)";
            Ok(writing.db.prepare_cached(sql)?.execute([oldest_kept, limit(rows)])?)
        })
        .await
    }
}

/// Removes all that is kept of the calls of a user; returns how many they were.
pub(super) fn delete_of(db: &Connection, user: &str) -> Result<usize, StoreError> {
    db.prepare_cached("DELETE FROM call_history_marks WHERE user = ?1")?.execute([user])?;
    Ok(db.prepare_cached("DELETE FROM call_history WHERE user = ?1")?.execute([user])?)
}

/// Removes what is kept of the calls that a directory user had through apps, under an identifier of
/// each: `8:acs:<resource>_<tenant>_<user>`. Looks through all users, as who leaves a directory is
/// rare.
pub(super) fn delete_of_extensions(
    db: &Connection,
    tenant: &TenantId,
    user: &ObjectId,
) -> Result<(), StoreError> {
    let suffix = format!("_{tenant}_{}", user.as_str());
    for sql in [
        "DELETE FROM call_history
         WHERE user GLOB '8:*acs:*' AND substr(user, -length(?1)) = ?1",
        "DELETE FROM call_history_marks
         WHERE user GLOB '8:*acs:*' AND substr(user, -length(?1)) = ?1",
    ] {
        db.prepare_cached(sql)?.execute([&suffix])?;
    }
    Ok(())
}

fn missed(db: &Connection, user: &str) -> Result<MissedCalls, StoreError> {
    let sql = "SELECT max(position) FROM call_history_marks WHERE user = ?1";
    let seen: Option<u64> = db.prepare_cached(sql)?.query_row([user], |row| row.get(0))?;
    let sql = "SELECT count(*) FROM call_history WHERE user = ?1 AND position > ?2 AND is_missed";
    let row = params![user, number(seen.unwrap_or(0))];
    let unseen = db.prepare_cached(sql)?.query_row(row, |row| row.get(0))?;
    Ok(MissedCalls { unseen, seen_up_to: seen.map(CallPosition) })
}

/// What goes into a row.
struct NewRow {
    user: String,
    call_id: CallId,
    ended_at: i64,
    is_missed: bool,
    body: Vec<u8>,
}

impl NewRow {
    fn of(
        user: &CommunicationIdentifier,
        mut call: CallRecord,
        named: usize,
    ) -> Result<Self, StoreError> {
        let rest = call.others.len().saturating_sub(named);
        call.others.truncate(named);
        let rest = u32::try_from(rest).unwrap_or(u32::MAX);
        let body = Body {
            kind: call.kind.as_str().into(),
            direction: call.direction.as_str().into(),
            others: call.others,
            unnamed_others: call.unnamed_others.saturating_add(rest),
            started_at: call.started_at,
            connected_at: call.connected_at,
            end: (call.end_reason.code(), call.end_reason.sub_code()),
            thread_id: call.thread_id,
            meeting_id: call.meeting_id,
        };
        Ok(Self {
            user: user.to_string(),
            call_id: call.call_id,
            ended_at: call.ended_at.as_unix_micros(),
            is_missed: call.is_missed,
            body: to_json(WHAT, &body)?,
        })
    }
}

/// What of a record has no column of its own.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    kind: Box<str>,
    direction: Box<str>,
    others: Vec<OtherParty>,
    unnamed_others: u32,
    started_at: Timestamp,
    connected_at: Option<Timestamp>,
    /// Code and subcode: the words are the catalogue's.
    end: (u16, u32),
    thread_id: Option<ThreadId>,
    meeting_id: Option<MeetingId>,
}

type StoredRow = (u64, String, i64, bool, Vec<u8>);

fn stored_row(row: &Row<'_>) -> rusqlite::Result<StoredRow> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
}

fn record(
    (position, call, ended_at, is_missed, body): StoredRow,
) -> Result<(CallPosition, CallRecord), StoreError> {
    let body: Body = from_json(WHAT, &body)?;
    let unknown = |what| corrupt(WHAT)(UnknownName { what });
    let kind = CallKind::ALL.into_iter().find(|kind| kind.as_str() == &*body.kind);
    let directions = [Direction::Incoming, Direction::Outgoing];
    let direction = directions.into_iter().find(|one| one.as_str() == &*body.direction);
    let (code, sub_code) = body.end;
    let record = CallRecord {
        call_id: from_text("call id", &call)?,
        kind: kind.ok_or_else(|| unknown("kind"))?,
        direction: direction.ok_or_else(|| unknown("direction"))?,
        others: body.others,
        unnamed_others: body.unnamed_others,
        started_at: body.started_at,
        connected_at: body.connected_at,
        ended_at: time(ended_at),
        end_reason: EndReason::find(code, sub_code).ok_or_else(|| unknown("end reason"))?,
        is_missed,
        thread_id: body.thread_id,
        meeting_id: body.meeting_id,
    };
    Ok((CallPosition(position), record))
}

/// Says that a row has a name that nothing has.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("unknown {what}")]
struct UnknownName {
    what: &'static str,
}

const WHAT: &str = "call record";
