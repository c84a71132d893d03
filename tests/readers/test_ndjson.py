"""NDJSON: lines are handed on as bytes, unparsed, unless their values have to be converted."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from omnivery.events.event import BotEvent, EventLine
from omnivery.events.validation import fault_of
from omnivery.readers import json as json_reader
from omnivery.readers import ndjson, read

PLAIN = {"ip": "192.0.2.1", "uas": "x", "event_id": "a"}
EXPORTED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "BigQuery": ({"ts": "2026-05-17 10:05:03.123456 UTC"}, {"ts": 1_779_012_303}),
    "BigQuery's whole numbers": ({"ts": "1779012303"}, {"ts": 1_779_012_303}),
    "ISO 8601": ({"message_ts": "2026-05-17T12:05:03+02:00"}, {"message_ts": 1_779_012_303}),
    "a fraction": ({"ts": 1_779_012_303.75}, {"ts": 1_779_012_303}),
    "pandas' milliseconds": ({"ts": 1_779_012_303_123}, {"ts": 1_779_012_303}),
    "a number as the key": ({"event_id": 9_007_199_254_740_993}, {"event_id": "9007199254740993"}),
    "PostgreSQL's inet": ({"ip": "192.0.2.1/32"}, {}),
    "a port": ({"ip": "192.0.2.1:443"}, {}),
    "MongoDB": (
        {"ts": {"$date": {"$numberLong": "1779012303123"}}, "event_id": {"$oid": "65a0c0ffee"}},
        {"ts": 1_779_012_303, "event_id": "65a0c0ffee"},
    ),
}
"""What tools write in place of the form that the API takes, and what is sent of it."""


def test_a_line_comes_out_byte_for_byte() -> None:
    """Spacing, escapes and the order of keys are the user's: the bytes go into the batch as they are."""
    line = b'  {"uas" : "A\\u00e9\xc3\xa9",  "ip":"192.0.2.1","event_id":"1", "own":{"n":1.50}} '
    assert list(ndjson(io.BytesIO(line + b"\n"))) == [EventLine(data=line, line=1)]


def test_a_line_that_is_no_json_is_left_to_the_bulk_run() -> None:
    """The run has to look at every line anyway: two looks would cost twice, and could disagree."""
    assert list(ndjson(io.BytesIO(b"no json\n[1]\n"))) == [
        EventLine(data=b"no json", line=1),
        EventLine(data=b"[1]", line=2),
    ]


@pytest.mark.parametrize("reader", [ndjson, read])
@pytest.mark.parametrize(("written", "sent"), EXPORTED.values(), ids=EXPORTED)
def test_values_are_converted_that_the_api_would_not_take(
    reader: Callable[[Any], Any], written: dict[str, Any], sent: dict[str, Any]
) -> None:
    """Every row of such an export was rejected, or had a time in another millennium."""
    line = json.dumps({**PLAIN, "own": 1.5, **written})
    first, second = reader(io.BytesIO(f"{line}\n{json.dumps(PLAIN)}\n".encode()))
    assert first.to_fields() == {**PLAIN, "own": 1.5, **sent}
    assert second == EventLine(data=json.dumps(PLAIN).encode(), line=2)


@pytest.mark.parametrize(("written", "sent"), EXPORTED.values(), ids=EXPORTED)
def test_so_are_those_of_an_array(written: dict[str, Any], sent: dict[str, Any]) -> None:
    text = json.dumps([{**PLAIN, **written}, PLAIN], indent=1).encode()
    for reader in (json_reader, read):
        first, second = reader(io.BytesIO(text))
        assert first.to_fields() == {**PLAIN, **sent}
        assert isinstance(second, EventLine)


@pytest.mark.parametrize("reader", [json_reader, read])
@pytest.mark.parametrize("first", [0, 150])
def test_if_one_of_the_first_has_such_values_the_others_may_have_them(reader: Callable[[Any], Any], first: int) -> None:
    odd = {**PLAIN, "event_id": 7}
    objects = [odd if number in {first, 400} else PLAIN for number in range(500)]
    found = list(reader(io.BytesIO(json.dumps(objects).encode())))
    assert [number for number, item in enumerate(found) if isinstance(item, BotEvent)] == [first, 400]


@pytest.mark.parametrize("reader", [ndjson, read])
def test_names_may_be_in_capitals(reader: Callable[[Any], Any]) -> None:
    """Snowflake unloads columns as objects with the names that it has for them."""
    line = b'{"IP":"192.0.2.1","UAS":"x","EVENT_ID":"a","TS":"2026-05-17 10:05:03.000 Z","CAMPAIGN":"spring"}\n'
    (event,) = reader(io.BytesIO(line))
    assert event.to_fields() == {**PLAIN, "ts": 1_779_012_303, "CAMPAIGN": "spring"}


def test_an_event_without_an_id_gets_one_that_stays() -> None:
    line = b'{"ip":"192.0.2.1","uas":"x","ts":1779012303}\n'
    found = [event.event_id for event in ndjson(io.BytesIO(line * 2))]
    assert found == [event.event_id for event in read(io.BytesIO(line * 3))][:2]
    assert len({*found}) == 2


def test_what_no_conversion_helps_is_rejected_as_the_line_that_it_is() -> None:
    """The run then says the line and the id."""
    lines = [b'{"ip":"192.0.2.1","uas":"x","event_id":7}', b'{"ip":"no address","uas":"x","event_id":"b"}']
    first, second = ndjson(io.BytesIO(b"\n".join(lines)))
    assert isinstance(first, BotEvent)
    assert second == EventLine(data=lines[1], line=2)
    assert fault_of(second) == "ip is not an IPv4 or IPv6 address"
