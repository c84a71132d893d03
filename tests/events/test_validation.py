"""Which items can be sent, and that the reason for refusing one never repeats what is in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from attrs import asdict

from omnivery import codec
from omnivery.automations import BotEvent, EventLine, UnreadableLine
from omnivery.events.event import FIELD_NAMES
from omnivery.events.validation import event_id_of, fault_of
from tests.support.bots import event

SOUND: dict[str, Any] = {"ip": "203.0.113.7", "uas": "Mozilla/5.0", "event_id": "e0"}


class Whole:
    """What numpy's and pandas' integers are to us: not an int, but exactly one."""

    def __index__(self) -> int:
        return 1_700_000_000


def as_event(fields: dict[str, Any]) -> BotEvent:
    return BotEvent(**fields)


def as_mapping(fields: dict[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(fields)


def as_line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode()


def as_event_line(fields: dict[str, Any]) -> EventLine:
    return EventLine(data=as_line(fields), line=7)


KINDS = [as_event, dict, as_mapping, as_line, as_event_line]


@pytest.fixture(params=["orjson", "json"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed extra changes the speed and nothing else."""
    if request.param == "json":
        monkeypatch.setattr(codec, "orjson", None)
    else:
        pytest.importorskip("orjson")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"uas": "-"},
        {"ts": 0, "message_ts": 1_700_000_000},
        {"ts": None, "message_ts": None, "action": None},
        {"ip": "2001:db8::1"},
        {"ip": "::ffff:203.0.113.7"},
    ],
)
def test_a_sound_event_has_no_fault_whatever_its_shape(kind: Any, more: dict[str, Any]) -> None:
    assert fault_of(kind({**SOUND, **more})) is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"ip": None}, "no ip"),
        ({"ip": ""}, "no ip"),
        ({"ip": 3405803783}, "ip must be text"),
        ({"ip": ["203.0.113.7"]}, "ip must be text"),
        ({"uas": None}, "no uas"),
        ({"uas": ""}, "no uas; send `-` if the client sent none"),
        ({"uas": 5}, "uas must be text"),
        ({"event_id": None}, "no event_id"),
        ({"event_id": ""}, "no event_id"),
        ({"event_id": 0}, "event_id must be text"),
        ({"event_id": True}, "event_id must be text"),
        ({"ip": "999.1.1.1"}, "ip is not an IPv4 or IPv6 address"),
        ({"ts": "1700000000"}, "ts must be a whole number of unix seconds"),
        ({"ts": 1.7e9}, "ts must be a whole number of unix seconds"),
        ({"ts": True}, "ts must be a whole number of unix seconds"),
        ({"message_ts": "yesterday"}, "message_ts must be a whole number of unix seconds"),
        ({"message_ts": False}, "message_ts must be a whole number of unix seconds"),
    ],
)
def test_each_fault_is_named(kind: Any, wrong: dict[str, Any], words: str) -> None:
    """The person who reads the report has to find the fault in a file of ten million lines."""
    assert fault_of(kind({**SOUND, **wrong})) == words


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["ip", "uas", "event_id"])
def test_each_required_field_must_be_there(kind: Any, name: str) -> None:
    fields = {key: value for key, value in SOUND.items() if key != name}
    assert fault_of(kind(fields)) == f"no {name}"


@pytest.mark.parametrize("name", ["ts", "message_ts"])
def test_an_integer_of_another_library_is_a_time(name: str) -> None:
    """Rows of a data frame hold numpy's integers."""
    assert fault_of({**SOUND, name: Whole()}) is None
    assert fault_of(BotEvent(**{**SOUND, name: Whole()})) is None


@pytest.mark.parametrize("name", sorted(FIELD_NAMES))
def test_an_own_attribute_may_not_shadow_a_field(name: str) -> None:
    """Both would travel under one name, and which of them the service reads is luck."""
    assert fault_of(event(attributes={name: "x"})) == (
        "attributes must be a mapping, and none may have the name of an event's own field"
    )


def test_the_names_guarded_are_the_fields_of_the_class() -> None:
    assert set(asdict(BotEvent())) - {"attributes"} == FIELD_NAMES


@pytest.mark.parametrize("attributes", [None, {}, {"campaign": "c1"}, MappingProxyType({"campaign": [1, None]})])
def test_own_attributes_under_names_of_their_own_are_welcome(attributes: Any) -> None:
    assert fault_of(event(attributes=attributes)) is None


@pytest.mark.parametrize("attributes", [["a"], "text", 5])
def test_attributes_that_are_no_mapping_are_a_fault(attributes: Any) -> None:
    assert fault_of(event(attributes=attributes)) is not None


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("wrap", [bytes, lambda data: EventLine(data=data, line=1)], ids=["bytes", "EventLine"])
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "blank line"),
        (b" \t\r\n", "blank line"),
        (b"not json at all", "not JSON"),
        (as_line(SOUND)[:-1], "not JSON"),
        (as_line(SOUND) + b"\xa0", "not JSON"),
        (as_line(SOUND) * 2, "not JSON"),
        (as_line({**SOUND, "score": float("nan")}), "not JSON"),
        (json.dumps(SOUND).encode("utf-16"), "not JSON"),
        (json.dumps(SOUND).encode("utf-8-sig"), "not JSON"),
        (b'{"a":' * 100_000, "not JSON"),
        (b"[" + as_line(SOUND) + b"]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"5", "not a JSON object"),
    ],
)
def test_a_line_that_holds_no_object(wrap: Any, data: bytes, words: str) -> None:
    """A line is spliced into the batch as it is: one that is no object would sink 499 others."""
    assert fault_of(wrap(data)) == words


@pytest.mark.usefixtures("parser")
def test_a_line_may_end_in_its_line_break() -> None:
    assert fault_of(as_line(SOUND) + b"\r\n") is None


@pytest.mark.parametrize("item", [None, "text", 5, bytearray(as_line(SOUND)), [], object(), Path("events.ndjson")])
def test_what_is_no_event_at_all(item: Any) -> None:
    """Somebody else's generator: the run must not die of what it yields."""
    words = fault_of(item)
    assert words == f"{type(item).__name__} is not an event: pass a BotEvent, a mapping, or one line of NDJSON as bytes"


def test_an_unreadable_line_brings_its_own_reason() -> None:
    assert fault_of(UnreadableLine(line=3, reason="longer than a megabyte")) == "longer than a megabyte"


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    "item",
    [
        event(ip="MARKER"),
        event(uas="MARKER", event_id=None),
        event(event_id="MARKER", ip="1.2.3"),
        event(ts="MARKER"),
        event(message_ts="MARKER", uas="MARKER"),
        event(attributes={"ip": "MARKER"}),
        event(attributes=["MARKER"]),
        {"MARKER": "MARKER"},
        {**SOUND, "ip": ["MARKER"]},
        as_line({**SOUND, "ip": "MARKER"}),
        as_line({**SOUND, "ts": "MARKER"}),
        b"MARKER",
        b'["MARKER"]',
        EventLine(data=b'{"MARKER', line=1),
        "MARKER",
        ["MARKER"],
    ],
)
def test_no_reason_holds_what_was_in_the_item(item: Any) -> None:
    """Reasons go to logs and tickets; addresses, agents and recipients may not."""
    words = fault_of(item)
    assert words is not None
    assert "MARKER" not in words


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("item", "found"),
    [
        (event(7), "e7"),
        (SOUND, "e0"),
        (as_line(SOUND), "e0"),
        (as_event_line(SOUND), "e0"),
        (event(event_id=None), None),
        ({"event_id": 7}, None),
        (b"not json", None),
        (b"[]", None),
        (UnreadableLine(line=1, reason="blank line"), None),
        ("e0", None),
        (None, None),
    ],
)
def test_the_id_of_a_rejected_item_is_named_where_it_can_be_read(item: Any, found: str | None) -> None:
    assert event_id_of(item) == found
