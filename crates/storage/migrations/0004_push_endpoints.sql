-- Where each client that is pushed events of chat goes on after a restart.
CREATE TABLE push_endpoints (
    user TEXT NOT NULL,
    -- The client's own name for itself.
    epid TEXT NOT NULL,
    position INTEGER NOT NULL,
    seen_on INTEGER NOT NULL,
    PRIMARY KEY (user, epid)
) STRICT, WITHOUT ROWID;

CREATE INDEX push_endpoints_by_age ON push_endpoints (seen_on);
