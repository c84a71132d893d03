CREATE TABLE target (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        value TEXT NOT NULL,
        secret INTEGER NOT NULL     -- whether messages must not show it
    );
CREATE TABLE source (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,  -- as a BLOB if it is not Unicode
        identity TEXT NOT NULL,
        identity_checksum INTEGER NOT NULL,         -- CRC-32, as all checksums
        position TEXT NOT NULL,
        position_checksum INTEGER NOT NULL,
        read INTEGER NOT NULL DEFAULT 0,
        accepted INTEGER NOT NULL DEFAULT 0,
        rejected INTEGER NOT NULL DEFAULT 0,
        batches INTEGER NOT NULL DEFAULT 0,
        requests INTEGER NOT NULL DEFAULT 0,
        retries INTEGER NOT NULL DEFAULT 0,
        elapsed REAL NOT NULL DEFAULT 0,
        last_number INTEGER NOT NULL DEFAULT -1,    -- of its batches
        updated_at REAL NOT NULL
    );
CREATE TABLE batch (
        id INTEGER PRIMARY KEY,
        source INTEGER NOT NULL REFERENCES source,
        number INTEGER NOT NULL,    -- of the batch that was read; the parts of a split one share it
        state TEXT NOT NULL,        -- pending, sending, accepted, undelivered, or unknown
        counted INTEGER NOT NULL,   -- whether its batch is among the batches of its source, because a request has ended
        items INTEGER NOT NULL,
        place INTEGER NOT NULL,     -- index of its first item in the source
        attempts INTEGER NOT NULL,
        created_at REAL NOT NULL,
        settled_at REAL,            -- when it was accepted or given up
        error TEXT,                 -- why it is undelivered or unknown
        checksum INTEGER NOT NULL,  -- of places and body
        ids_checksum INTEGER NOT NULL,
        digest BLOB,                -- of what is sent for its one item, where no body is kept
        places TEXT,                -- index and line of each item in the source; NULL once accepted
        ids TEXT NOT NULL,          -- the id of each item, as a JSON array
        body BLOB                   -- the bytes to send; NULL once accepted, or where a digest is kept instead
    );
CREATE INDEX unsettled ON batch (state, number) WHERE state <> 'accepted';
CREATE INDEX settled ON batch (settled_at) WHERE state = 'accepted';
CREATE INDEX placed ON batch (source, place) WHERE digest IS NOT NULL;
CREATE TABLE rejection (
        id INTEGER PRIMARY KEY,
        source INTEGER NOT NULL REFERENCES source,
        place INTEGER NOT NULL,     -- index in the source
        line INTEGER,
        item_id TEXT,
        reason TEXT NOT NULL,
        digest BLOB,
        item BLOB,                  -- its bytes, where they can and may be kept
        rejected_at REAL NOT NULL
    );
CREATE INDEX rejected ON rejection (source, place) WHERE digest IS NOT NULL;
