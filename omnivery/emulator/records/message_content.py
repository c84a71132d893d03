"""Messages as rows, and back: a message that is read equals the one that was stored."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from typing import Any

from omnivery.emulator.message import StoredFile, StoredMessage

TEXTS = ("id", "domain", "surface", "sender", "subject", "text", "html", "test_mode")
"""Fields that JSON has a form for."""
ADDRESSES = ("to", "cc", "bcc")
PAIRS = ("fields", "header_options")


def write_content(connection: sqlite3.Connection, number: int, message: StoredMessage) -> None:
    """Insert a message's content and its files."""
    content = {
        **{name: getattr(message, name) for name in (*TEXTS, *ADDRESSES, *PAIRS)},
        "received_at": message.received_at.isoformat(),
    }
    # The standard library's JSON in ASCII: it alone keeps halves of surrogate pairs, which a mail's headers may have.
    row = (number, json.dumps(content, separators=(",", ":")), message.mime)
    connection.execute("INSERT INTO message_contents (message, content, mime) VALUES (?, ?, ?)", row)
    files = [*((0, file) for file in message.attachments), *((1, file) for file in message.inline)]
    connection.executemany(
        "INSERT INTO message_files (message, position, inline, name, media_type, content) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (number, position, inline, json.dumps(file.name), json.dumps(file.media_type), file.content)
            for position, (inline, file) in enumerate(files)
        ],
    )


def read_content(content: str, mime: bytes | None, files: list[tuple[Any, ...]]) -> StoredMessage:
    """Return the message of these rows.

    Args:
        content: from the table `message_contents`.
        mime: likewise.
        files: rows of `message_files`: inline, name, media type and content, in order of their positions.
    """
    read: dict[str, Any] = json.loads(content)
    texts: dict[str, Any] = {name: read[name] for name in TEXTS}
    addresses: dict[str, Any] = {name: tuple(read[name]) for name in ADDRESSES}
    pairs: dict[str, Any] = {name: tuple((key, value) for key, value in read[name]) for name in PAIRS}
    return StoredMessage(
        **texts,
        **addresses,
        **pairs,
        received_at=datetime.fromisoformat(read["received_at"]),
        attachments=tuple(_file(row) for row in files if not row[0]),
        inline=tuple(_file(row) for row in files if row[0]),
        mime=mime,
    )


def _file(row: tuple[Any, ...]) -> StoredFile:
    _, name, media_type, content = row
    return StoredFile(name=json.loads(name), media_type=json.loads(media_type), content=content)
