CREATE TABLE meetings (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    organizer TEXT NOT NULL,
    thread TEXT NOT NULL,
    tenant TEXT NOT NULL,
    -- The message that announces the meeting.
    message TEXT NOT NULL,
    -- The id by which it is joined is a secret: a digest under a key, enough to find and compare it.
    join_id_digest BLOB NOT NULL UNIQUE,
    -- That id and the passcode, sealed: version, nonce, ciphertext, tag.
    code BLOB NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (thread, tenant, message)
) STRICT;

CREATE INDEX meetings_by_organizer ON meetings (organizer, position);

-- Calls that ended, once for each user who had a part in them; the order is that of their ends.
CREATE TABLE call_history (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    user TEXT NOT NULL,
    call TEXT NOT NULL,
    ended_at INTEGER NOT NULL,
    is_missed INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (user, call)
) STRICT;

CREATE INDEX call_history_by_user ON call_history (user, position);

CREATE INDEX call_history_missed ON call_history (user, position) WHERE is_missed;

CREATE INDEX call_history_by_age ON call_history (ended_at);

-- Up to where each user has seen the calls that were missed.
CREATE TABLE call_history_marks (
    user TEXT NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
