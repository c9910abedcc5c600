//! Clients that are pushed events: one row each.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};
use trunkline_clock::Timestamp;

use crate::{
    error::StoreError,
    push_endpoints::{PushEndpoint, PushEndpointChange, PushEndpointKey, PushEndpointStore},
    sqlite::{
        SqliteStore,
        codec::{limit, number, time},
    },
};

#[async_trait]
impl PushEndpointStore for SqliteStore {
    async fn push_endpoint(
        &self,
        key: &PushEndpointKey,
    ) -> Result<Option<PushEndpoint>, StoreError> {
        let key = key.clone();
        self.read(move |db| {
            let sql = "SELECT position, seen_on FROM push_endpoints WHERE user = ?1 AND epid = ?2";
            let row = params![key.user.to_string(), key.epid];
            let found = db.prepare_cached(sql)?.query_row(row, |row| {
                Ok(PushEndpoint { position: row.get(0)?, seen_on: time(row.get(1)?) })
            });
            Ok(found.optional()?)
        })
        .await
    }

    async fn put_push_endpoints(&self, changes: Vec<PushEndpointChange>) -> Result<(), StoreError> {
        self.write(move |writing| {
            let put = "INSERT OR REPLACE INTO push_endpoints (user, epid, position, seen_on)
                       VALUES (?1, ?2, ?3, ?4)";
            let forget = "DELETE FROM push_endpoints WHERE user = ?1 AND epid = ?2";
            let mut put = writing.db.prepare_cached(put)?;
            let mut forget = writing.db.prepare_cached(forget)?;
            for (PushEndpointKey { user, epid }, change) in changes {
                let user = user.to_string();
                match change {
                    Some(PushEndpoint { position, seen_on }) => {
                        let seen_on = seen_on.as_unix_micros();
                        put.execute(params![user, epid, number(position), seen_on])?
                    }
                    None => forget.execute(params![user, epid])?,
                };
            }
            Ok(())
        })
        .await
    }

    async fn prune_push_endpoints(
        &self,
        before: Timestamp,
        rows: usize,
    ) -> Result<usize, StoreError> {
        self.make_room(move |writing| {
            let sql = "DELETE FROM push_endpoints WHERE (user, epid) IN (
                           SELECT user, epid FROM push_endpoints WHERE seen_on < ?1
                           ORDER BY seen_on LIMIT ?2)";
            let row = params![before.as_unix_micros(), limit(rows)];
            Ok(writing.db.prepare_cached(sql)?.execute(row)?)
        })
        .await
    }
}
