//! Resources, app users, tenants and revocations in SQLite.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use trunkline_ids::{CommunicationIdentifier, CommunicationUser, ResourceId, TenantId};
use trunkline_policy::{AccessKey, AccessKeys, DirectoryUser, KeySlot, ObjectId, Resource, Tenant};

use crate::{
    error::StoreError,
    identity::{AppUser, IdentityStore, ResourceRecord, UserPosition},
    secret::Sealer,
    sqlite::{
        SqliteStore, call_history,
        codec::{from_json, from_text, limit, number, time, to_json},
        failure::corrupt,
        policy::check_tenant,
    },
};

#[async_trait]
impl IdentityStore for SqliteStore {
    async fn put_resource(&self, record: ResourceRecord) -> Result<(), StoreError> {
        let ResourceRecord { resource, keys } = record;
        let body = to_json("resource", &resource)?;
        let primary =
            self.sealer.seal(&place(&resource.id, KeySlot::Primary), keys.primary.as_bytes());
        let secondary =
            self.sealer.seal(&place(&resource.id, KeySlot::Secondary), keys.secondary.as_bytes());
        self.write(move |writing| {
            let sql = "INSERT OR REPLACE INTO resources
                           (id, body, primary_key, primary_created_on,
                            secondary_key, secondary_created_on)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            writing.db.prepare_cached(sql)?.execute(params![
                resource.id.as_str(),
                body,
                primary,
                keys.primary.created_on().as_unix_micros(),
                secondary,
                keys.secondary.created_on().as_unix_micros(),
            ])?;
            Ok(())
        })
        .await
    }

    async fn resource(&self, id: &ResourceId) -> Result<Option<ResourceRecord>, StoreError> {
        let id = id.clone();
        let row = self
            .read(move |db| {
                let sql = format!("{SELECT_RESOURCES} WHERE id = ?1");
                let row = db.prepare_cached(&sql)?.query_row([id.as_str()], SealedResource::read);
                Ok(row.optional()?)
            })
            .await?;
        row.map(|row| row.open(&self.sealer)).transpose()
    }

    async fn resources(&self) -> Result<Vec<ResourceRecord>, StoreError> {
        let rows = self
            .read(|db| {
                let sql = format!("{SELECT_RESOURCES} ORDER BY id");
                let mut statement = db.prepare_cached(&sql)?;
                let rows = statement.query_map([], SealedResource::read)?;
                Ok(rows.collect::<Result<Vec<_>, _>>()?)
            })
            .await?;
        rows.into_iter().map(|row| row.open(&self.sealer)).collect()
    }

    async fn rotate_key(
        &self,
        id: &ResourceId,
        slot: KeySlot,
        fresh: AccessKey,
    ) -> Result<(), StoreError> {
        let sealed = self.sealer.seal(&place(id, slot), fresh.as_bytes());
        let id = id.clone();
        self.write(move |writing| {
            let sql = match slot {
                KeySlot::Primary => {
                    "UPDATE resources SET primary_key = ?2, primary_created_on = ?3 WHERE id = ?1"
                }
                KeySlot::Secondary => {
                    "UPDATE resources SET secondary_key = ?2, secondary_created_on = ?3
                     WHERE id = ?1"
                }
            };
            let row = params![id.as_str(), sealed, fresh.created_on().as_unix_micros()];
            match writing.db.prepare_cached(sql)?.execute(row)? {
                0 => Err(StoreError::NotFound { what: "resource" }),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn create_user(&self, user: AppUser) -> Result<(), StoreError> {
        self.write(move |writing| {
            let sql = "INSERT INTO app_users (raw_id, resource, created_on) VALUES (?1, ?2, ?3)
                       ON CONFLICT (raw_id) DO NOTHING";
            let created_on = user.created_on.as_unix_micros();
            let row = params![user.identifier.id(), user.resource.as_str(), created_on];
            match writing.db.prepare_cached(sql)?.execute(row)? {
                0 => Err(StoreError::Conflict { what: "the user exists" }),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn user(&self, id: &CommunicationUser) -> Result<Option<AppUser>, StoreError> {
        let id = id.clone();
        self.read(move |db| {
            let sql = "SELECT position, raw_id, resource, created_on FROM app_users
                       WHERE raw_id = ?1";
            let row = db.prepare_cached(sql)?.query_row([id.id()], user_row).optional()?;
            row.map(|row| Ok(user(row)?.1)).transpose()
        })
        .await
    }

    async fn users(
        &self,
        resource: &ResourceId,
        after: Option<UserPosition>,
        rows: usize,
    ) -> Result<Vec<(UserPosition, AppUser)>, StoreError> {
        let resource = resource.clone();
        self.read(move |db| {
            let sql = "SELECT position, raw_id, resource, created_on FROM app_users
                       WHERE resource = ?1 AND position > ?2 ORDER BY position LIMIT ?3";
            let after = number(after.map_or(0, |position| position.0));
            let mut statement = db.prepare_cached(sql)?;
            let rows =
                statement.query_map(params![resource.as_str(), after, limit(rows)], user_row)?;
            rows.map(|row| user(row?)).collect()
        })
        .await
    }

    async fn user_count(&self, resource: &ResourceId) -> Result<u64, StoreError> {
        let resource = resource.clone();
        self.read(move |db| {
            let sql = "SELECT count(*) FROM app_users WHERE resource = ?1";
            Ok(db.prepare_cached(sql)?.query_row([resource.as_str()], |row| row.get(0))?)
        })
        .await
    }

    async fn delete_user(&self, id: &CommunicationUser) -> Result<bool, StoreError> {
        let id = id.clone();
        self.write(move |writing| {
            let sql = "DELETE FROM app_users WHERE raw_id = ?1";
            let is_deleted = writing.db.prepare_cached(sql)?.execute([id.id()])? > 0;
            if is_deleted {
                revoke(writing.db, id.id())?;
                call_history::delete_of(writing.db, id.id())?;
            }
            Ok(is_deleted)
        })
        .await
    }

    async fn token_generation(&self, id: &CommunicationIdentifier) -> Result<u32, StoreError> {
        let id = id.to_string();
        self.read(move |db| {
            let sql = "SELECT generation FROM generations WHERE raw_id = ?1";
            let found = db.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()?;
            Ok(found.unwrap_or(0))
        })
        .await
    }

    async fn revoke_tokens(&self, id: &CommunicationIdentifier) -> Result<u32, StoreError> {
        let id = id.to_string();
        self.write(move |writing| revoke(writing.db, &id)).await
    }

    async fn put_tenant(&self, tenant: Tenant) -> Result<(), StoreError> {
        let body = to_json("tenant", &tenant)?;
        self.write(move |writing| {
            let sql = "INSERT OR REPLACE INTO tenants (id, body) VALUES (?1, ?2)";
            writing.db.prepare_cached(sql)?.execute(params![tenant.id.as_str(), body])?;
            Ok(())
        })
        .await
    }

    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        self.read(|db| {
            let mut statement = db.prepare_cached("SELECT body FROM tenants ORDER BY id")?;
            let bodies = statement.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
            bodies.map(|body| from_json("tenant", &body?)).collect()
        })
        .await
    }

    async fn put_directory_user(
        &self,
        tenant: &TenantId,
        user: DirectoryUser,
    ) -> Result<(), StoreError> {
        let (tenant, body) = (tenant.clone(), to_json("directory user", &user)?);
        self.write(move |writing| {
            check_tenant(writing.db, &tenant)?;
            let sql = "SELECT object_id FROM directory_users WHERE tenant = ?1 AND alias = ?2";
            let holder: Option<String> = writing
                .db
                .prepare_cached(sql)?
                .query_row([tenant.as_str(), user.alias.as_str()], |row| row.get(0))
                .optional()?;
            if holder.is_some_and(|holder| holder != user.object_id.as_str()) {
                return Err(StoreError::Conflict { what: "another user has the alias" });
            }
            let sql = "INSERT OR REPLACE INTO directory_users (tenant, object_id, alias, body)
                       VALUES (?1, ?2, ?3, ?4)";
            let (object_id, alias) = (user.object_id.as_str(), user.alias.as_str());
            let row = params![tenant.as_str(), object_id, alias, body];
            writing.db.prepare_cached(sql)?.execute(row)?;
            Ok(())
        })
        .await
    }

    async fn directory_users(&self, tenant: &TenantId) -> Result<Vec<DirectoryUser>, StoreError> {
        let tenant = tenant.clone();
        self.read(move |db| {
            let sql = "SELECT body FROM directory_users WHERE tenant = ?1 ORDER BY alias";
            let mut statement = db.prepare_cached(sql)?;
            let bodies = statement.query_map([tenant.as_str()], |row| row.get::<_, Vec<u8>>(0))?;
            bodies.map(|body| from_json("directory user", &body?)).collect()
        })
        .await
    }

    async fn delete_directory_user(
        &self,
        tenant: &TenantId,
        user: &ObjectId,
    ) -> Result<bool, StoreError> {
        let (tenant, user) = (tenant.clone(), user.clone());
        self.write(move |writing| {
            let sql = "DELETE FROM directory_users WHERE tenant = ?1 AND object_id = ?2";
            let row = [tenant.as_str(), user.as_str()];
            let is_deleted = writing.db.prepare_cached(sql)?.execute(row)? > 0;
            if is_deleted {
                let raw_id = user.identifier().to_string();
                revoke(writing.db, &raw_id)?;
                call_history::delete_of(writing.db, &raw_id)?;
                call_history::delete_of_extensions(writing.db, &tenant, &user)?;
            }
            Ok(is_deleted)
        })
        .await
    }
}

/// A resource as its row has it.
struct SealedResource {
    body: Vec<u8>,
    primary: (Vec<u8>, i64),
    secondary: (Vec<u8>, i64),
}

impl SealedResource {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            body: row.get(0)?,
            primary: (row.get(1)?, row.get(2)?),
            secondary: (row.get(3)?, row.get(4)?),
        })
    }

    fn open(self, sealer: &Sealer) -> Result<ResourceRecord, StoreError> {
        const KEY: &str = "access key";
        let resource: Resource = from_json("resource", &self.body)?;
        let key = |slot, (sealed, created_on): (Vec<u8>, i64)| {
            let bytes = sealer.open(&place(&resource.id, slot), &sealed).map_err(corrupt(KEY))?;
            AccessKey::from_bytes(&bytes, time(created_on)).map_err(corrupt(KEY))
        };
        let keys = AccessKeys {
            primary: key(KeySlot::Primary, self.primary)?,
            secondary: key(KeySlot::Secondary, self.secondary)?,
        };
        Ok(ResourceRecord { resource, keys })
    }
}

/// Names where a key is kept, so that it opens nowhere else.
fn place(resource: &ResourceId, slot: KeySlot) -> String {
    format!("resources/{resource}/{slot}")
}

type UserRow = (u64, String, String, i64);

fn user_row(row: &Row<'_>) -> rusqlite::Result<UserRow> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

fn user(
    (position, raw_id, resource, created_on): UserRow,
) -> Result<(UserPosition, AppUser), StoreError> {
    let CommunicationIdentifier::CommunicationUser(identifier) = from_text("user id", &raw_id)?
    else {
        return Err(corrupt("user id")(NotAppUser));
    };
    let user = AppUser {
        identifier,
        resource: from_text("resource id", &resource)?,
        created_on: time(created_on),
    };
    Ok((UserPosition(position), user))
}

/// Says that a row of the app users names somebody else.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("not an app user")]
struct NotAppUser;

fn revoke(db: &Connection, raw_id: &str) -> Result<u32, StoreError> {
    let sql = "INSERT INTO generations (raw_id, generation) VALUES (?1, 1)
               ON CONFLICT (raw_id) DO UPDATE SET generation = generation + 1
               RETURNING generation";
    Ok(db.prepare_cached(sql)?.query_row([raw_id], |row| row.get(0))?)
}

const SELECT_RESOURCES: &str =
    "SELECT body, primary_key, primary_created_on, secondary_key, secondary_created_on
     FROM resources";
