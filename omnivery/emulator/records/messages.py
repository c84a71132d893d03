"""Records of accepted messages, with search and filters."""

from __future__ import annotations

import json
from typing import Any, Literal

from attrs import field, frozen

from omnivery.emulator.message import StoredMessage
from omnivery.emulator.records.changes import Changes
from omnivery.emulator.records.database import RecordDatabase
from omnivery.emulator.records.message_content import read_content, write_content
from omnivery.emulator.records.message_search import ALL, MessageSearch
from omnivery.emulator.records.window import Conditions, RecordPage, Window, select_window

SUMMARY = "SELECT id, at, message_id, domain, surface, sender, recipients, subject, tags, size, files, test_mode FROM "
INSERT = """
INSERT INTO messages (at, message_id, domain, surface, sender, recipients, subject, tags, size, files, test_mode)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
FILES = "SELECT inline, name, media_type, content FROM message_files WHERE message = ? ORDER BY position"
CONTENT = "SELECT content, mime FROM message_contents WHERE message = ?"
MOST_BYTES = 512 * 2**20
"""Bytes of messages to keep, with their files, however few they are."""
TABLES = (
    ("messages", "id"),
    ("message_contents", "message"),
    ("message_files", "message"),
    ("message_tags", "message"),
    ("message_recipients", "message"),
    ("message_text", "rowid"),
)
"""All tables of messages, and their columns with the message's id."""


@frozen(kw_only=True)
class MessageQuery:
    """Which messages to return: those for which all that is given holds."""

    search: str | None = None
    """Words that all occur in subject, addresses, tags, text, HTML or file names."""
    tag: str | None = None
    """One of its tags."""
    recipient: str | None = None
    """One of its recipients: an address, whatever its case."""
    sender: str | None = None
    """Its sender: an address, whatever its case."""
    domain: str | None = None
    """The sending domain."""
    surface: str | None = None
    """The API that accepted it: `mailgun` or `automations`."""
    message_id: str | None = None
    """Its message id, with or without angle brackets."""
    uuid: str | None = None
    """The part of its message id before the `@`, which webhooks name."""


@frozen(kw_only=True)
class MessageSummary:
    """What a list shows of a message."""

    id: int
    """The record's id, which grows."""
    at: float
    """When it was accepted, in unix seconds."""
    message_id: str
    """The message's id, with angle brackets."""
    domain: str
    surface: Literal["mailgun", "automations"]
    sender: str
    recipients: tuple[str, ...]
    subject: str | None
    tags: tuple[str, ...]
    size: int
    """Bytes of its parts, or of its MIME text."""
    files: int
    """Number of attachments and inline files."""
    test_mode: bool


@frozen(kw_only=True)
class MessageRecord:
    """A message with its record's id."""

    id: int
    at: float
    message: StoredMessage = field(repr=False)


class MessageRecords:
    """The messages.

    Args:
        database: where they are kept.
        kept: number of messages to keep; the oldest are deleted first.
        changes: is told of new messages.
        indexed: whether to search with an index, if SQLite has one.
    """

    def __init__(self, database: RecordDatabase, *, kept: int, changes: Changes, indexed: bool = True) -> None:
        self._database, self._kept, self._changes = database, kept, changes
        self.search: MessageSearch = MessageSearch(database, indexed=indexed)
        """The index."""
        [(self._number, self._bytes)] = database.rows("SELECT count(*), coalesce(sum(size), 0) FROM messages")

    def add(self, message: StoredMessage) -> int:
        """Store a message, and return its record's id."""
        with self._database.transaction() as connection:
            size = size_of(message)
            number = connection.execute(INSERT, _row(message, size)).lastrowid or 0
            write_content(connection, number, message)
            self.search.add(connection, number, message)
            tags = [(_plain(tag), number) for tag in message.options("o:tag")]
            connection.executemany("INSERT OR IGNORE INTO message_tags (tag, message) VALUES (?, ?)", tags)
            recipients = [(_plain(address).lower(), number) for address in message.recipients]
            connection.executemany(
                "INSERT OR IGNORE INTO message_recipients (address, message) VALUES (?, ?)", recipients
            )
            self._number += 1
            self._bytes += size
            self._shrink()
        self._changes.tell("messages")
        return number

    def find(self, query: MessageQuery | None = None, window: Window | None = None) -> RecordPage[MessageSummary]:
        """Return some messages, newest first."""
        source, key, conditions = self._restricted(query or MessageQuery())
        rows, more = select_window(self._database, SUMMARY + source, conditions, window or Window(), key=key)
        return RecordPage(records=tuple(_summary(row) for row in rows), more=more)

    def count(self, query: MessageQuery | None = None, *, after: int = 0) -> int:
        """Return the number of messages that match, of those with an id above `after`."""
        source, key, conditions = self._restricted(query or MessageQuery())
        conditions.add(f"{key} > ?", after)
        [(number,)] = self._database.rows(
            f"SELECT count(*) FROM {source}{conditions.where}",  # noqa: S608  # our own words
            *conditions.values,
        )
        return int(number)

    def newest_id(self) -> int:
        """Return the id of the newest message that was ever stored; 0 if there was none."""
        rows = self._database.rows("SELECT seq FROM sqlite_sequence WHERE name = 'messages'")
        return int(rows[0][0]) if rows else 0

    def get(self, number: int) -> MessageRecord | None:
        """Return a message; None if there is none with that id, or it is no longer kept."""
        with self._database.lock:
            rows = self._database.rows("SELECT at FROM messages WHERE id = ?", number)
            return MessageRecord(id=number, at=rows[0][0], message=self._read(number)) if rows else None

    def all(self) -> list[StoredMessage]:
        """Return all messages, oldest first."""
        with self._database.lock:
            return [self._read(number) for [number] in self._database.rows("SELECT id FROM messages ORDER BY id")]

    def tags(self, limit: int = 100) -> list[tuple[str, int]]:
        """Return the most frequent tags, with the number of their messages."""
        statement = "SELECT tag, count(*) FROM message_tags GROUP BY tag ORDER BY count(*) DESC, tag LIMIT ?"
        return [(tag, count) for tag, count in self._database.rows(statement, limit)]

    def delete(self, number: int) -> bool:
        """Delete a message; return whether there was one with that id."""
        with self._database.transaction():
            found = self._delete(number)
        self._changes.tell("messages")
        return found

    def clear(self) -> None:
        """Delete all messages. Their ids are not used again."""
        with self._database.transaction() as connection:
            for table, _ in TABLES:
                connection.execute(f"DELETE FROM {table}")  # noqa: S608  # our own words
            self._number = self._bytes = 0
        self._changes.tell("messages")

    def _shrink(self) -> None:
        while self._number > self._kept or (self._bytes > MOST_BYTES and self._number > 1):
            [(oldest,)] = self._database.rows("SELECT id FROM messages ORDER BY id LIMIT 1")
            self._delete(oldest)

    def _read(self, number: int) -> StoredMessage:
        [(content, mime)] = self._database.rows(CONTENT, number)
        return read_content(content, mime, self._database.rows(FILES, number))

    def _delete(self, number: int) -> bool:
        rows = self._database.rows("SELECT size FROM messages WHERE id = ?", number)
        for table, key in TABLES:
            self._database.execute(f"DELETE FROM {table} WHERE {key} = ?", number)  # noqa: S608  # our own words
        self._number -= len(rows)
        self._bytes -= sum(size for [size] in rows)
        return bool(rows)

    def _restricted(self, query: MessageQuery) -> tuple[str, str, Conditions]:
        """Return what to select from, the column with the ids there, and the conditions of a query."""
        conditions, (source, key) = Conditions(), ALL
        conditions.equal(
            domain=_lower(query.domain),
            surface=query.surface,
            sender=_lower(query.sender),
            message_id=query.message_id and f"<{query.message_id.strip('<>')}>",
        )
        if query.search:
            source, key = self.search.restrict(conditions, query.search)
        if query.uuid is not None:
            # A range, which the index of message ids serves: `A` follows `@`.
            conditions.add("message_id >= ? AND message_id < ?", f"<{query.uuid}@", f"<{query.uuid}A")
        if query.tag is not None:
            conditions.add("id IN (SELECT message FROM message_tags WHERE tag = ?)", query.tag)
        if query.recipient is not None:
            address = query.recipient.lower()
            conditions.add("id IN (SELECT message FROM message_recipients WHERE address = ?)", address)
        return source, key, conditions


def size_of(message: StoredMessage) -> int:
    """Return the bytes of a message's parts, or of its MIME text."""
    if message.mime is not None:
        return len(message.mime)
    texts = (message.subject, message.text, message.html)
    files = (*message.attachments, *message.inline)
    return sum(len((text or "").encode("utf-8", "replace")) for text in texts) + sum(
        len(file.content) for file in files
    )


def _row(message: StoredMessage, size: int) -> tuple[Any, ...]:
    return (
        message.received_at.timestamp(),
        message.id,
        message.domain,
        message.surface,
        _plain(message.sender).lower(),
        json.dumps([message.sender, *message.recipients]),
        message.subject and _plain(message.subject),
        json.dumps(message.options("o:tag")),
        size,
        len(message.attachments) + len(message.inline),
        message.test_mode,
    )


def _summary(row: tuple[Any, ...]) -> MessageSummary:
    number, at, message_id, domain, surface, _, people, subject, tags, size, files, test_mode = row
    sender, *recipients = json.loads(people)
    return MessageSummary(
        id=number,
        at=at,
        message_id=message_id,
        domain=domain,
        surface=surface,
        sender=sender,
        recipients=tuple(recipients),
        subject=subject,
        tags=tuple(json.loads(tags)),
        size=size,
        files=files,
        test_mode=bool(test_mode),
    )


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _plain(text: str) -> str:
    """The text without halves of surrogate pairs, which SQLite does not store."""
    return text.encode("utf-8", "replace").decode()
