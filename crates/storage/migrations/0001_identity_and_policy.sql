-- Times are microseconds since the epoch; bodies are JSON unless something else is said.

CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Written and emptied to find out whether writes work.
CREATE TABLE probe (
    number INTEGER PRIMARY KEY,
    filler BLOB NOT NULL
) STRICT;

CREATE TABLE resources (
    id TEXT NOT NULL PRIMARY KEY,
    body BLOB NOT NULL,
    -- Keys are sealed: version, nonce, ciphertext, tag.
    primary_key BLOB NOT NULL,
    primary_created_on INTEGER NOT NULL,
    secondary_key BLOB NOT NULL,
    secondary_created_on INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE app_users (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    raw_id TEXT NOT NULL UNIQUE,
    resource TEXT NOT NULL,
    created_on INTEGER NOT NULL
) STRICT;

CREATE INDEX app_users_by_resource ON app_users (resource, position);

-- How often the tokens of somebody were revoked; never is no row.
CREATE TABLE generations (
    raw_id TEXT NOT NULL PRIMARY KEY,
    generation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tenants (
    id TEXT NOT NULL PRIMARY KEY,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE directory_users (
    tenant TEXT NOT NULL,
    object_id TEXT NOT NULL,
    alias TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (tenant, object_id),
    UNIQUE (tenant, alias)
) STRICT, WITHOUT ROWID;

-- What administrators set, by kind; of one kind, the order is that of setting.
CREATE TABLE settings (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (tenant, kind, name)
) STRICT;

CREATE TABLE rooms (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    resource TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE INDEX rooms_by_resource ON rooms (resource, position);

-- Answers to requests that may be repeated; the body is what the façade wrote.
CREATE TABLE responses (
    scope TEXT NOT NULL,
    request_id TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    status INTEGER NOT NULL,
    body BLOB NOT NULL,
    stored_on INTEGER NOT NULL,
    PRIMARY KEY (scope, request_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX responses_by_age ON responses (stored_on);
