-- Bodies of many threads share pages, in the order in which they come. What is written of one thread
-- alone is an entry of the index, which has the id too: ids rise with sequences, so that a message is
-- found by halving.
ALTER TABLE messages RENAME TO messages_before;
DROP INDEX messages_by_id;

CREATE TABLE messages (
    number INTEGER PRIMARY KEY,
    thread INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    id INTEGER NOT NULL,
    created_on INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX messages_in_order ON messages (thread, sequence, id);

-- Numbers of messages that were erased: new ones take their places, so that erasing makes room.
CREATE TABLE free_messages (
    number INTEGER PRIMARY KEY
) STRICT;

INSERT INTO messages (thread, sequence, id, created_on, body)
    SELECT thread, sequence, id, created_on, body FROM messages_before ORDER BY thread, sequence;
DROP TABLE messages_before;

-- The events of each thread, up to a place; those from it on are stepped over. Entries are written
-- for 1,024 places at once.
DROP INDEX feed_by_thread;

CREATE TABLE feed_by_thread (
    thread INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (thread, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE feed_by_thread_end (
    seq INTEGER NOT NULL
) STRICT;

INSERT INTO feed_by_thread_end
    SELECT (coalesce(max(seq), 0) + 1) / 1024 * 1024 FROM feed;
INSERT INTO feed_by_thread
    SELECT feed.thread, feed.seq FROM feed, feed_by_thread_end
    WHERE thread IS NOT NULL AND feed.seq < feed_by_thread_end.seq
    ORDER BY thread, feed.seq;
