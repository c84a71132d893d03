"""Telling NDJSON from a web server's log."""

from __future__ import annotations

import gzip
import io

import pytest

from omnivery.automations.event import BotEvent, EventLine, UnreadableLine
from omnivery.readers import read
from omnivery.readers.lines import MAX_LINE

LOG = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "Agent"\n'
JSON = b'{"event_id":"1"}\n'


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\n\r\n", b" \n\t", b"\n" * 600_000])
def test_the_first_line_that_is_not_blank_decides(before: bytes) -> None:
    """Blank lines and a byte order mark say nothing; line numbers count them all the same."""
    number = before.count(b"\n") + 1
    log, json = list(read(io.BytesIO(before + LOG.lstrip()))), list(read(io.BytesIO(before + JSON)))
    assert [type(event) for event in json] == [EventLine]
    assert [event.line for event in json if isinstance(event, EventLine)] == [number]
    if not before.endswith(b"\t"):  # a log's line starts with its address, so an indented one is unreadable
        assert [event.attributes for event in log if isinstance(event, BotEvent)] == [{"url": "/a", "line": number}]


def test_packed_sources_are_told_apart_too() -> None:
    """Logs mostly come packed."""
    assert isinstance(next(read(io.BytesIO(gzip.compress(LOG)))), BotEvent)
    assert isinstance(next(read(io.BytesIO(gzip.compress(JSON)))), EventLine)


def test_the_format_holds_for_the_whole_source() -> None:
    """A line of the other kind is a bad line, not a change of format."""
    assert [type(event) for event in read(io.BytesIO(JSON + LOG))] == [EventLine, EventLine]
    assert [type(event) for event in read(io.BytesIO(LOG + JSON))] == [BotEvent, UnreadableLine]


def test_a_line_too_long_to_read_decides_nothing() -> None:
    """Its start is not kept: the next line tells."""
    events = list(read(io.BytesIO(b"x" * (2 * MAX_LINE) + b"\n" + JSON)))
    assert events == [
        UnreadableLine(line=1, reason="longer than 1,000,000 bytes"),
        EventLine(data=JSON.strip(), line=2),
    ]


def test_a_file_that_is_neither_yields_a_reason_for_each_line() -> None:
    """Somebody names the wrong file: told line by line, with no crash."""
    assert list(read(io.BytesIO(b"name,age\nann,3\n"))) == [
        UnreadableLine(line=1, reason="not in combined log format"),
        UnreadableLine(line=2, reason="not in combined log format"),
    ]
