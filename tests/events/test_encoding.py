"""The bytes of a batch, with both JSON codecs: every field travels, nothing is added, lines stay as they were."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from enum import Enum
from types import MappingProxyType
from typing import Any
from uuid import UUID

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omnivery import codec
from omnivery.automations import BotEvent, EventLine
from omnivery.events.encoding import encode_batch, wire_form
from omnivery.events.event import EventLike
from omnivery.events.ip_address import plain_address
from tests.support.bots import WEBHOOK, event, sent

HEAD = b'{"webhook_url":"http://127.0.0.1:9/verdicts","events":['
FULL = BotEvent(
    ip="203.0.113.7",
    uas="Mozilla/5.0 (Röntgen; \u202e\U0001f916)",
    event_id="e1",
    action="open",
    domain="example.com",
    recipient_id="r1",
    message_id="m1",
    ts=1_700_000_000,
    message_ts=1_699_999_000,
    attributes={"campaign": "c1", "deep": {"list": [1, 2.5, None, True, "x"]}},
)


class Color(Enum):
    RED = "red"


class Whole:
    """What numpy's integers are to us."""

    def __index__(self) -> int:
        return 7


class Real(float):
    """What numpy's `float64` is to us: a sub-class of float."""


@pytest.fixture(params=["orjson", "json"])
def with_codec(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed extra changes the speed and nothing else: each test runs with it and without."""
    use_codec(request.param, monkeypatch)


@pytest.fixture(params=["orjson", "json"], scope="module")
def with_codec_for_all(request: pytest.FixtureRequest) -> Iterator[None]:
    """The same for hypothesis, which wants a fixture to hold for all of its examples."""
    with pytest.MonkeyPatch.context() as patch:
        use_codec(request.param, patch)
        yield


def use_codec(name: str, patch: pytest.MonkeyPatch) -> None:
    if name == "json":
        patch.setattr(codec, "orjson", None)
    else:
        pytest.importorskip("orjson")


@pytest.mark.usefixtures("with_codec")
def test_the_golden_bytes_of_a_batch_of_events() -> None:
    """What is None is left out, own attributes stand flat beside the fields, text is UTF-8 and has no blanks."""
    assert (
        encode_batch([FULL, event(2)], WEBHOOK)
        == HEAD
        + (
            '{"ip":"203.0.113.7","uas":"Mozilla/5.0 (Röntgen; \u202e\U0001f916)","event_id":"e1","action":"open",'
            '"domain":"example.com","recipient_id":"r1","message_id":"m1","ts":1700000000,"message_ts":1699999000,'
            '"campaign":"c1","deep":{"list":[1,2.5,null,true,"x"]}},'
            '{"ip":"203.0.113.7","uas":"Mozilla/5.0","event_id":"e2"}]}'
        ).encode()
    )


@pytest.mark.parametrize("field", attrs.fields(BotEvent), ids=lambda field: field.name)
def test_every_field_of_an_event_travels(field: attrs.Attribute[Any]) -> None:
    """The encoder is written out field by field for speed: a field added to the class must not be forgotten in it."""
    value: Any = {"mine": 1} if field.name == "attributes" else 5 if "int" in str(field.type) else "x"
    needed: dict[str, Any] = {"ip": "192.0.2.1", "uas": "-", "event_id": "e1"}
    given: dict[str, Any] = {**needed, field.name: "192.0.2.7" if field.name == "ip" else value}
    own = given.pop("attributes", {})
    assert wire_form(BotEvent(**given, attributes=own or None)) == {**given, **own}


@pytest.mark.usefixtures("with_codec")
@pytest.mark.parametrize("wrap", [dict, MappingProxyType], ids=["dict", "Mapping"])
def test_a_mapping_travels_as_it_is(wrap: Callable[[dict[str, Any]], Any]) -> None:
    """In a mapping, None is a value: a caller who writes the wire form wants it sent."""
    given_: dict[str, Any] = {"ip": "::1", "ts": None, "a": [], "b": {}, "c": [[1], {"d": False}], "é": -0.5, "": "\0"}
    assert (
        encode_batch([wrap(given_)], WEBHOOK)
        == HEAD + ('{"ip":"::1","ts":null,"a":[],"b":{},"c":[[1],{"d":false}],"é":-0.5,"":"\\u0000"}]}').encode()
    )


@pytest.mark.usefixtures("with_codec")
@pytest.mark.parametrize("wrap", [bytes, lambda data: EventLine(data=data, line=1)], ids=["bytes", "EventLine"])
def test_a_line_goes_in_byte_for_byte(wrap: Callable[[bytes], EventLike]) -> None:
    """Reading a line and writing it again would lose digits, order and spelling of what is not ours."""
    lines = [
        b'{ "event_id" : "e1","n":1.000000000000000000001, "big":123456789012345678901234567890}',
        b'{"caf\\u00e9":"\\/","a":1,"a":2}',
    ]
    assert encode_batch([wrap(line) for line in lines], WEBHOOK) == HEAD + lines[0] + b"," + lines[1] + b"]}"


@pytest.mark.usefixtures("with_codec")
@pytest.mark.parametrize("ip", ["::ffff:192.0.2.1", "::FFFF:192.0.2.1", "0:0:0:0:0:fFfF:c000:201"])
@pytest.mark.parametrize(
    "kind",
    [
        lambda ip: event(ip=ip),
        lambda ip: {"uas": "-", "ip": ip},
        lambda ip: MappingProxyType({"ip": ip}),
        lambda ip: json.dumps({"n": 1, "ip": ip}).encode(),
        lambda ip: EventLine(data=b'{"ip" : "%b"}' % ip.encode(), line=1),
    ],
    ids=["BotEvent", "dict", "Mapping", "bytes", "EventLine"],
)
def test_an_ipv4_mapped_address_is_sent_as_that_ipv4_address(kind: Callable[[str], EventLike], ip: str) -> None:
    """One address, one spelling, whatever the event comes in; and the caller's own event stays as it is."""
    item, other = kind(ip), event(2, attributes={"seen": "a::ffff:b", "ip6": ip})
    kept = json.dumps(item) if isinstance(item, dict) else item
    first, second = sent(encode_batch([item, other], WEBHOOK))
    assert first["ip"] == "192.0.2.1"
    assert second["ip6"] == ip
    assert (json.dumps(item) if isinstance(item, dict) else item) == kept


@pytest.mark.usefixtures("with_codec")
@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        (
            b'{"big":1.000000000000000000001,"ip":"::ffff:192.0.2.1"}',
            b'{"big":1.000000000000000000001,"ip":"192.0.2.1"}',
        ),
        (b'{"ip":"::ffff:192.0.2.1","deep":{"ip":"::1"}}', b'{"ip":"192.0.2.1","deep":{"ip":"::1"}}'),
        (
            b'{"deep":{"ip":"::ffff:192.0.2.1"},"ip": "::ffff:192.0.2.1","big":1.000000000000000000001}',
            b'{"deep":{"ip":"::ffff:192.0.2.1"},"ip": "192.0.2.1","big":1.000000000000000000001}',
        ),
        (
            b'{"ip":"::ffff:192.0.2.1","deep":{"ip":"::ffff:192.0.2.1"}}',
            b'{"ip":"192.0.2.1","deep":{"ip":"::ffff:192.0.2.1"}}',
        ),
        (b'{"ip":"::1","ip":"::FFFF:c000:201"}', b'{"ip":"::1","ip":"192.0.2.1"}'),
        (b'{"\\u0069p":"::ffff:192.0.2.1"}', b'{"ip":"192.0.2.1"}'),
        (b'{"ip":"\\u003a:ffff:192.0.2.1"}', b'{"ip":"192.0.2.1"}'),
        (b'{"ip":"::1","note":":ffff:"}', None),
        (b'{"ip":null,"note":":ffff:"}', None),
        (b'[":ffff:"]', None),
    ],
)
def test_of_a_line_nothing_but_that_address_changes(line: bytes, becomes: bytes | None) -> None:
    """All else keeps its spelling, members of the same name within others among it; unless the address has escapes."""
    assert encode_batch([line], WEBHOOK) == HEAD + (becomes or line) + b"]}"


@pytest.mark.usefixtures("with_codec")
def test_a_mixed_batch_keeps_its_order() -> None:
    mixed: list[EventLike] = [
        event(0),
        b'{"event_id":"e1"}',
        EventLine(data=b'{"event_id":"e2"}', line=9),
        {"event_id": "e3"},
        event(4),
        b'{"event_id":"e5"}',
        {"event_id": "e6"},
    ]
    assert [item["event_id"] for item in sent(encode_batch(mixed, WEBHOOK))] == [f"e{n}" for n in range(7)]


@pytest.mark.usefixtures("with_codec")
def test_a_batch_may_be_empty() -> None:
    assert encode_batch([], WEBHOOK) == HEAD + b"]}"


@pytest.mark.usefixtures("with_codec")
def test_the_webhook_address_is_escaped() -> None:
    body = encode_batch([], 'https://example.com/?q="},{"')
    assert json.loads(body) == {"webhook_url": 'https://example.com/?q="},{"', "events": []}


@pytest.mark.usefixtures("with_codec")
@pytest.mark.parametrize("kind", ["attributes", "mapping"])
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Whole(), "7"),
        (Real(0.5), "0.5"),
        (datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), '"2024-01-02T03:04:05+00:00"'),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (Color.RED, '"red"'),
        ((1, 2), "[1,2]"),
        (MappingProxyType({"a": Whole()}), '{"a":7}'),
        (float("nan"), "null"),
        ([float("inf"), {"a": float("-inf")}], '[null,{"a":null}]'),
    ],
    ids=["index", "float", "datetime", "uuid", "enum", "tuple", "mapping", "nan", "infinity"],
)
def test_what_is_nearly_json_is_written_alike_by_both_codecs(kind: str, value: Any, text: str) -> None:
    """A NaN in one event, written as such, would make the whole batch no JSON for the server."""
    item: EventLike = event(attributes={"mine": value}) if kind == "attributes" else {"mine": value}
    assert encode_batch([item], WEBHOOK).endswith(b'"mine":' + text.encode() + b"}]}")


def deep() -> list[Any]:
    value: list[Any] = []
    for _ in range(5000):
        value = [value]
    return value


def circular() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["self"] = value
    return value


@pytest.mark.usefixtures("with_codec")
@pytest.mark.parametrize("kind", ["attributes", "mapping"])
@pytest.mark.parametrize(
    "value",
    [b"bytes", {1, 2}, object(), 1j, "\ud800", {"\ud800": 1}, {(1, 2): 3}, deep(), circular()],
    ids=["bytes", "set", "object", "complex", "surrogate", "surrogate-key", "tuple-key", "deep", "circular"],
)
def test_what_has_no_json_form_is_refused(kind: str, value: Any) -> None:
    """Refused, never guessed at: the batch machine then finds out whose it is."""
    item: EventLike = event(attributes={"mine": value}) if kind == "attributes" else {"mine": value}
    with pytest.raises((TypeError, ValueError, RecursionError)):
        encode_batch([item], WEBHOOK)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(), json_values, max_size=5)


def written(item: EventLike) -> Any:
    """What a server should see of an item."""
    if isinstance(item, BotEvent):
        fields = attrs.asdict(item)
        fields["ip"] = plain_address(fields["ip"])
        own = fields.pop("attributes") or {}
        return {**{name: value for name, value in fields.items() if value is not None}, **own}
    return json.loads(item) if isinstance(item, bytes) else item


@st.composite
def bot_events(draw: st.DrawFn) -> BotEvent:
    needed = {"ip": st.ip_addresses().map(str), "uas": st.text(min_size=1), "event_id": st.text(min_size=1)}
    fields: dict[str, Any] = {name: draw(values) for name, values in needed.items()}
    fields.update({name: draw(st.none() | st.text()) for name in ("action", "domain", "recipient_id", "message_id")})
    fields.update({name: draw(st.none() | st.integers(0, 2**40)) for name in ("ts", "message_ts")})
    own = st.dictionaries(st.text().map(lambda name: f"x-{name}"), json_values, max_size=3)
    return BotEvent(**fields, attributes=draw(st.none() | own))


@pytest.mark.usefixtures("with_codec_for_all")
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(bot_events() | objects | objects.map(lambda value: json.dumps(value, indent=1).encode()), max_size=8))
def test_what_the_server_parses_is_what_went_in(items: list[EventLike]) -> None:
    body = encode_batch(items, WEBHOOK)
    assert json.loads(body) == {"webhook_url": WEBHOOK, "events": [written(item) for item in items]}
