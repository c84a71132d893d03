r"""Tables in the text format of databases: tabs between cells, and escapes such as `\t` inside of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from omnivery.events.event import BotEvent
from omnivery.readers._csv_nulls import may_have_nulls
from omnivery.readers._lines import Block

_NULL_CELL = re.compile(rb"(?:\t|^)\\N(?:\t|$)")
r"""A cell that is `\N`: who writes it escapes the other cells, as PostgreSQL, MySQL and ClickHouse do."""
_MEANT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0", "\\": "\\", "'": "'"}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = re.compile(r"(?:[^\\]|\\[bfnrtv0\\'])*+")
_TEXTS = ("uas", "action", "domain", "recipient_id", "message_id")
"""Not `event_id`: ids are the same, whatever a table is taken for."""


def until_escaped(blocks: Iterator[Block], escaped: Callable[[], object]) -> Iterator[Block]:
    """Yield the blocks, cut before the first line with a cell without a value; call `escaped` right before that.

    Where a table is cut into blocks, and how much of it is there, is then of no influence on any row.
    """
    for first, lines in blocks:
        nulls = range(len(lines)) if may_have_nulls(lines) else ()
        at = next((place for place in nulls if _NULL_CELL.search(lines[place] or b"")), None)
        if at is None:
            yield first, lines
            continue
        if at:
            yield first, lines[:at]
        escaped()
        yield first + at, lines[at:]
        yield from blocks
        return


def unescape(event: BotEvent) -> None:
    """Put into an event what is meant by the escapes in its texts. Its id stays as it stands in the table."""
    for name in _TEXTS:
        if (text := getattr(event, name)) is not None:
            setattr(event, name, unescaped(text))
    if event.attributes:
        event.attributes = {name: unescaped(value) for name, value in event.attributes.items()}


def unescaped(text: Any) -> Any:
    """Return what is meant by a cell; the cell itself, if any of its backslashes is no escape."""
    if text is None or "\\" not in text or not _ESCAPED.fullmatch(text):
        return text
    return _ESCAPE.sub(lambda found: _MEANT[found[1]], text)
