"""JSON that is not one object a line, and the names of its members."""

from __future__ import annotations

import io
import json as standard
from pathlib import Path
from typing import Any

import pytest

from omnivery.automations import event_id_for
from omnivery.errors import ConfigError
from omnivery.events.encoding import encode_batch
from omnivery.events.event import BotEvent, EventLine, UnreadableLine
from omnivery.readers import json, ndjson, read

EVENT = {"ip": "192.0.2.1", "uas": "x", "event_id": "a"}
OWN = {
    "id": 7,
    "time": "2026-05-17T10:05:03.123Z",
    "campaign": {"name": "spring", "n": 1.5},
    "request": {"remote_ip": "::ffff:192.0.2.1", "headers": {"User-Agent": ["x"], "Accept": ["*/*"]}},
    "url": "/a",
}
PATHS = {"id": "event_id", "time": "ts", "request.remote_ip": "ip", "request.headers.User-Agent": "uas"}


def packed(value: Any, **options: Any) -> io.BytesIO:
    return io.BytesIO(standard.dumps(value, **options).encode())


@pytest.mark.parametrize(
    "text",
    [
        standard.dumps([EVENT, EVENT]),
        standard.dumps([EVENT, EVENT], indent=2),
        standard.dumps([EVENT, EVENT], indent=0),
        standard.dumps(EVENT, indent=2) * 2,
        standard.dumps(EVENT) * 2,
        standard.dumps({"webhook_url": "https://example.com", "events": [EVENT, EVENT]}, indent=1),
        "[\n" + standard.dumps(EVENT) + "\n," + standard.dumps(EVENT) + "\n]\n",
    ],
)
def test_it_is_recognized_and_read(text: str, tmp_path: Path) -> None:
    """An export is an array more often than not, and people lay it out for the eye."""
    path = tmp_path / "events"
    path.write_text(text)
    for source in (path, io.BytesIO(text.encode())):
        assert [standard.loads(item.data) for item in read(source)] == [EVENT, EVENT]
    assert [item.line for item in json(path)] == [item.line for item in read(path)]


@pytest.mark.parametrize(
    "text", [standard.dumps(EVENT), f"{standard.dumps(EVENT)}\n" * 3, '{"ip":1\n{"ip":2}\n{"ip":3}\n']
)
def test_one_object_a_line_stays_ndjson(text: str) -> None:
    """There a line that was cut off costs itself alone, and a journal resumes at any line."""
    assert [item.data.decode() for item in read(io.BytesIO(text.encode()))] == text.splitlines()


def test_a_list_of_something_else_is_named() -> None:
    (item,) = read(io.BytesIO(b'["a","b"]'))
    assert item.reason == "in no format that is known: it looks like a JSON array, but not like one of objects"


# Columns


@pytest.mark.parametrize("reader", [ndjson, json, read])
def test_paths_lead_to_the_fields(reader: Any) -> None:
    """And what they lead to is no own attribute any more; all else stays, nested as it is."""
    (event,) = reader(packed(OWN), columns=PATHS)
    assert event == BotEvent(
        ip="192.0.2.1",
        uas="x",
        event_id="7",
        ts=1_779_012_303,
        attributes={
            "campaign": {"name": "spring", "n": 1.5},
            "request": {"headers": {"Accept": ["*/*"]}},
            "url": "/a",
        },
    )


def test_an_empty_mapping_converts_lines_in_the_apis_own_names() -> None:
    (event,) = ndjson(
        packed({"ip": "192.0.2.1:80", "uas": "x", "event_id": 7, "ts": "2026-05-17 10:05:03 UTC"}), columns={}
    )
    assert event == BotEvent(ip="192.0.2.1", uas="x", event_id="7", ts=1_779_012_303)


def test_ids_are_derived_where_a_line_has_none() -> None:
    """From its fields, its URL and its number: equal lines are different interactions, again and again."""
    lines = standard.dumps({"ip": "192.0.2.1", "url": "/a"}) + "\n"
    found = [event.event_id for event in ndjson(io.BytesIO(lines.encode() * 2), columns={})]
    assert found == [event_id_for(ip="192.0.2.1", url="/a", position=line) for line in (1, 2)]
    (event,) = ndjson(packed({"ip": "192.0.2.1", "id": None}), columns={"id": "event_id"})
    assert event.event_id is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"ip":', "not JSON"),
        ('{"ip":NaN}', "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"ip":"nowhere"}', "ip is not an IPv4 or IPv6 address"),
        ('{"ip":5}', "ip is not an IPv4 or IPv6 address"),
        ('{"ts":"yesterday"}', "a time is neither whole unix seconds nor in ISO 8601"),
        ('{"ts":true}', "a time is neither whole unix seconds nor in ISO 8601"),
        ('{"uas":"x","agent":"y"}', "two members of the object are the event's uas"),
    ],
)
def test_what_cannot_be_read_costs_its_own_line(line: str, reason: str) -> None:
    content = f'{{"event_id":"1"}}\n{line}\n{{"event_id":"2"}}\n'.encode()
    one, bad, two = ndjson(io.BytesIO(content), columns={"agent": "uas"})
    assert (one.event_id, two.event_id) == ("1", "2")
    assert bad == UnreadableLine(line=2, reason=reason)


def test_a_value_that_is_no_text_is_left_for_the_run() -> None:
    (event,) = ndjson(packed({"event_id": ["a", "b"], "uas": {"n": 1}}), columns={})
    assert (event.event_id, event.uas) == (["a", "b"], {"n": 1})


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"a": "agent"}, "'agent' is no field of an event"),
        ({"a": "ip", "b.c": "ip"}, "two paths lead to the event's 'ip'"),
        ({"": "ip"}, "a path must not be empty"),
    ],
)
def test_columns_that_cannot_be_meant_are_refused_at_the_call(columns: dict[str, str], why: str) -> None:
    for reader in (ndjson, json):
        with pytest.raises(ConfigError, match=why):
            reader(io.BytesIO(), columns=columns)


def test_without_columns_lines_are_not_rewritten() -> None:
    line = b'{"n":1.000000000000000000001}'
    assert list(json(io.BytesIO(b"[" + line + b"]"))) == [EventLine(data=line, line=1)]


@pytest.mark.parametrize("number", ["12345678901234567890", "18446744073709551616", "123456789012345678901234567890"])
def test_whole_numbers_keep_all_of_their_digits(number: str) -> None:
    """An id that is another number by its last digits is another event's."""
    content = f'{{"client":"192.0.2.1","uas":"x","id":{number},"own":{number}}}\n'.encode()
    (event,) = ndjson(io.BytesIO(content), columns={"client": "ip", "id": "event_id"})
    assert isinstance(event, BotEvent)
    assert (event.event_id, event.attributes) == (number, {"own": int(number)})
    assert f'"own":{number}'.encode() in encode_batch([event], "https://example.com")
    deep = b'{"client":"192.0.2.1","n":%b,"own":%b1%b}' % (number.encode(), b"[" * 990, b"]" * 990)
    assert len(list(ndjson(io.BytesIO(deep), columns={"client": "ip"}))) == 1


@pytest.mark.parametrize("cut", [1, 2, 8, 30])
def test_a_first_object_that_is_still_being_written_waits_for_the_next_run(cut: int, tmp_path: Path) -> None:
    """Over several lines: by the first ones nobody would know it."""
    path = tmp_path / "events.json"
    content = standard.dumps({"ip": "192.0.2.1", "uas": "x", "event_id": "a"}, indent=2)
    path.write_text(content[:cut])
    source: Any = read(path)
    assert list(source.open(source.locate(()))) == []
    assert source.unfinished == 1
    path.write_text(content)
    again: Any = read(path)
    assert len(list(again.open(again.locate(())))) == 1
