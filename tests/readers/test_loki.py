"""Lines of a log in streams of Grafana Loki: of a query's response, of a push, of any length, and cut off."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.readers import access_log, read
from omnivery.readers._lines import MAX_LINE

NOW = 1_779_012_303_000_000_000
COMPACT = (",", ":")


def line(n: int, agent: str = "Mozilla/5.0") -> str:
    return f'198.51.100.7 - - [17/May/2026:10:05:03 +0000] "GET /c/{n} HTTP/1.1" 302 0 "-" "{agent}"\n'


def values(lines: list[str], *more: Any) -> list[Any]:
    return [[str(NOW + n), one, *more] for n, one in enumerate(lines)]


def response(*streams: list[str], **options: Any) -> str:
    # A label that looks like a line is none.
    result = [{"stream": {"job": f'["{NOW}","x"]'}, "values": values(lines)} for lines in streams]
    data = {"resultType": "streams", "result": result, "stats": {"summary": {"totalLinesProcessed": 3}}}
    return json.dumps({"status": "success", "data": data}, **options)


def pushed(*streams: list[str], **options: Any) -> str:
    found = [{"stream": {"job": "nginx"}, "values": values(lines, {"trace_id": "0242ac120002"})} for lines in streams]
    return json.dumps({"streams": found}, **options)


def of_old(*streams: list[str], **options: Any) -> str:
    """As it was pushed, and as a query responded, before there was `/loki/api/v1/`."""
    times = "2018-12-18T08:28:06.801064-04:00", "2018-06-27T05:20:28.699492635Z"
    found = [
        {
            "labels": '{job="nginx",entries="[{\\"ts\\"]"}',
            "entries": [{"ts": times[n % 2], "line": one} for n, one in enumerate(lines)],
        }
        for lines in streams
    ]
    return json.dumps({"streams": found}, **options)


def urls(found: list[Any]) -> list[Any]:
    return [(one.attributes or {})["url"] if isinstance(one, BotEvent) else one.reason for one in found]


def items(content: str, **options: Any) -> list[Any]:
    return list(read(io.BytesIO(content.encode()), **{"client_ip": "peer", **options}))


@pytest.mark.parametrize("form", [response, pushed, of_old])
@pytest.mark.parametrize(
    "options", [{}, {"separators": COMPACT}, {"indent": 2}], ids=["as it is", "compact", "laid out"]
)
def test_each_pair_is_a_line(form: Any, options: dict[str, Any]) -> None:
    content = form([line(1), line(2)], [line(3)], **options)
    assert urls(items(content)) == ["/c/1", "/c/2", "/c/3"]
    assert urls(items(f"{content}\n{content}")) == ["/c/1", "/c/2", "/c/3"] * 2
    assert urls(list(access_log(io.BytesIO(content.encode()), client_ip="peer"))) == ["/c/1", "/c/2", "/c/3"]


def test_a_stream_may_be_longer_than_a_line_may_be() -> None:
    """Loki responds with up to 5,000 lines, of one stream perhaps."""
    content = response([line(n, "x" * 200) for n in range(5_000)], separators=COMPACT)
    assert len(content) > MAX_LINE
    found = items(content)
    assert urls(found) == [f"/c/{n}" for n in range(5_000)]
    assert len({one.event_id for one in found}) == 5_000


def test_what_is_no_request_and_what_is_blank_is_accounted_for() -> None:
    found = read(io.BytesIO(response([line(1), "", "ready", line(2)]).encode()), client_ip="peer")
    assert urls(list(found)) == ["/c/1", "not in combined log format", "/c/2"]
    assert found.skipped == {"blank": 1}


def test_a_line_in_a_line() -> None:
    """What a container's runtime has written around it, or the server in JSON."""
    own = {"time_iso8601": "2026-05-17T10:05:03Z", "remote_addr": "198.51.100.7", "request": "GET /c/1 HTTP/1.1"}
    assert urls(items(response([json.dumps({**own, "http_user_agent": "x"})]))) == ["/c/1"]
    assert urls(items(response([f"2026-05-17T10:05:03.1Z stdout F {line(2)}"]))) == ["/c/2"]


def test_a_line_that_is_too_long_costs_no_other() -> None:
    found = items(response([line(1), "x" * (MAX_LINE + 1), line(2)]))
    assert urls(found) == ["/c/1", "longer than 1,000,000 bytes", "/c/2"]


@pytest.mark.parametrize("form", [pushed, of_old])
@pytest.mark.parametrize("cut", [20, 60, 180])
def test_what_is_cut_off_is_told(form: Any, cut: int) -> None:
    content = form([line(1)], [line(2, "x" * 100)])
    whole, torn = items(content), items(content[:-cut])
    assert torn[0] == whole[0]
    assert isinstance(torn[-1], UnreadableLine)
    assert "cut off" in torn[-1].reason


@pytest.mark.parametrize("form", [response, of_old])
def test_a_response_that_is_still_being_written_waits_for_the_next_run(tmp_path: Path, form: Any) -> None:
    path = tmp_path / "loki.json"
    content = form([line(1), line(2), line(3)], separators=COMPACT)
    path.write_text(content[: content.index("/c/3")])
    source: Any = read(path, client_ip="peer")
    found = list(source.open(source.locate(())))
    assert (urls(found), source.unfinished) == (["/c/1", "/c/2"], 1)
    place = json.loads(json.dumps(source.position(found[-1])))
    path.write_text(content)
    again: Any = read(path, client_ip="peer")
    point = type(again.locate(()))(name=again.name, position=place)
    assert urls(list(again.open(again.locate([point])))) == ["/c/3"]
