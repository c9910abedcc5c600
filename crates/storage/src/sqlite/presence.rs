//! Preferred presences: one row each.

use async_trait::async_trait;
use rusqlite::params;
use trunkline_clock::Timestamp;
use trunkline_ids::CommunicationIdentifier;
use trunkline_policy::Presence;

use crate::{
    error::StoreError,
    presence::{PreferredPresence, PresenceStore},
    sqlite::{
        SqliteStore,
        codec::{from_text, time},
    },
};

#[async_trait]
impl PresenceStore for SqliteStore {
    async fn put_preferred_presence(&self, preferred: PreferredPresence) -> Result<(), StoreError> {
        self.write(move |writing| {
            let PreferredPresence { user, presence, until } = &preferred;
            let sql = "INSERT OR REPLACE INTO preferred_presences
                           (user, availability, activity, until) VALUES (?1, ?2, ?3, ?4)";
            writing.db.prepare_cached(sql)?.execute(params![
                user.to_string(),
                presence.availability.as_str(),
                presence.activity.as_str(),
                until.as_unix_micros(),
            ])?;
            Ok(())
        })
        .await
    }

    async fn remove_preferred_presence(
        &self,
        user: &CommunicationIdentifier,
    ) -> Result<(), StoreError> {
        let user = user.to_string();
        self.write(move |writing| {
            let sql = "DELETE FROM preferred_presences WHERE user = ?1";
            writing.db.prepare_cached(sql)?.execute([&user])?;
            Ok(())
        })
        .await
    }

    async fn preferred_presences(
        &self,
        now: Timestamp,
    ) -> Result<Vec<PreferredPresence>, StoreError> {
        self.write(move |writing| {
            let sql = "DELETE FROM preferred_presences WHERE until <= ?1";
            writing.db.prepare_cached(sql)?.execute([now.as_unix_micros()])?;
            let sql = "SELECT user, availability, activity, until FROM preferred_presences";
            let mut statement = writing.db.prepare_cached(sql)?;
            let mut rows = statement.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let (availability, activity): (String, String) = (row.get(1)?, row.get(2)?);
                // What another version knows is passed over.
                let Some(presence) = Presence::preferred_by_name(&availability, &activity) else {
                    continue;
                };
                let user: String = row.get(0)?;
                let user = from_text(WHAT, &user)?;
                found.push(PreferredPresence { user, presence, until: time(row.get(3)?) });
            }
            Ok(found)
        })
        .await
    }
}

const WHAT: &str = "preferred presence";
