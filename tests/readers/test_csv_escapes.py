"""Escapes in the text format of databases."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import pytest

from omnivery.events.event import BotEvent
from omnivery.readers import csv
from omnivery.readers._csv import CsvReader
from omnivery.readers._csv_escapes import unescaped


def rows_of(*rows: str, between: str = "\t") -> list[Any]:
    text = "\n".join(["ip|uas|domain|own", *rows, ""]).replace("|", between)
    return [*csv(io.BytesIO(text.encode()))]


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        (r"a\tb", "a\tb"),
        (r"a\nb\r", "a\nb\r"),
        (r"C:\\temp", r"C:\temp"),
        (r"\\\\n", r"\\n"),
        (r"it\'s", "it's"),
        (r"C:\data\temp", r"C:\data\temp"),
        ("lone\\", "lone\\"),
        (r"\Nb", r"\Nb"),
        ("plain", "plain"),
        ("", ""),
        (None, None),
    ],
)
def test_a_cell_is_what_its_escapes_mean_unless_a_backslash_is_none(cell: str | None, meant: str | None) -> None:
    assert unescaped(cell) == meant


def test_a_table_of_a_database_is_known_by_a_cell_without_a_value() -> None:
    """Escapes are read in each text, from that row on."""
    before, first, second = rows_of(r"192.0.2.1|a\tb|c|d", r"192.0.2.1|a\tb|\N|d\\e", r"192.0.2.1|\N|c|d\ne")
    assert (before.uas, before.attributes) == (r"a\tb", {"own": "d"})
    assert (first.uas, first.domain, first.attributes) == ("a\tb", None, {"own": "d\\e"})
    assert (second.uas, second.domain, second.attributes) == (None, "c", {"own": "d\ne"})


def test_backslashes_of_other_tables_stay() -> None:
    """A user agent may have some; and CSV has quotes instead."""
    (event,) = rows_of(r"192.0.2.1|C:\temp|c|d")
    assert event.uas == r"C:\temp"
    (event,) = rows_of(r"192.0.2.1|C:\temp|\N|d", between=",")
    assert event.uas == r"C:\temp"


def test_ids_are_the_same_whatever_a_table_is_taken_for() -> None:
    """An earlier row may get a cell without a value later on, and ids must not change by that."""
    plain, escaped = rows_of(r"192.0.2.1|C:\temp|c|d"), rows_of(r"192.0.2.1|C:\temp|\N|d")
    assert plain[0].uas != escaped[0].uas
    assert plain[0].event_id == escaped[0].event_id
    (event,) = csv(io.BytesIO(b"ip\tevent_id\town\n192.0.2.1\ta\\tb\t\\N\n"))
    assert isinstance(event, BotEvent)
    assert event.event_id == r"a\tb"


LINES = [
    rb"192.0.2.1	a\tb	c",
    rb"192.0.2.1	a\tb	d",
    rb"192.0.2.1	a\tb	\N",
    rb"192.0.2.1	a\tb	e",
    b"192.0.2.1\tq\t",
]


def read(blocks: Iterable[tuple[int, list[Any]]], state: Any = None) -> list[tuple[Any, Any]]:
    reader = CsvReader()
    reader.state = state
    return [(item, placed.state) for placed in reader.read(blocks) for item in placed.items]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_blocks_and_resuming_are_of_no_influence(size: int) -> None:
    """Wherever a table is cut, and from whichever row it is read on."""
    head = (1, [b"ip\tuas\tdomain"])
    whole = read([head, (2, LINES)])
    assert [item.uas for item, _ in whole] == [r"a\tb", r"a\tb", "a\tb", "a\tb", "q"]
    cut = [(2 + at, LINES[at : at + size]) for at in range(0, len(LINES), size)]
    assert read([head, *cut]) == whole
    rest = read([(2 + size, LINES[size:])], whole[size - 1][1])
    assert rest == whole[size:]
