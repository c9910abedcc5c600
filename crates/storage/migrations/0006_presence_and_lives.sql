-- What users prefer to show of their presence, and until when.
CREATE TABLE preferred_presences (
    user TEXT NOT NULL PRIMARY KEY,
    availability TEXT NOT NULL,
    activity TEXT NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Partitions of the feed that have begun and not ended, such as calls, each with its last event.
CREATE TABLE open_partitions (
    partition TEXT NOT NULL PRIMARY KEY,
    last_seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
