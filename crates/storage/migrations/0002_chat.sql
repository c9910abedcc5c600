-- Raw ids are long and occur often: rows carry numbers.
CREATE TABLE users (
    number INTEGER PRIMARY KEY,
    raw_id TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE threads (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    -- The columns below win over what the header says of the same.
    header BLOB NOT NULL,
    next_sequence INTEGER NOT NULL,
    last_version INTEGER NOT NULL,
    last_message_on INTEGER,
    created_on INTEGER NOT NULL,
    deleted_on INTEGER,
    expires_on INTEGER,
    members INTEGER NOT NULL DEFAULT 0,
    is_erased INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX threads_that_expire ON threads (expires_on) WHERE expires_on IS NOT NULL;
CREATE INDEX threads_to_erase ON threads (number) WHERE deleted_on IS NOT NULL AND is_erased = 0;

CREATE TABLE members (
    thread INTEGER NOT NULL,
    user INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (thread, user)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_by_user ON members (user, thread);

CREATE TABLE receipts (
    thread INTEGER NOT NULL,
    user INTEGER NOT NULL,
    message INTEGER NOT NULL,
    read_on INTEGER NOT NULL,
    PRIMARY KEY (thread, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
    thread INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    id INTEGER NOT NULL,
    created_on INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (thread, sequence)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX messages_by_id ON messages (thread, id);

-- What happened, one row for all recipients. An event of a thread is for the audience of the thread
-- at its place, without those who are excluded (a JSON list of user numbers).
CREATE TABLE feed (
    seq INTEGER PRIMARY KEY,
    thread INTEGER,
    kind TEXT NOT NULL,
    happened_on INTEGER NOT NULL,
    -- Of events that are not chat's.
    partition TEXT,
    excluded BLOB,
    body BLOB NOT NULL
) STRICT;

CREATE INDEX feed_by_thread ON feed (thread, seq) WHERE thread IS NOT NULL;

-- From which event to which a user is told what happens in a thread; open ends are the largest
-- integer there is.
CREATE TABLE audiences (
    user INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    from_seq INTEGER NOT NULL,
    to_seq INTEGER NOT NULL,
    PRIMARY KEY (user, thread, from_seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX audiences_by_thread ON audiences (thread, to_seq, from_seq);
CREATE INDEX audiences_that_ended ON audiences (to_seq) WHERE to_seq < 9223372036854775807;
