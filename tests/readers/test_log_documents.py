"""Logs in JSON that is not one object a line: arrays, exports, pages of a cloud's API."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnivery.errors import ConfigError
from omnivery.events.event import BotEvent, EventLine, UnreadableLine
from omnivery.readers import LogWarning, access_log, read

AGENT = "Mozilla/5.0 (X11; Linux x86_64) Firefox/144.0"
MOMENT = 1_779_012_303
LOGS: dict[str, dict[str, Any]] = {
    "nginx_json": {
        "time_iso8601": "2026-05-17T10:05:03+00:00",
        "remote_addr": "198.51.100.7",
        "request": "GET /c/1 HTTP/1.1",
        "http_user_agent": AGENT,
    },
    "caddy": {
        "ts": MOMENT + 0.5,
        "request": {"remote_ip": "198.51.100.7", "uri": "/c/1", "headers": {"User-Agent": [AGENT]}},
    },
    "traefik": {
        "ClientHost": "198.51.100.7",
        "RequestPath": "/c/1",
        "StartUTC": "2026-05-17T10:05:03.123456789Z",
        "request_User-Agent": AGENT,
    },
    "logpush": {
        "ClientIP": "198.51.100.7",
        "ClientRequestURI": "/c/1",
        "ClientRequestUserAgent": AGENT,
        "EdgeStartTimestamp": MOMENT * 10**9 + 123,
    },
    "cloudfront": {
        "date": "2026-05-17",
        "time": "10:05:03",
        "c-ip": "198.51.100.7",
        "cs-uri-stem": "/c/1",
        "cs-uri-query": "-",
        "cs(User-Agent)": AGENT.replace(" ", "%20"),
    },
    # CloudWatch's, of which each carries a line
    "combined": {
        "timestamp": MOMENT * 1_000,
        "message": f'198.51.100.7 - - [17/May/2026:10:05:03 +0000] "GET /c/1 HTTP/1.1" 302 0 "-" "{AGENT}"',
    },
}
SHAPES: dict[str, Any] = {
    "an array": json.dumps,
    "a pretty array": lambda some: json.dumps(some, indent=2),
    "an object a line in an array": lambda some: "[\n" + ",\n".join(map(json.dumps, some)) + "\n]\n",
    "cut out of an array": lambda some: ",\n".join(map(json.dumps, some)) + ",\n",
    "without line breaks": lambda some: "".join(map(json.dumps, some)),
    "pretty objects": lambda some: "\n".join(json.dumps(one, indent=4) for one in some),
    "Records": lambda some: json.dumps({"Records": some}),
    "pretty logs": lambda some: json.dumps({"took": [{"ms": 5}], "logs": some, "next": {"a": [{}]}}, indent=1),
    "hits in hits": lambda some: json.dumps({"took": 5, "hits": {"total": 3, "hits": some}}),
    "pages": lambda some: "".join(json.dumps({"nextToken": "t", "events": [one]}) for one in some),
    "a page a line": lambda some: "\n".join(json.dumps({"events": [one], "searched": [{"a": 1}]}) for one in some),
    "a byte order mark": lambda some: "\ufeff" + json.dumps(some),
}


@pytest.mark.filterwarnings("ignore::omnivery.readers.LogWarning")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", LOGS)
def test_every_log_is_read_in_every_shape(name: str, shape: str) -> None:
    """Recognized, and by its name; each object is an interaction of its own, however equal they are."""
    content = SHAPES[shape]([LOGS[name]] * 3).encode()
    for found in (
        read(io.BytesIO(content)),
        access_log(io.BytesIO(content)),
        read(io.BytesIO(content), format=name),
        access_log(io.BytesIO(content), format=name, client_ip="peer"),
    ):
        events: list[Any] = list(found)
        assert [(one.ip, one.uas, one.ts) for one in events] == [("198.51.100.7", AGENT, MOMENT)] * 3
        assert [one.attributes["url"] for one in events] == ["/c/1"] * 3
        assert len({one.event_id for one in events}) == 3


def test_ids_are_the_same_in_every_shape() -> None:
    """And as in lines: an export that was laid out for the eye is the same log."""
    log = [{**LOGS["nginx_json"], "remote_addr": f"198.51.100.{n}"} for n in range(3)]
    lines = "\n".join(map(json.dumps, log))
    ids = [[one.event_id for one in read(io.BytesIO(shape(log).encode()))] for shape in SHAPES.values()]
    assert ids == [[one.event_id for one in read(io.BytesIO(lines.encode()))]] * len(SHAPES)


def test_the_number_of_a_line_is_where_its_object_begins() -> None:
    content = json.dumps({"Records": [LOGS["traefik"]] * 3}, indent=1).encode()
    events = list(access_log(io.BytesIO(content), client_ip="peer"))
    assert [(one.attributes or {})["line"] for one in events if isinstance(one, BotEvent)] == [3, 9, 15]


def test_a_large_export_is_read_as_it_comes(tmp_path: Path) -> None:
    """Longer than any object may be: only what is in it has to be short."""
    log = [{**LOGS["caddy"], "ts": MOMENT + n, "own": "x" * 300} for n in range(5_000)]
    content = json.dumps({"count": [{"a": 5_000}], "result": {"logs": log, "more": "x" * 5_000}}).encode()
    assert len(content) > 2_000_000
    path = tmp_path / "export.json"
    path.write_bytes(content)
    events = list(read(path, client_ip="peer"))
    assert [one.ts for one in events] == [one["ts"] for one in log]
    assert len({one.event_id for one in events}) == 5_000


@pytest.mark.parametrize(
    ("cut", "reason"), [(-1, "object around the records"), (-2, "array"), (-30, "object that begins")]
)
def test_an_export_that_was_cut_off_loses_no_whole_record(cut: int, reason: str) -> None:
    content = json.dumps({"Records": [LOGS["caddy"]] * 3}).encode()
    *events, last = read(io.BytesIO(content[:cut]))
    assert [type(one) for one in events] == [BotEvent] * (3 if cut > -30 else 2)
    assert isinstance(last, UnreadableLine)
    assert reason in last.reason


def test_what_is_no_request_costs_itself_alone() -> None:
    content = json.dumps([LOGS["caddy"], {"level": "error", "msg": "x"}, 5, LOGS["caddy"]]).encode()
    found = list(read(io.BytesIO(content)))
    assert found[1:3] == [
        UnreadableLine(line=1, reason="not Caddy's access log"),
        UnreadableLine(line=1, reason="not a JSON object"),
    ]
    assert [type(one) for one in found] == [BotEvent, UnreadableLine, UnreadableLine, BotEvent]


@pytest.mark.parametrize("damage", [lambda one: one[:40], lambda one: one * 2, lambda one: f"{one},"])
def test_a_first_line_that_is_damaged_does_not_make_a_log_a_document(damage: Any) -> None:
    """Line by line, damage costs a line; in a document, all that follows may belong to an object without an end."""
    for one in (LOGS["caddy"], {"ip": "198.51.100.7", "uas": AGENT, "event_id": "1"}):
        line = json.dumps(one)
        lines = [damage(line), *[line] * 3, line[:40], *[line] * 3]
        found = list(read(io.BytesIO("\n".join(lines).encode()), client_ip="peer"))
        assert len(found) == 8
        assert {item.line for item in found if isinstance(item, UnreadableLine)} <= {1, 5}


def test_addresses_of_a_proxy_are_said_before_any_event_is_out() -> None:
    log = [{**LOGS["caddy"], "request": {**LOGS["caddy"]["request"], "remote_ip": "10.0.0.1"}}] * 3
    with pytest.warns(LogWarning, match="every client address"):
        next(iter(access_log(io.BytesIO(json.dumps(log).encode()))))


def test_the_forwarded_client_is_read_there_too() -> None:
    log = [{**LOGS["nginx_json"], "http_x_forwarded_for": "203.0.113.9"}]
    (event,) = read(io.BytesIO(json.dumps(log).encode()), client_ip="forwarded")
    assert event.ip == "203.0.113.9"
    with pytest.raises(ConfigError, match="does not have what proxies forward"):
        list(read(io.BytesIO(json.dumps([LOGS["logpush"]]).encode()), client_ip="forwarded"))


@pytest.mark.parametrize("shape", ["an array", "Records", "a page a line"])
def test_columns_are_taken_at_their_word(shape: str) -> None:
    """Who says which member is which wants the others, too: it is no log to him."""
    content = SHAPES[shape]([{**LOGS["nginx_json"], "campaign": "spring"}] * 3).encode()
    names = {"remote_addr": "ip", "http_user_agent": "uas", "time_iso8601": "ts"}
    events = list(read(io.BytesIO(content), columns=names))
    assert [(one.ip, one.uas, one.ts) for one in events] == [("198.51.100.7", AGENT, MOMENT)] * 3
    assert [one.attributes for one in events] == [{"request": "GET /c/1 HTTP/1.1", "campaign": "spring"}] * 3
    assert len({one.event_id for one in events}) == 3


def test_columns_are_taken_at_their_word_in_lines() -> None:
    content = json.dumps({**LOGS["nginx_json"], "campaign": "spring"}).encode()
    (event,) = read(io.BytesIO(content), columns={"remote_addr": "ip", "http_user_agent": "uas"})
    assert event.attributes["campaign"] == "spring"


EVENT = {"ip": "198.51.100.7", "uas": "x", "event_id": "1", "of": [{"a": 1}]}


@pytest.mark.parametrize("shape", SHAPES)
def test_events_in_the_apis_names_are_no_log(shape: str) -> None:
    found = list(read(io.BytesIO(SHAPES[shape]([EVENT] * 3).encode())))
    assert [type(one) for one in found] == [EventLine] * 3
    assert [json.loads(one.data) for one in found] == [EVENT] * 3


@pytest.mark.parametrize("own", [{"uas": "-"}, {"event_id": "7", "user_agent": "-"}])
def test_an_event_with_a_time_and_a_url_is_no_request_of_a_server_that_logs_the_ip(own: dict[str, str]) -> None:
    """`ip` is what many applications call a client in their logs, and the API as well."""
    line = json.dumps({"ip": "198.51.100.7", "ts": 1_779_012_303, "url": "/c/1", **own})
    (event,) = read(io.BytesIO(line.encode()))
    found = json.loads(event.data) if isinstance(event, EventLine) else event.to_fields()
    assert "line" not in found
    assert found.items() >= own.items()


def test_a_run_goes_on_in_the_same_way(tmp_path: Path) -> None:
    """What was recognized, and what carries its lines, is found again when reading resumes."""
    for name, log in LOGS.items():
        path = tmp_path / name
        path.write_text(json.dumps({"Records": [log] * 5}))
        whole = list(read(path, client_ip="peer"))
        first: Any = read(path, client_ip="peer")
        items = first.open(first.locate(()))
        before = [next(items) for _ in range(2)]
        last: Any = read(path, client_ip="peer")
        point = type(last.locate(()))(name=last.name, position=first.position(before[-1]))
        assert [*before, *last.open(last.locate([point]))] == whole


ODD = st.sampled_from(
    [{}, {"a": None}, {"remote_addr": 5}, {"message": []}, {"Records": []}, {"x": [{}]}, {"log": {"a": [{"b": "}]"}]}}]
)


@settings(deadline=None)
@given(
    st.lists(ODD | st.sampled_from(list(LOGS.values())), max_size=6),
    st.sampled_from(list(LOGS)),
    st.sampled_from(["an array", "a pretty array", "an object a line in an array", "without line breaks"]),
)
def test_each_object_is_an_item(objects: list[Any], name: str, shape: str) -> None:
    objects = [*objects, *[LOGS[name]] * (len(objects) + 1)]  # a log is recognized by most of its lines
    content = SHAPES[shape](objects).encode()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LogWarning)
        found = access_log(io.BytesIO(content), format=name)
        items = list(found)
    assert all(isinstance(one, BotEvent | UnreadableLine) for one in items)
    assert len(items) == len(objects)
