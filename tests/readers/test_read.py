"""Telling NDJSON, CSV, Parquet and a web server's log apart."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path
from typing import Any

import pytest

from omnivery.errors import ConfigError
from omnivery.events.event import BotEvent, EventLine, UnreadableLine
from omnivery.events.event_list import EventList
from omnivery.readers import access_log, csv, events, json, load, ndjson, read
from omnivery.readers._lines import MAX_LINE

LOG = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "Agent"\n'
JSON = b'{"event_id":"1"}\n'
CSV = b"ip,uas,event_id\n192.0.2.1,Agent,1\n"


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
    """Somebody names the wrong file: told line by line, with no crash, and with what it looks like."""
    reason = (
        "in no format that is known: it looks like a table with commas, whose first row names none of ip, uas and "
        'event_id: say which is which, columns={"client_ip": "ip"}'
    )
    assert list(read(io.BytesIO(b"name,age\nann,3\n"))) == [
        UnreadableLine(line=1, reason=reason),
        UnreadableLine(line=2, reason=reason),
    ]


# CSV


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\n\r\n", b" \n", b"\n" * 100_000])
@pytest.mark.parametrize("delimiter", [b",", b";", b"\t", b"|"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_names_of_columns_make_it_csv(before: bytes, delimiter: bytes, pack: type[bytes]) -> None:
    """The delimiter is the one that stands between them."""
    content = pack(before + CSV.replace(b",", delimiter))
    assert list(read(io.BytesIO(content))) == [BotEvent(ip="192.0.2.1", uas="Agent", event_id="1")]


@pytest.mark.parametrize("header", [b'"ip","n"\n', b"n, uas\n", b"a,b,event_id,c\n"])
def test_one_name_of_an_event_is_enough(header: bytes) -> None:
    """As it is for the reader of CSV, which then says what is missing in each row."""
    content = header + b"," * header.count(b",") + b"x\n"
    assert list(read(io.BytesIO(content))) == list(csv(io.BytesIO(content)))
    assert [type(item) for item in read(io.BytesIO(content))] == [BotEvent]


@pytest.mark.parametrize("line", [b"event_id", b"the ip, as it was", b"ip:uas", b"ip,\xff"])
def test_a_line_that_only_mentions_a_name_is_no_header(line: bytes) -> None:
    assert [type(item) for item in read(io.BytesIO(line + b"\n" + LOG))] == [UnreadableLine, BotEvent]


def test_a_user_agent_cannot_turn_a_log_into_csv() -> None:
    """Any client of a server writes into its log; one line must not make all others unreadable."""
    hostile = LOG.replace(b"Agent", b"x,ip,uas,event_id,y")
    assert [type(item) for item in read(io.BytesIO(hostile + LOG))] == [BotEvent, BotEvent]


def test_line_numbers_of_csv_are_those_of_the_source() -> None:
    found = list(read(io.BytesIO(b"\n\n" + CSV + b"bad\n")))
    assert found[1:] == [UnreadableLine(line=5, reason="1 cells where the first row has 3")]


# Parquet


def test_parquet_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    path = tmp_path / "events.log"
    polars.DataFrame({"event_id": ["1", "2"]}).write_parquet(path)
    for source in (path, str(path)):
        assert list(read(source)) == [BotEvent(event_id="1"), BotEvent(event_id="2")]


class StandardInput:
    """What `sys.stdin` is made of, as far as bytes go."""

    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)


def test_parquet_from_standard_input_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is read from its end; to read it as a log would report a bad line for each piece of it."""
    content = b"PAR1\x15\x04\x15\n\x00PAR1"
    monkeypatch.setattr(sys, "stdin", StandardInput(content))
    with pytest.raises(ConfigError, match="from a file by its path only"):
        list(read("-"))
    with pytest.raises(ConfigError, match="from a file by its path only"):
        list(read(io.BytesIO(content)))
    packed = tmp_path / "events.gz"
    packed.write_bytes(gzip.compress(content))
    with pytest.raises(ConfigError, match="from a file by its path only"):
        list(read(packed))


# All at once


def test_a_source_can_be_read_to_a_list() -> None:
    """To look at in a notebook, and to submit."""
    everything = load(io.BytesIO(LOG * 3))
    assert isinstance(everything, EventList)
    assert everything == list(read(io.BytesIO(LOG * 3)))


@pytest.mark.parametrize("limit", [0, 2, 3, 9])
def test_no_more_is_read_than_was_asked_for(limit: int) -> None:
    assert load(io.BytesIO(LOG * 3), limit=limit) == list(read(io.BytesIO(LOG * 3)))[:limit]


def test_a_negative_limit_is_an_error() -> None:
    with pytest.raises(ConfigError, match="limit: it must not be negative"):
        load(io.BytesIO(LOG), limit=-1)


def test_columns_that_a_table_does_not_have_are_said() -> None:
    """Who has named columns is not told to name some."""
    for content in (b"addr,agent\n192.0.2.1,x\n", b'{"addr":"192.0.2.1","agent":"x"}\n'):
        found = [*read(io.BytesIO(content), columns={"adr": "ip"})]
        assert all("none of those that `columns` names" in item.reason for item in found)


# Arguments


@pytest.mark.parametrize(
    ("reader", "options", "why"),
    [
        (read, {"columns": "client_ip=ip"}, "columns: expected a mapping such as"),
        (csv, {"columns": [("client_ip", "ip")]}, "columns: expected a mapping such as"),
        (ndjson, {"columns": {5: "ip"}}, "columns: expected a text for each name, not int"),
        (json, {"columns": 5}, "columns: expected a mapping such as"),
        (read, {"format": b"csv"}, "format: expected a name, or a pattern, not bytes"),
        (access_log, {"format": 5}, "format: expected a name, or a pattern, not int"),
        (read, {"format": ""}, "format: there is no ''; there are "),
        (read, {"client_ip": "Forwarded"}, "client_ip: expected one of 'peer', 'forwarded'"),
        (read, {"trusted_proxies": None}, "trusted_proxies: expected a sequence of networks"),
        (access_log, {"trusted_proxies": b"10.0.0.0/8"}, "trusted_proxies: expected a sequence of networks"),
        (read, {"follow": "no"}, "follow: expected True or False, not str"),
        (read, {"complete": "no"}, "complete: expected True or False, not str"),
        (load, {"limit": "5"}, "limit: expected a number of items, not str"),
        (events, {"provider": ["ses"]}, "provider: there is no"),
    ],
)
def test_an_argument_of_another_kind_is_named_at_the_call(reader: Any, options: dict[str, Any], why: str) -> None:
    """Whatever the source turns out to be."""
    with pytest.raises(ConfigError, match=f"^{why}"):
        reader(io.BytesIO(CSV), **options)


def test_arguments_are_taken_as_they_are_at_the_call() -> None:
    """A caller may go on with a mapping or a list of his own; an iterator is read once."""
    columns, proxies = {"client": "ip"}, ["198.51.100.0/24"]
    table = b"client,uas,event_id\n192.0.2.1,x,a\n"
    line = b'203.0.113.1 - - [17/May/2026:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "x" "192.0.2.1"\n'
    found: list[Any] = [
        *[reader(io.BytesIO(table), columns=columns) for reader in (read, csv)],
        *[ndjson(io.BytesIO(b'{"client":"192.0.2.1"}\n'), columns=columns)],
        *[json(io.BytesIO(b'[{"client":"192.0.2.1"}]'), columns=columns)],
    ]
    given: list[Any] = [proxies, iter(proxies), proxies, iter(proxies)]
    trusting: list[Any] = [
        reader(io.BytesIO(line), client_ip="forwarded", trusted_proxies=one)
        for reader, one in zip((read, read, access_log, access_log), given, strict=True)
    ]
    columns.clear()
    proxies[:] = ["203.0.113.0/24"]
    assert [event.ip for one in found for event in one] == ["192.0.2.1"] * 4
    assert [event.ip for one in trusting for event in one] == ["203.0.113.1"] * 4
