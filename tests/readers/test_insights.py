"""Rows of CloudWatch Logs Insights, which are lists of pairs, are read as the objects that they stand for."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from omnivery.events.event import BotEvent, EventLine
from omnivery.readers import read
from omnivery.readers._insights import rows_as_objects

LOG = '192.0.2.%d - - [17/May/2026:10:05:03 +0000] "GET /a[1]?b={c} HTTP/1.1" 302 0 "-" "Agent \\"x\\""'


def row(**fields: str) -> list[dict[str, str]]:
    return [{"field": name.replace("at_", "@"), "value": value} for name, value in fields.items()]


LOGS = [row(at_timestamp="2026-05-17 10:05:03.000", at_message=LOG % n, at_ptr="CmEK") for n in range(1, 6)]
EVENTS = [row(ip="192.0.2.1", uas="x", event_id=str(n)) for n in range(5)]


def results(rows: Any, **options: Any) -> bytes:
    """As `aws logs get-query-results` prints them."""
    document = {"queryLanguage": "CWLI", "results": rows, "statistics": {"recordsMatched": 5.0}, "status": "Complete"}
    return json.dumps(document, **options).encode()


@pytest.mark.parametrize(
    "content",
    [results(LOGS), results(LOGS, indent=4), json.dumps(LOGS).encode(), b"\xef\xbb\xbf" + results(LOGS)],
    ids=["compact", "indented", "rows alone", "marked"],
)
def test_lines_of_a_log_are_read_out_of_rows(content: bytes) -> None:
    found = list(read(io.BytesIO(content)))
    assert [event.ip for event in found if isinstance(event, BotEvent)] == [f"192.0.2.{n}" for n in range(1, 6)]
    assert {event.attributes["url"] for event in found if isinstance(event, BotEvent) and event.attributes} == {
        "/a[1]?b={c}"
    }


def test_so_are_events_whose_fields_are_those_of_the_query() -> None:
    """Each with the number of the line on which its row begins."""
    content = results(EVENTS, indent=1)
    found = list(read(io.BytesIO(content)))
    first = [number for number, line in enumerate(content.split(b"\n"), 1) if line == b"  ["]
    assert found == [
        EventLine(data=b'{"ip":"192.0.2.1","uas":"x","event_id":"%d"}' % n, line=line) for n, line in enumerate(first)
    ]


@pytest.mark.parametrize("size", [1, 7, 60])
def test_rows_go_over_pieces(size: int) -> None:
    content = results(LOGS, indent=4)
    start, rest = content[:160], content[160:]
    pieces = [start, *(rest[at : at + size] for at in range(0, len(rest), size))]
    assert b"".join(rows_as_objects(iter(pieces))) == b"".join(rows_as_objects(iter([content])))


@pytest.mark.parametrize(
    "content", [b"", b"[", b'{"results": []}', b'[{"field": "a", "value": "b"}]', b'{"a": [[{"field"']
)
def test_other_json_is_left_as_it_is(content: bytes) -> None:
    assert b"".join(rows_as_objects(iter([content]))) == content
