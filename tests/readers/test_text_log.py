"""A block of a log is read at once; what comes out is what each line for itself becomes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omnivery import BotEvent, readers
from omnivery.bulk.source import ResumePoint
from omnivery.events.encoded import CheckedBlock, all_decoded
from omnivery.events.event import UnreadableLine
from omnivery.events.ids import event_id_for
from omnivery.events.validation import event_id_of
from omnivery.readers import _log_pattern
from omnivery.readers._format import ReadOptions
from omnivery.readers._lines import Blocks, Cut
from omnivery.readers._log_formats import log_reader
from omnivery.readers._log_pattern import LogPattern
from omnivery.readers._slices import FileSlices
from omnivery.readers._text_log import TextLogReader, _text_of, _usual_text
from tests.support.calls import calls

USUAL = '192.0.2.1 - - [17/May/2026:10:05:03 +0000] "GET /c/1?x=2 HTTP/1.1" 302 0 "-" "Mozilla/5.0"'


FIELDS = {
    "client": ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.7", "192.0.2.9:443", "mail.example", "10.0.0.1"],
    "user": ["-", "jo", '"a b"', "a.b"],
    "time": ["17/May/2026:10:05:03 +0000", "17/May/2026:10:05:60 -0130", "31/Feb/2026:10:05:03 +0000", "-"],
    "request": [
        "GET /c/1?x=2 HTTP/1.1",
        "GET /é HTTP/2.0",
        "-",
        'GET /a"b HTTP/1.1',
        "GET /a\0b HTTP/1.1",
        "GET /\x7f",
    ],
    "status": ["302 0", "200 12345", "408 -", "2000 1"],
    "referrer": ["https://mail.example/", "-", r"a\"b"],
    "agent": ["Mozilla/5.0", "é", "-", "", r"a\"b", "x\ty", "a/1\n"],
    "after": ["", ' "198.51.100.4, 10.0.0.2"', ' "-"', "x", " "],
}
"""Values of a line; the first of each is the usual one."""
LINE = '{client} - {user} [{time}] "{request}" {status} "{referrer}" "{agent}"{after}'
CHANGES = st.one_of(
    [st.tuples(st.just(name), st.sampled_from(values)) for name, values in FIELDS.items()]
    + [st.tuples(st.sampled_from([*FIELDS]), st.text('a /"\\\t\n\r\0é,[]', max_size=4))]
)
LINES = st.one_of(
    # In which at most two fields are unusual: else no line would be read the quick way.
    st.lists(CHANGES, max_size=2).map(lambda changes: line_of(**dict(changes))),
    st.sampled_from([USUAL, USUAL[:60], "", "  ", "#", "\v\v"]),
)


def reader_of(name: str, options: ReadOptions) -> TextLogReader:
    made = log_reader(name, (), options)
    assert isinstance(made, TextLogReader)
    made.check = None
    return made


def line_of(**changes: str) -> str:
    return LINE.format(**{name: values[0] for name, values in FIELDS.items()} | changes)


def check(lines: list[str], name: str, options: ReadOptions, *, first: int = 1, end: bytes = b"") -> None:
    """Compare what a block becomes with what each of its lines becomes alone."""
    (block,) = Blocks(iter(["\n".join(lines).encode() + b"\n" + end]), line=first)
    alone = reader_of(name, options)
    numbered = [(number, line) for number, line in enumerate(block[1], first) if line and not line.isspace()]
    expected = [(number, alone.item(line, number)) for number, line in numbered]
    for encoded, in_blocks in ((False, False), (True, False), (True, True)):
        made = reader_of(name, options)
        made.encoded, made.in_blocks = encoded, in_blocks
        (placed,) = made.read([block])
        assert [*zip(placed.ends, all_decoded(placed.items), strict=True)] == expected
        assert [*map(event_id_of, placed.items)] == [event_id_of(item) for _, item in expected]
        assert made.skipped.total() == len(block[1]) - len(expected)


of_some_formats = pytest.mark.parametrize(
    ("name", "options"),
    [
        ("combined", ReadOptions()),
        ("combined", ReadOptions(client_ip="forwarded")),
        ("main", ReadOptions(client_ip="forwarded", trusted_proxies=["10.0.0.0/8"])),
        ('%h - %u [%{%d/%b/%Y:%H:%M:%S %z}t] "%r" %>s %b "%{Referer}i" "%{User-Agent}i"', ReadOptions()),
        ('%h - %u [%{X}i] "%m %U HTTP/1.1" %>s %b "%{Referer}i" "%{User-Agent}i"', ReadOptions()),
        ('%h - %u [%{X}i] "%{Y}i" %>s %b "%{Referer}i" "%{User-Agent}i"', ReadOptions()),
    ],
)


@of_some_formats
def test_a_line_with_one_unusual_field_among_usual_ones(name: str, options: ReadOptions) -> None:
    for field, values in FIELDS.items():
        for value in values:
            check([line_of(), line_of(**{field: value}), line_of()], name, options)


@of_some_formats
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    lines=st.lists(LINES, min_size=1, max_size=8),
    first=st.sampled_from([1, 8, 99_995]),
    end=st.sampled_from([b"", b'\xff" \n']),
)
def test_each_line_becomes_what_it_becomes_alone(
    name: str, options: ReadOptions, lines: list[str], first: int, end: bytes
) -> None:
    check(lines, name, options, first=first, end=end)


@given(st.lists(st.sampled_from([b"a", b"", b"\\", b"a\\b\\", "é".encode(), b"\xff"]), min_size=1, max_size=8))
def test_lines_with_an_escape_are_left_to_be_read_alone(lines: list[bytes]) -> None:
    """And no other line, which would take several times as long."""
    assert _text_of(Cut(b"\n".join(lines) + b"\n")) == "\n".join(map(_usual_text, lines))
    assert _text_of(lines) == _text_of(Cut(b"\n".join(lines) + b"\n"))


@given(st.lists(LINES, min_size=1, max_size=8))
def test_the_quick_way_finds_what_the_exact_one_does(lines: list[str]) -> None:
    """They differ in which URLs they take, and then the exact one is asked.

    Where a bracket or a quote never closes, the lines that a match goes over are left, and no others.
    """
    pattern = LogPattern('%h %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"')
    text = "\n".join(lines).replace("\\", "").replace("\r", "")
    count = text.count("\n") + 1
    found = pattern.usual_fields(text, count)
    assert found is not None
    exactly = pattern._exactly.findall(text)
    alone = [pattern._exactly.findall(line)[0] for line in text.split("\n")]
    left = sum(one != another for one, another in zip(found, alone, strict=True))
    assert found == exactly if len(exactly) == count else left <= 2 * (count - len(exactly))
    assert all(one == another or not any(one) for one, another in zip(found, alone, strict=True))


@pytest.mark.parametrize("rest", ["", ' "-"'])
def test_a_carriage_return_between_two_lines_loses_none_in_silence(rest: str) -> None:
    """Where files with other line endings were joined; one before the line feed is no line of its own."""
    line = line_of() + rest
    found = list(readers.access_log(io.BytesIO(f"{line}\r\n{line}\r{line}\n{line}\r\r\n".encode()), format="combined"))
    assert [type(item) for item in found] == [BotEvent, UnreadableLine, BotEvent]
    assert "carriage return" in str(found[1])


def test_a_line_that_is_torn_costs_the_one_behind_it() -> None:
    """All 1,000 lines of its block were read one after the other, in three times the time."""
    lines = [USUAL] * 1000
    for place in (0, 500, 999):
        lines[place] = USUAL[:30]  # inside of the time, whose bracket is closed in the next line
    pattern = LogPattern('%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"')
    found = pattern.usual_fields("\n".join(lines), len(lines))
    assert found is not None
    assert len(found) == 1000
    assert [place for place, fields in enumerate(found) if not any(fields)] == [0, 1, 500, 501, 999]


def test_usual_blocks_are_found_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    pattern = LogPattern('%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"')
    monkeypatch.setattr(_log_pattern, "USUAL_REQUEST", "(")  # what the exact way would be compiled of
    found = pattern.usual_fields(f"{USUAL}\n{USUAL}", 2)
    assert found is not None
    assert found[1][2] == "/c/1?x=2"


def test_a_run_takes_usual_lines_in_blocks(tmp_path: Path) -> None:
    """Also where a line among them is read in another way, and over the seams of what is read at once."""
    path = tmp_path / "access.log"
    others = [USUAL.replace("GET /c/1?x=2 HTTP/1.1", r"\x16\x03"), USUAL.replace("192.0.2.1", "2001:db8::1"), USUAL]
    path.write_text("\n".join([USUAL.replace("0.2.1", f"0.2.{n % 7}") for n in range(2_000)] + others * 100))
    events = readers.access_log(path)
    events.allow_encoded()
    stream: Any = events.stream()
    assert isinstance(stream, FileSlices)
    taken = [*iter(lambda: stream.take(500), ())]
    assert {type(some) for some in taken[3:]} == {CheckedBlock}
    assert [event for some in taken for event in all_decoded(some)] == list(readers.access_log(path))


def test_ids_are_those_of_the_fields() -> None:
    reader = reader_of("combined", ReadOptions())
    reader.encoded = True
    lines = [USUAL, USUAL.replace("x=2", "é"), USUAL.replace("Mozilla", "é")]
    (placed,) = reader.read([(9, [line.encode() for line in lines])])
    found: list[Any] = [*all_decoded(placed.items)]
    assert [event.event_id for event in found] == [
        event_id_for(ip=e.ip, uas=e.uas, ts=e.ts, url=e.attributes["url"], position=number)
        for number, e in enumerate(found, 9)
    ]
    assert all(isinstance(event, BotEvent) for event in found)


def test_a_journal_resumes_anywhere_in_a_block(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_text("".join(f"{USUAL.replace('0.2.1', f'0.2.{n % 7}')}\n" for n in range(1_000)))
    expected = list(readers.access_log(path))
    source, point, taken = readers.access_log(path, client_ip="peer"), ResumePoint(name=""), list[Any]()
    for count in (500, 3, 1, 200, 200):
        source.allow_encoded()
        point = source.locate([point])
        stream: Any = source.open(point)
        some = stream.take(count)
        assert isinstance(some, CheckedBlock)
        taken += all_decoded(some)
        assert taken == expected[: len(taken)]
        point = ResumePoint(name=source.name, position=source.position(taken[-1]))
        source = readers.access_log(path, client_ip="peer")
    assert len(taken) == 904


def test_no_usual_line_costs_a_call() -> None:
    reader = reader_of("combined", ReadOptions())
    reader.encoded = reader.in_blocks = True

    def read(count: int) -> None:
        (placed,) = reader.read([(1, [USUAL.encode()] * count)])
        assert len(placed.items) == count

    read(100)  # what is made at the first call
    assert calls(lambda: read(500)) == calls(lambda: read(100))
