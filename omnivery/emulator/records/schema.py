"""The tables of the emulator's records, and how SQLite is set for them."""

from __future__ import annotations

from omnivery._sqlite.kind import FileKind

EMULATOR_FILE = FileKind(
    noun="emulator's file",
    refused="The emulator was not started, and the file was not changed.",
    busy="another emulator or program uses it",
    damaged="Start the emulator with another file; `sqlite3 FILE .recover` saves what can be read of this one.",
    application_id=int.from_bytes(b"ovem"),
    version=1,
    # AUTOINCREMENT: the id of a deleted record is never used again. Bodies have tables of their own, because SQLite
    # rewrites a whole row when one of its columns changes, and reads it when a later column is read.
    schema=(
        "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE domains (name TEXT PRIMARY KEY, position INTEGER NOT NULL, content TEXT NOT NULL) WITHOUT ROWID",
        """
        CREATE TABLE requests (
            id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
            route TEXT NOT NULL, status INTEGER, duration REAL NOT NULL
        )
        """,
        """
        CREATE TABLE messages (
            id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, message_id TEXT NOT NULL, domain TEXT NOT NULL,
            surface TEXT NOT NULL, sender TEXT NOT NULL, recipients TEXT NOT NULL, subject TEXT, tags TEXT NOT NULL,
            size INTEGER NOT NULL, files INTEGER NOT NULL, test_mode INTEGER NOT NULL
        )
        """,
        "CREATE INDEX messages_by_message_id ON messages (message_id)",
        "CREATE TABLE message_contents (message INTEGER PRIMARY KEY, content TEXT NOT NULL, mime BLOB)",
        """
        CREATE TABLE message_files (
            message INTEGER NOT NULL, position INTEGER NOT NULL, inline INTEGER NOT NULL, name TEXT NOT NULL,
            media_type TEXT NOT NULL, content BLOB NOT NULL, PRIMARY KEY (message, position)
        )
        """,
        "CREATE TABLE message_tags (tag TEXT, message INTEGER, PRIMARY KEY (tag, message)) WITHOUT ROWID",
        "CREATE INDEX message_tags_by_message ON message_tags (message)",
        """
        CREATE TABLE message_recipients (
            address TEXT, message INTEGER, PRIMARY KEY (address, message)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX message_recipients_by_message ON message_recipients (message)",
        """
        CREATE TABLE batches (
            first_id INTEGER PRIMARY KEY, at REAL NOT NULL, size INTEGER NOT NULL, bots INTEGER NOT NULL,
            humans INTEGER NOT NULL, domain TEXT NOT NULL, batch_id TEXT NOT NULL, single INTEGER NOT NULL,
            verdicts BLOB NOT NULL, body BLOB NOT NULL
        )
        """,
        """
        CREATE TABLE received (
            first_id INTEGER PRIMARY KEY, at REAL NOT NULL, size INTEGER NOT NULL, bots INTEGER NOT NULL,
            humans INTEGER NOT NULL, body BLOB NOT NULL
        )
        """,
        """
        CREATE TABLE received_events (
            id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, event TEXT, recipient TEXT, body BLOB NOT NULL
        )
        """,
        """
        CREATE TABLE deliveries (
            id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, url TEXT NOT NULL, kind TEXT NOT NULL,
            batch_id TEXT NOT NULL, events INTEGER NOT NULL, again_of INTEGER, state TEXT NOT NULL, due_at REAL
        )
        """,
        "CREATE INDEX deliveries_by_state ON deliveries (state, id)",
        "CREATE INDEX deliveries_by_batch_id ON deliveries (batch_id)",
        "CREATE TABLE delivery_bodies (delivery INTEGER PRIMARY KEY, body BLOB NOT NULL)",
        """
        CREATE TABLE attempts (
            id INTEGER PRIMARY KEY AUTOINCREMENT, delivery INTEGER NOT NULL, number INTEGER NOT NULL, at REAL NOT NULL,
            duration REAL NOT NULL, status INTEGER, headers TEXT NOT NULL, excerpt BLOB NOT NULL, error TEXT,
            signature TEXT
        )
        """,
        "CREATE INDEX attempts_by_delivery ON attempts (delivery)",
    ),
    tables=frozenset(
        {
            "settings",
            "domains",
            "requests",
            "messages",
            "message_contents",
            "message_files",
            "message_tags",
            "message_recipients",
            "batches",
            "received",
            "received_events",
            "deliveries",
            "delivery_bodies",
            "attempts",
        }
    ),
    # A batch is 200 KB: large pages make short chains of them.
    layout=("page_size = 16384",),
    # A file belongs to one emulator at a time: two would use the same ids. What a crash of the machine takes is at most
    # the last records.
    settings=("locking_mode = EXCLUSIVE", "synchronous = NORMAL", "cache_size = -32768", "wal_autocheckpoint = 2048"),
)
