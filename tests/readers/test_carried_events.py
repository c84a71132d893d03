"""Events that an application has printed: what carried the lines is taken off, as from those of a web server."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from omnivery.events.event import BotEvent, EventLine, UnreadableLine
from omnivery.readers import read

EVENT = '{"ip":"192.0.2.1","uas":"x","event_id":"a"}'


def in_docker(text: str) -> str:
    return json.dumps({"log": text, "stream": "stdout", "time": "2026-05-17T10:05:03Z"})


def lines(*texts: str) -> io.BytesIO:
    return io.BytesIO("".join(f"{text}\n" for text in texts).encode())


@pytest.mark.parametrize(
    "carried",
    [
        f"2026-05-17T10:05:03.1Z stdout F {EVENT}",
        in_docker(f"{EVENT}\n"),
        f"May 17 10:05:03 web1 app[1]: {EVENT}",
        f"web-1  | {EVENT}",
        f"data: {EVENT}",
        json.dumps({"MESSAGE": EVENT, "_PID": "1"}),
        json.dumps({"_index": "clicks", "_id": "1", "_source": json.loads(EVENT)}, separators=(",", ":")),
    ],
    ids=["Kubernetes", "Docker", "syslog", "compose", "event stream", "journal", "Elasticsearch"],
)
@pytest.mark.parametrize("name", [None, "ndjson"])
def test_events_are_read_out_of_what_carries_them(carried: str, name: str | None) -> None:
    found = list(read(lines(carried, carried), format=name))
    assert found == [EventLine(data=EVENT.encode(), line=1), EventLine(data=EVENT.encode(), line=2)]


def test_other_lines_of_the_application_cost_no_event() -> None:
    found = list(read(lines(*[f"web-1  | {text}" for text in ("starting", EVENT, EVENT, "[1]", EVENT)])))
    assert [type(item) for item in found] == [UnreadableLine, EventLine, EventLine, UnreadableLine, EventLine]
    assert found[0] == UnreadableLine(line=1, reason="not a JSON object")


@pytest.mark.parametrize(
    ("event", "columns"),
    [
        ({"ip": "192.0.2.1", "uas": "x", "event_id": 7, "ts": "2026-05-17T10:05:03Z"}, None),
        (
            {"client": {"ip": "192.0.2.1"}, "agent": "x", "id": 7, "time": 1779012303123},
            {"client.ip": "ip", "agent": "uas", "id": "event_id", "time": "ts"},
        ),
    ],
    ids=["the API's names", "others"],
)
def test_values_are_converted_as_in_ndjson(event: dict[str, Any], columns: dict[str, str] | None) -> None:
    found = list(read(lines(*[in_docker(f"{json.dumps(event)}\n")] * 2), columns=columns))
    assert found == [BotEvent(ip="192.0.2.1", uas="x", event_id="7", ts=1779012303)] * 2


def test_a_line_that_docker_has_split_is_one_event() -> None:
    long = json.dumps({"ip": "192.0.2.1", "uas": "x" * 20_000, "event_id": "b"})
    found = read(lines(in_docker(long[:16384]), in_docker(f"{long[16384:]}\n"), in_docker(f"{EVENT}\n")))
    assert list(found) == [EventLine(data=long.encode(), line=1), EventLine(data=EVENT.encode(), line=3)]
    assert found.skipped == {"part": 1}


def test_one_name_of_an_event_makes_a_line_of_an_application_no_event() -> None:
    (item,) = read(lines(in_docker('{"level":"info","ip":"192.0.2.1"}\n')))
    assert isinstance(item, UnreadableLine)
