"""Files of providers' payloads, recognized by `read`."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from omnivery.events.event import BotEvent, EventLine
from omnivery.readers import events, read
from omnivery.readers._provider_formats import PROVIDER_FORMATS
from omnivery.readers._providers import PROVIDERS
from tests.readers.test_events import CLICKS, sns

NAMES = [one.name for one in PROVIDER_FORMATS]


def test_each_provider_is_recognized() -> None:
    """Omnivery's payloads are those of Mailgun."""
    assert {*NAMES, "omnivery"} == {*PROVIDERS}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layout", ["lines", "list", "wide", "named"])
def test_their_files_are_read_as_events_reads_them(name: Any, layout: str, tmp_path: Path) -> None:
    """Their clicks were taken for requests in a server's log, under other ids, or rejected; opens were rejected."""
    calls = CLICKS[name]
    texts = {
        "lines": f"{json.dumps(calls)}\n" * 3,
        "list": json.dumps([calls] * 3),
        "wide": json.dumps([calls] * 3, indent=2),
        "named": f"{json.dumps(calls)}\n" * 3,
    }
    path = tmp_path / "calls"
    path.write_text(texts[layout])
    expected = list(events(path, provider=name))
    assert len(expected) >= 3
    found = read(path, format=name) if layout == "named" else read(path)
    assert list(found) == expected


def test_so_are_those_within_what_a_queue_puts_around_them() -> None:
    line = json.dumps(sns(CLICKS["ses"])) + "\n"
    assert list(read(io.BytesIO(line.encode()))) == list(events(line.encode(), provider="ses"))


def test_what_is_neither_an_open_nor_a_click_is_counted() -> None:
    found = read(io.BytesIO(b'{"event":"delivered","sg_event_id":"a","ip":"192.0.2.1"}\n' * 2))
    assert list(found) == []
    assert found.skipped == {"delivered": 2}


@pytest.mark.parametrize("mark", ['"msys": {', '"sg_event_id": "', '"RecordType": "', '"event-data": {'])
def test_one_request_does_not_make_a_log_anything_else(mark: str) -> None:
    """A client may send any user agent."""
    own = {"time": "2026-05-17T10:05:03Z", "remote_addr": "198.51.100.7", "uri": "/c/1"}
    requests = [{**own, "http_user_agent": agent} for agent in (mark, "x", "y", "z")]
    for text in (json.dumps(requests), json.dumps({"Records": requests}), "\n".join(map(json.dumps, requests))):
        assert [type(one) for one in read(io.BytesIO(text.encode()))] == [BotEvent] * 4


def test_an_event_in_the_apis_names_may_have_such_members() -> None:
    line = b'{"ip":"192.0.2.1","uas":"x","event_id":"a","type":"email.clicked","sg_event_id":"b","msys":{}}\n'
    assert [type(one) for one in read(io.BytesIO(line * 3))] == [EventLine] * 3


def test_names_that_the_caller_gives_are_taken_at_their_word() -> None:
    line = b'{"event":"click","sg_event_id":"a","ip":"192.0.2.1","useragent":"x"}\n'
    (event,) = read(io.BytesIO(line), columns={"sg_event_id": "event_id", "useragent": "uas"})
    assert (event.ip, event.uas, event.event_id) == ("192.0.2.1", "x", "a")
