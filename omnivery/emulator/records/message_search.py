"""Search in messages: an index of SQLite's FTS5 where it is built in, a scan of the texts otherwise."""

from __future__ import annotations

import re
import sqlite3
from html import unescape

from omnivery.emulator.message import StoredMessage
from omnivery.emulator.records.database import RecordDatabase
from omnivery.emulator.records.window import Conditions

LONGEST = 200_000
"""Characters of a message that are searched."""
TABLE = "SELECT sql FROM sqlite_master WHERE name = 'message_text'"
INDEXED = "CREATE VIRTUAL TABLE message_text USING fts5(words, prefix = '1 2 3')"
"""Without an index of its own, a beginning of one letter would read a large part of all words."""
PLAIN = "CREATE TABLE message_text (words TEXT NOT NULL)"
_HIDDEN = re.compile(r"<(style|script|head)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^<>]*>")


ALL = ("messages", "id")
"""Where all messages are, and the column with their ids."""
FOUND = ("message_text CROSS JOIN messages ON messages.id = message_text.rowid", "message_text.rowid")
"""The same for those that match. The index gives them by their ids, so that a window reads only its own: as the set of
an `IN`, all of them would be read first."""


class MessageSearch:
    """The searchable text of each message, by the message's id.

    Args:
        database: where it is kept.
        indexed: whether to use FTS5 if it is built in.
    """

    def __init__(self, database: RecordDatabase, *, indexed: bool = True) -> None:
        self._database = database
        found = database.rows(TABLE)
        self.indexed: bool = "fts5" in found[0][0].lower() if found else self._create(indexed=indexed)
        """Whether it uses an index."""

    def add(self, connection: sqlite3.Connection, number: int, message: StoredMessage) -> None:
        """Add a message."""
        connection.execute("INSERT INTO message_text (rowid, words) VALUES (?, ?)", (number, words_of(message)))

    def restrict(self, conditions: Conditions, search: str) -> tuple[str, str]:
        """Add the condition that a message contains all words of a search: as beginnings of words, with an index.

        Returns:
            What to select the messages from, and the column with their ids.
        """
        words = search.split()
        if self.indexed:
            # Quoted, so that no word is an operator of FTS5; a word without a letter or digit would match nothing.
            terms = [f'"{word.replace(chr(34), "")}"*' for word in words if any(map(str.isalnum, word))]
            if not terms:
                return ALL
            conditions.add("message_text MATCH ?", _text(" ".join(terms)))
            return FOUND
        for word in words:
            pattern = re.sub(r"([\\%_])", r"\\\1", _text(word))
            conditions.add(r"id IN (SELECT rowid FROM message_text WHERE words LIKE ? ESCAPE '\')", f"%{pattern}%")
        return ALL

    def _create(self, *, indexed: bool) -> bool:
        with self._database.use() as connection:
            if indexed:
                try:
                    connection.execute(INDEXED)
                except sqlite3.OperationalError:  # no such module
                    indexed = False
            if not indexed:
                connection.execute(PLAIN)
        return indexed


def words_of(message: StoredMessage) -> str:
    """Return what a search looks at: id, subject, addresses, tags, text, the text of the HTML, and file names."""
    files = [file.name for file in (*message.attachments, *message.inline)]
    header = [message.id, message.subject or "", message.value("from") or message.sender]
    parts = [*header, *message.recipients, *message.options("o:tag"), *files, message.text or ""]
    return _text("\n".join([*parts, visible_text(message.html or "")])[:LONGEST])


def visible_text(html: str) -> str:
    """Return the text of HTML without its tags. It serves for searching; what it leaves is not safe to show."""
    return unescape(_TAG.sub(" ", _HIDDEN.sub(" ", html[: 2 * LONGEST])))


def _text(text: str) -> str:
    """The text without halves of surrogate pairs, which SQLite does not store, and NULs, at which a query would end."""
    return text.encode("utf-8", "replace").decode().replace("\0", " ")
