CREATE TABLE subscriptions (
    id TEXT NOT NULL PRIMARY KEY,
    endpoint TEXT NOT NULL,
    -- A list of kinds; all of them when null.
    kinds BLOB,
    -- Sealed: version, nonce, ciphertext, tag.
    secret BLOB NOT NULL,
    cursor INTEGER NOT NULL,
    is_validated INTEGER NOT NULL,
    created_on INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Deliveries that are not done. Of each subscription and partition one has a due time, and the
-- others wait for it.
CREATE TABLE deliveries (
    subscription TEXT NOT NULL,
    seq INTEGER NOT NULL,
    partition TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due_on INTEGER,
    enqueued_on INTEGER NOT NULL,
    reason TEXT,
    PRIMARY KEY (subscription, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX deliveries_by_due_time ON deliveries (due_on) WHERE due_on IS NOT NULL;
CREATE INDEX deliveries_by_partition ON deliveries (subscription, partition, seq);
CREATE INDEX deliveries_by_seq ON deliveries (seq);

-- Deliveries given up, each with its event: it does not keep the feed from being pruned.
CREATE TABLE dead_letters (
    subscription TEXT NOT NULL,
    seq INTEGER NOT NULL,
    partition TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    reason TEXT NOT NULL,
    died_on INTEGER NOT NULL,
    enqueued_on INTEGER NOT NULL,
    is_revived INTEGER NOT NULL DEFAULT 0,
    is_chat INTEGER NOT NULL,
    kind TEXT NOT NULL,
    happened_on INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (subscription, seq)
) STRICT;
