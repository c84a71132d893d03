"""The file of a verdict store: its tables, and how SQLite is set for it."""

from __future__ import annotations

from omnivery._sqlite.kind import FileKind
from omnivery._sqlite.own_files import STORE_ID

VERDICT_STORE = FileKind(
    noun="verdict store",
    refused="It was not changed.",
    application_id=int.from_bytes(STORE_ID),
    version=1,
    # A pruned payload leaves its call's row: the token tells a repeat, and verdicts without an id stay counted. `body`
    # and `request` come last, so that reading the rest does not read them.
    schema=(
        """
        CREATE TABLE calls (
            seq INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, received_at REAL NOT NULL, without_id INTEGER NOT NULL,
            body BLOB
        )
        """,
        "CREATE INDEX calls_with_body ON calls (received_at) WHERE body IS NOT NULL",
        """
        CREATE TABLE verdicts (
            seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL UNIQUE, is_bot INTEGER, signed_at INTEGER NOT NULL,
            first_received_at REAL NOT NULL, received_at REAL NOT NULL, repeats INTEGER NOT NULL DEFAULT 0,
            request TEXT NOT NULL
        )
        """,
        "CREATE INDEX verdicts_by_age ON verdicts (received_at)",
    ),
    tables=frozenset({"calls", "verdicts"}),
    # FULL is the promise of `add`. Ids without an order spread over the whole index: the more of its pages stay cached
    # (64 MiB), and the longer they are gathered in the write-ahead log (128 MiB), the fewer are read and written. With
    # SQLite's own sizes, `add` was measured at little more than half the speed.
    settings=("synchronous = FULL", "cache_size = -65536", "wal_autocheckpoint = 32768"),
)
