"""The law of every reader: no bytes, however odd, make it raise anything but an error of ours, or lose count.

A reader of lines accounts for each line: it is part of an item, or counted in `skipped`. Reading resumes behind any
item as if nothing had happened, and `readers.read` keeps the law whatever it takes a file for.
"""

from __future__ import annotations

import io
import json
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st

from omnivery.errors import OmniveryError
from omnivery.events.encoded import decoded
from omnivery.events.encoding import encode_batch
from omnivery.events.event import BotEvent, EventLine, UnreadableLine
from omnivery.events.validation import faults_of
from omnivery.readers import LogWarning, arrow, events, read
from omnivery.readers._choice import Fixed
from omnivery.readers._file_events import events_from, file_events
from omnivery.readers._format import Format, LineReader, ReadOptions
from omnivery.readers._formats import FORMATS
from omnivery.readers._lines import Blocks
from omnivery.readers._providers import PROVIDERS
from omnivery.readers._request import RequestReader

LINES: dict[str, list[bytes]] = {
    "log": [
        b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 5 "-" "Agent \\"x\\""',
        b'example.org:443 192.0.2.1 - ann [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "Agent"',
        b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "Agent" "198.51.100.7, 10.0.0.1"',
        b'192.0.2.1 - - [99/Xyz/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "Agent"',
    ],
    "w3c": [
        b"#Software: Microsoft Internet Information Services 10.0",
        b"#Fields: date time cs-uri-stem cs-uri-query c-ip cs(User-Agent)",
        b"#Fields: date time c-ip x-edge-location cs(User-Agent) x-edge-request-id",
        b"#Date: 2026-05-17 10:05:03",
        b"#Fields: time c-ip cs(User-Agent)",
        b"23:59:59 192.0.2.1 Mozilla/5.0+(X11)",
        b"00:00:01 192.0.2.1 Mozilla/5.0+(X11)",
        b"2026-05-17 10:05:03 /offer - 192.0.2.1 Mozilla/5.0+(X11)",
        b"2026-05-17\t10:05:03\t192.0.2.1\tFRA2\tMozilla/5.0%20(X11)\tid==",
    ],
    "json": [
        b'{"ip":"192.0.2.1","uas":"x","event_id":"a","ts":1}',
        b'{"remote_addr":"192.0.2.1","http_user_agent":"x","request":"GET /","time_iso8601":"2026-05-17T10:05Z"}',
        b'{"ClientIP":"192.0.2.1","ClientRequestUserAgent":"x","EdgeStartTimestamp":1779012303,"RayID":"r"}',
        b"[",
        b"]",
        b'[{"ip":"192.0.2.1"},{"uas":"x"},',
        b'{"events":[{"ip":"192.0.2.1"}]}',
        b'{"Records":[{"a":1},',
        b'{"remote_addr":"192.0.2.1","http_user_agent":"x","request":"GET /","msec":1779012303.5},',
        b'{"message":"192.0.2.1 - - [17/May/2015:10:05:03 +0000] \\"GET / HTTP/1.1\\" 200 5 \\"-\\" \\"x\\""}',
        b"]}",
        b"{",
        b'"ip": "192.0.2.1"',
        b"}",
        b'{"a":' * 300 + b"1" + b"}" * 300,
    ],
    "container": [
        b'2026-05-17T10:05:03.1Z stdout F 192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "x"',
        b'2026-05-17T10:05:03.1Z stdout P 192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HT',
        b'2026-05-17T10:05:03.1Z stdout F TP/1.1" 200 5 "-" "x"',
        b"2026-05-17T10:05:03.1Z stderr P an err",
        (
            b'{"log":"192.0.2.1 - - [17/May/2015:10:05:03 +0000] \\"GET / HTTP/1.1\\" 200 5 \\"-\\" '
            b'\\"x\\"\\n","stream":"stdout"}'
        ),
        b'{"log":"192.0.2.1 - - [17/May/2015:10:05:03 +0000] \\"GET / HT","stream":"stdout"}',
        b'{"log":"TP/1.1\\" 200 5 \\"-\\" \\"x\\"\\n","stream":"stdout"}',
    ],
    "csv": [
        b"ip,uas,event_id,url",
        b"ip;uas;ts",
        b"sep=;",
        b'192.0.2.1,"a ""quoted"" agent",1,/a',
        b'192.0.2.1,"an agent',
        b'over two lines",2,/b',
        b"192.0.2.1;x;2026-05-17 10:05:03 UTC",
    ],
    "any": [b"", b" \t", b"# comment", b"\xff\xfe\xfd", b"\0\0\0", b"PAR1", b"-", b'"', b"\xef\xbb\xbf", b"1"],
}

HEADERS = {
    "csv": b"ip,uas,event_id,url\n",
    "w3c": LINES["w3c"][1] + b"\n",
    "cloudfront": LINES["w3c"][2] + b"\n",
    "combined in CSV": b"message\n",
}
"""What a source of such a format has to begin with, or nothing in it can be read."""

piece = st.one_of(st.sampled_from([line for some in LINES.values() for line in some]), st.binary(max_size=40))


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    """Files that are mostly of one kind, with lines of others, damaged lines and any bytes between."""
    kind = draw(st.sampled_from(sorted(LINES)))
    line = st.one_of(st.sampled_from(LINES[kind]), st.sampled_from(LINES[kind]), piece)
    endings = draw(st.sampled_from([[b"\n"], [b"\r\n"], [b"\r"], [b"\n", b"\r\n", b"\r"]]))
    parts = [draw(line) + draw(st.sampled_from(endings)) for _ in range(draw(st.integers(0, 12)))]
    content = b"".join(parts) + draw(st.one_of(st.just(b""), piece))
    if content and draw(st.booleans()):
        at = draw(st.integers(0, len(content) - 1))
        content = content[:at] + draw(st.binary(max_size=3)) + content[at + draw(st.integers(0, 3)) :]
    return content


def read_all(items: Iterator[Any]) -> tuple[list[Any], OmniveryError | None]:
    """What came out, and the error of ours that ended it. Any other error is a breach."""
    found: list[Any] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LogWarning)
        try:
            found.extend(items)
        except OmniveryError as error:
            return found, error
    return found, None


lawful = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
"""A busy machine is no failure."""


@lawful
@given(contents())
def test_no_bytes_make_reading_raise_anything_but_an_error_of_ours(content: bytes) -> None:
    found, _ = read_all(read(io.BytesIO(content)))
    assert all(isinstance(item, BotEvent | EventLine | UnreadableLine) for item in found)


def lines_in(content: bytes) -> list[bytes | None]:
    return [line for _, lines in Blocks(iter([content] if content else [])) for line in lines]


def options_of(one: Format, **others: Any) -> ReadOptions:
    """What a reader of the format needs to be told: Envoy's has the forwarded client alone."""
    return ReadOptions(client_ip="forwarded") if one.name.startswith("envoy") else ReadOptions(**others)


def made(one: Format, content: bytes) -> LineReader[Any] | None:
    """The reader of a format for a source, if it is one of lines and takes the source."""
    sample = [line for line in lines_in(content) if line and not line.isspace()][:200]
    reader = one.reader(sample, options_of(one))
    return reader if isinstance(reader, LineReader) else None


EACH = [one for one in FORMATS if one.name == "combined in CSV" or not one.name.endswith(" in CSV")]
"""What reads a log in a column is the same for all of them."""
SOME = [one for one in EACH if one.name != "parquet" and one.like in {"", "combined", "nginx_json", "ndjson"}]
"""And so is what reads a log's objects in JSON."""
BY_LINES = [one for one in EACH if isinstance(one.reader((), options_of(one)), LineReader)]


def each(formats: list[Format], content: bytes) -> Iterator[tuple[Format, bytes]]:
    """Each format, with what it is to read: to draw a file for each anew takes longer than to read it."""
    for one in formats:
        note(one.name)  # the last one noted is the one that broke the law
        yield one, HEADERS.get(one.name, b"") + content


@lawful
@given(content=contents(), cut=st.integers(1, 60))
def test_each_line_is_part_of_an_item_or_counted(content: bytes, cut: int) -> None:
    for one, file in each(BY_LINES, content):
        if (reader := made(one, file)) is not None:
            _each_line_is_accounted_for(one, reader, file, cut)


def _each_line_is_accounted_for(one: Format, reader: LineReader[Any], content: bytes, cut: int) -> None:
    """Items name the lines at which they end, in order, within the file; what lies between them was skipped."""
    pieces = [content[at : at + cut] for at in range(0, len(content), cut)]
    ends: list[int] = []

    def placed() -> Iterator[Any]:
        for some in reader.read(Blocks(iter(pieces))):
            assert len(some.ends) == len(some.items)
            ends.extend(some.ends)
            yield from some.items

    items, error = read_all(placed())
    if error is not None:
        return
    lines = len(lines_in(content))
    assert ends == sorted(set(ends))
    assert not ends or (ends[0] >= 1 and ends[-1] <= lines)
    assert sum(reader.skipped.values()) + len(items) <= lines
    if not one.name.lower().endswith("csv"):  # in which an item may have several lines
        assert sum(reader.skipped.values()) + len(items) == lines
    blank = sum(1 for line in lines_in(content) if line is not None and not line.strip())
    if not one.name.lower().endswith("csv"):
        assert reader.skipped["blank"] == blank


@settings(lawful, max_examples=80)  # a file in six has nothing that reading could resume behind
@given(content=contents(), behind=st.integers(0, 20), encoded=st.booleans())
def test_reading_resumes_behind_any_item_as_if_nothing_had_happened(
    content: bytes, behind: int, encoded: bool, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    for one, file in each(SOME, content):
        path.write_bytes(file)
        sample = [line for line in lines_in(file) if line and not line.isspace()][:200]
        reader = partial(one.reader, sample, options_of(one))
        _reading_resumes(partial(_source, path, reader, encoded=encoded), behind)


def _source(path: Path, reader: Callable[[], Any], *, encoded: bool) -> Any:
    made = file_events(path, Fixed(reader), complete=True)
    if encoded:
        made.allow_encoded()
    return made


def _reading_resumes(source: Callable[[], Any], behind: int) -> None:
    first = source()
    whole, error = read_all(first.open(first.locate(())))
    if not whole:
        return
    again = source()
    items = again.open(again.locate(()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LogWarning)
        before = [next(items) for _ in range(1 + behind % len(whole))]
        place = again.position(before[-1])
    last = source()
    rest, later = read_all(last.open(_point(last, place)))
    assert [decoded(item) for item in before + rest] == [decoded(item) for item in whole]
    assert type(later) is type(error)


def _point(source: Any, position: Any) -> Any:
    from omnivery.bulk.source import ResumePoint

    return source.locate([ResumePoint(name=source.name, position=position)])


@lawful
@given(content=contents(), often=st.integers(1, 4), peer=st.booleans())
def test_a_run_is_given_what_iteration_gives(content: bytes, often: int, peer: bool, tmp_path: Path) -> None:
    """A run takes bytes where iteration gives objects: they stand for the same, and so does the body of a batch."""
    path = tmp_path / "file"
    for one, file in each(SOME, (content + b"\n") * often):
        path.write_bytes(file)
        sample = [line for line in lines_in(file) if line and not line.isspace()][:200]
        log = isinstance(one.reader((), options_of(one)), RequestReader)
        options = options_of(one, client_ip="peer" if peer and log else None)
        reader = partial(one.reader, sample, options)
        _a_run_is_given_what_iteration_gives(events_from(path, reader), events_from(path, reader))


def _a_run_is_given_what_iteration_gives(plain: Any, run: Any) -> None:
    run.allow_encoded()
    expected, error = read_all(iter(plain))
    found, other = read_all(run.stream())
    assert [decoded(item) for item in found] == expected
    assert (run.skipped, type(other)) == (plain.skipped, type(error))
    valid = [item for item, fault in zip(found, faults_of(found), strict=True) if not fault]
    assert encode_batch(valid, "x") == encode_batch([decoded(item) for item in valid], "x")


@pytest.mark.parametrize("library", ["pyarrow", "polars"])
@lawful
@given(damages=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=3))
def test_damaged_parquet_raises_nothing_but_an_error_of_ours(
    library: str, damages: list[tuple[float, int]], tmp_path: Path
) -> None:
    polars = pytest.importorskip("polars")
    pytest.importorskip(library)
    path = tmp_path / "events"
    polars.DataFrame({"ip": ["192.0.2.1"] * 50, "uas": ["x"] * 50, "n": range(50)}).write_parquet(path)
    content = bytearray(path.read_bytes())
    for place, change in damages:
        content[int(place * len(content))] ^= change
    path.write_bytes(bytes(content))
    with pytest.MonkeyPatch.context() as patch:
        if library == "polars":
            patch.setattr("omnivery.readers._parquet.installed", lambda name: name == "polars")
        read_all(read(path, format="parquet"))


@lawful
@given(content=contents())
def test_what_is_counted_is_counted_for_each_file(content: bytes, tmp_path: Path) -> None:
    """Two files give what each gives alone, and count what each counts."""
    folder = tmp_path / "files"
    folder.mkdir(exist_ok=True)
    for name in "ab":
        (folder / name).write_bytes(content)
    alone = read(folder / "a")
    found, error = read_all(iter(alone))
    assume(error is None)
    both = read(folder)
    twice, _ = read_all(iter(both))
    assert twice == found * 2
    assert both.skipped == Counter({kind: 2 * count for kind, count in alone.skipped.items()})


KINDS = {
    "mailgun": ("event", ["opened", "clicked"]),
    "omnivery": ("event", ["opened", "clicked"]),
    "postmark": ("RecordType", ["Open", "Click"]),
    "resend": ("type", ["email.opened", "email.clicked"]),
    "sendgrid": ("event", ["open", "click"]),
    "ses": ("eventType", ["Open", "Click"]),
    "sparkpost": ("type", ["open", "initial_open", "amp_click", "click"]),
}
"""The member of each provider's events that tells what an event is, and which ones are opens and clicks."""
ODD: list[dict[str, Any]] = [
    {},
    {"a": None},
    {"own": [1, {"b": "}"}]},
    {"ip": 7, "url": ["x"]},
    {"timestamp": "\u2028"},
]


def test_each_provider_has_a_law() -> None:
    assert KINDS.keys() == PROVIDERS.keys()


@pytest.mark.parametrize("provider", KINDS)
@settings(lawful, max_examples=50)
@given(data=st.data(), shape=st.sampled_from(["list", "lines", "one after the other", "mappings"]))
def test_each_event_of_a_provider_comes_out_or_is_counted(provider: Any, data: st.DataObject, shape: str) -> None:
    """Whatever else is in it: items and counted events are as many as there were."""
    member, interactions = KINDS[provider]
    kinds = data.draw(st.lists(st.sampled_from([*interactions, "delivered", "bounce", "x"]), max_size=6))
    payload = [{**data.draw(st.sampled_from(ODD)), member: kind} for kind in kinds]
    bodies = [json.dumps(event).encode() for event in payload]
    source: Any = {
        "list": b"[" + b",".join(bodies) + b"]",
        "lines": io.BytesIO(b"\n".join(bodies)),
        "one after the other": io.BytesIO(b"".join(bodies)),
        "mappings": payload,
    }[shape]
    found = events(source, provider=provider)
    items = list(found)
    assert all(isinstance(item, BotEvent) for item in items)
    assert len(items) == sum(kind in interactions for kind in kinds)
    assert len(items) + found.skipped.total() == len(kinds)


COLUMNS: list[list[Any]] = [
    [1, 2, None, 2**63],
    [1.5, float("nan"), float("inf"), None],
    ["192.0.2.1", "x", "", None],
    [b"\xff", b"x", None, b""],
    [None] * 4,
    [True, False, None, True],
    [datetime(2026, 5, 17, tzinfo=UTC), None, None, None],
    [["a"], [], None, ["b", "c"]],
    [{"a": 1}, None, {}, {"b": 2}],
]


@lawful
@given(
    st.sampled_from(COLUMNS),
    st.dictionaries(
        st.sampled_from(["uas", "event_id", "ts", "message_ts", "own", "domain"]), st.sampled_from(COLUMNS)
    ),
)
def test_each_row_of_a_frame_is_an_event(ip: list[Any], columns: dict[str, list[Any]]) -> None:
    """Of columns of any type: what does not fit its field is for the run to reject, and not for the reading."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({name: pandas.Series(one, dtype=object) for name, one in {"ip": ip, **columns}.items()})
    found = list(arrow(frame))
    assert len(found) == 4
    assert all(isinstance(item, BotEvent) for item in found)
