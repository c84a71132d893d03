"""The hot path agrees with the slow one on any input: what it takes is sound, and encoded to the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from omnivery import codec
from omnivery.automations import BotEvent, EventLine
from omnivery.events import sound_lines as sound_lines_module
from omnivery.events.encoded import CHECKED, LINE
from omnivery.events.encoding import encode_batch
from omnivery.events.event import FIELDS, EventLike
from omnivery.events.prepared import prepared
from omnivery.events.sound_lines import ids_of_sound
from omnivery.events.validation import event_id_of, faults_of
from tests.support.bots import WEBHOOK

SOUND: dict[str, Any] = {"ip": "192.0.2.1", "uas": "x", "event_id": "e1"}
LINE_OF_SOUND = b'{"ip":"192.0.2.1","uas":"x","event_id":"e1"}'

law = settings(max_examples=150, deadline=None)

addresses = st.sampled_from(
    ["192.0.2.1", "2001:db8::1", "::1", "::ffff:192.0.2.1", "0:0:0:0:0:FFFF:1.2.3.4", "192.0.2", "192.0.2.1\n", "", "x"]
)
odd = st.sampled_from(
    [None, 5, 1.0, True, "", "é", "\ud800", [], {}, {"a": 1}, 2**63, 2**64, -(2**63) - 1, float("inf"), object(), b"x"]
)
fields = st.fixed_dictionaries(
    {"ip": addresses, "uas": st.sampled_from(["x", "y é"]), "event_id": st.text("ab", min_size=1, max_size=2)},
    optional={
        "ts": st.sampled_from([1_700_000_000, None]),
        "message_ts": st.sampled_from([1, None]),
        "action": st.sampled_from(["open", None]),
        "domain": st.just("example.com"),
        "message_id": st.just("m"),
    },
)
members = st.one_of(
    fields,
    st.builds(lambda given, name, value: {**given, name: value}, fields, st.sampled_from([*FIELDS, "mine"]), odd),
)


def event_of(given: dict[str, Any]) -> BotEvent:
    return BotEvent(**{name: value for name, value in given.items() if name in FIELDS})


COMPLETE: dict[str, Any] = {
    **SOUND,
    "action": "open",
    "domain": "example.com",
    "recipient_id": "r",
    "message_id": "m",
    "ts": 1,
    "message_ts": 2,
    "attributes": {"mine": 1},
}


def changed(event: BotEvent, name: str, value: Any) -> BotEvent:
    setattr(event, name, value)
    return event


own = st.one_of(st.none(), st.dictionaries(st.sampled_from(["a", "b", "ip", "webhook_url"]), odd, max_size=2))
events = st.one_of(
    members.map(event_of),
    st.builds(lambda given, own: BotEvent(**given, attributes=own), fields, own),
    st.builds(lambda given: BotEvent(**given, attributes=MappingProxyType({"a": 1})), fields),
    st.builds(
        changed,
        st.builds(lambda: BotEvent(**COMPLETE)),
        st.sampled_from([*FIELDS, "attributes"]),
        st.one_of(odd, st.sampled_from([1, "x", {"ip": "192.0.2.9"}])),
    ),
)

pieces = st.sampled_from(
    [
        LINE_OF_SOUND,
        b'{"ip": "192.0.2.2", "uas": "y", "event_id": "e2", "mine": [1, {"a": "\\u00e9"}]}',
        b'{"ip":"2001:db8::1","uas":"y","event_id":"e3","ts":1,"message_ts":null}',
        b'{"\\u0069p":"192.0.2.2","uas":"y","event_id":"e2"}',
        b'{"ip":"192.0.2.1","ip":"x","uas":"y","event_id":"e2"}',
        b'{"ip":"::ffff:192.0.2.1","uas":"y","event_id":"e2"}',
        b'{"ip":"192.0.2.1","uas":"x","event_id":"e1","ts":1.0}',
        b'{"ip":"192.0.2.1","uas":"x","event_id":"e1","ts":123456789012345678901234567890}',
        b'{"ip":"192.0.2.1","uas":"x","event_id":"e1","z":1e999}',
        b'{"ip":"192.0.2.1","uas":"x","event_id":"e1","z":"\xff"}',
        b'{"ip":"192.0.2.1","uas":"x","event_id":"e1","z":"\\ud800"}',
        b'{"ip":"192.0.2.1","uas":"x","event_id":"e1","z":"\x01"}',
        b'{"ip":"192.0.2.1","uas":"x","event_id":"e1","z":' + b"[" * 1100 + b"]" * 1100 + b"}",
        b'{"ip":"192.0.2.1","uas":"x","event_id":"e1","z":NaN}',
        b'{"ip":"","uas":"x","event_id":"e1"}',
        b'{"ip":"192.0.2.1","uas":"","event_id":"e1"}',
        # Halves that are JSON together, and two objects where one is due.
        b'{"ip":"192.0.2.1","uas":"x","event_id":"e1","z":[{}',
        b"{}]}",
        b'{"ip":"192.0.2.1","uas":"x","event_id":"e1","z":"a',
        b'b"}',
        LINE_OF_SOUND + b"," + LINE_OF_SOUND,
        LINE_OF_SOUND + b",7," + LINE_OF_SOUND,
        LINE_OF_SOUND + b"\n" + LINE_OF_SOUND,
        b" " + LINE_OF_SOUND + b"\r\n",
        b"[]",
        b"7",
        b"",
        b"\xef\xbb\xbf" + LINE_OF_SOUND,
    ]
)
lines = st.lists(st.one_of(st.just(LINE_OF_SOUND), pieces), min_size=1, max_size=5)


@pytest.fixture(params=["orjson", "json"], scope="module", autouse=True)
def _with_codec(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "json":
            patch.setattr(codec, "orjson", None)
        else:
            pytest.importorskip("orjson")
        yield


def check(items: Sequence[Any]) -> bool:
    """Whether the hot path took a batch; if so, the slow path must have said the same of it."""
    found = prepared(items, WEBHOOK)
    if found is None:
        return False
    assert not any(faults_of(items))
    assert found.body == encode_batch(items, WEBHOOK)
    assert list(found.ids) == [event_id_of(item) for item in items]
    return True


@law
@given(st.lists(members, min_size=1, max_size=4))
def test_mappings(items: list[EventLike]) -> None:
    check(items)


@law
@given(st.lists(events, min_size=1, max_size=4))
def test_events(items: list[EventLike]) -> None:
    check(items)


@law
@given(lines)
@example([LINE_OF_SOUND[:-1] + b',"z":[{}', b"{}]}", LINE_OF_SOUND + b"," + LINE_OF_SOUND])
@example(
    [LINE_OF_SOUND[:-1] + b',"z":[', LINE_OF_SOUND, LINE_OF_SOUND + b"]}", *[LINE_OF_SOUND + b"," + LINE_OF_SOUND] * 2]
)
def test_lines(data: list[bytes]) -> None:
    pytest.importorskip("msgspec")
    taken = check(data)
    assert check([EventLine(data=line, line=number) for number, line in enumerate(data, 3)]) == taken
    assert check([(LINE, line, number) for number, line in enumerate(data, 3)]) == taken


@pytest.mark.parametrize("more", [{}, {"ts": 1}, dict.fromkeys(FIELDS[3:7], "t") | {"ts": 1, "message_ts": 2}])
@pytest.mark.parametrize("ip", ["192.0.2.1", "2001:db8::1"])
def test_usual_batches_are_taken(more: dict[str, Any], ip: str) -> None:
    """Else the hot path were not the one that is taken."""
    given_ = {**SOUND, **more, "ip": ip}
    line = json.dumps({**given_, "mine": 5}).encode()
    batches: list[list[Any]] = [
        [{**given_, "mine": [1]}, given_],
        [BotEvent(**given_), BotEvent(**given_, attributes={"mine": {"a": None}}), BotEvent(**SOUND, attributes={})],
        [(CHECKED, line, given_["event_id"])] * 2,
        [BotEvent(**COMPLETE), BotEvent(**given_)],
    ]
    assert all(map(check, batches))
    pytest.importorskip("msgspec")
    assert check([line, LINE_OF_SOUND])
    assert check([(LINE, line, 1), (LINE, LINE_OF_SOUND, 2)])


@pytest.mark.parametrize("name", [*FIELDS, "attributes"])
@pytest.mark.parametrize("first", [COMPLETE, SOUND], ids=["complete", "sparse"])
def test_an_event_that_was_changed(first: dict[str, Any], name: str) -> None:
    """It is sent as it is now, or left to the slow path, whatever the events before it have."""
    values: list[Any] = [None, "", 5, True, 1.0, [], {"ts": 3}, {"mine": 4}]
    for value in values:
        items = [BotEvent(**first), changed(BotEvent(**COMPLETE), name, value)]
        assert check(items) == (faults_of(items) == [None, None]), value


def test_an_event_takes_no_other_attribute() -> None:
    """A misspelt field would not be sent."""
    with pytest.raises(AttributeError):
        changed(BotEvent(**COMPLETE), "foo", 1)


def test_other_batches_are_not() -> None:
    """Mixed kinds, a caller's own tuples and sub-classes have a slow path, where each event is looked at."""

    class Own(BotEvent):
        pass

    mapping: dict[str, Any] = dict(SOUND)
    checked = (CHECKED, LINE_OF_SOUND, "e1")
    for items in (
        [mapping, BotEvent(**SOUND)],
        [Own(**SOUND)],
        [(1, b"", 2)],
        [()],
        [checked, (*checked, 4)],
        [5],
        [None],
    ):
        assert prepared(items, WEBHOOK) is None  # type: ignore[arg-type]


def test_numbers_of_lines_come_along() -> None:
    pytest.importorskip("msgspec")
    for items in ([EventLine(data=LINE_OF_SOUND, line=7)], [(LINE, LINE_OF_SOUND, 7)]):
        found = prepared(items, WEBHOOK)  # type: ignore[arg-type]
        assert found is not None
        assert found.lines is not None
        assert [*found.lines] == [7]


def test_without_msgspec_lines_take_the_slow_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_lines_module, "_decoder", lambda: None)
    assert ids_of_sound([LINE_OF_SOUND], LINE_OF_SOUND) is None
    assert prepared([LINE_OF_SOUND], WEBHOOK) is None


@pytest.mark.parametrize("number", ["1e999", "9" * 400, "-1e400"])
def test_a_number_beyond_every_float_travels_as_it_is(number: str) -> None:
    """JSON limits no number, and a line's text is not changed; with msgspec or without."""
    line = LINE_OF_SOUND[:-1] + f',"z":{number}}}'.encode()
    assert faults_of([line]) == [None]
    assert encode_batch([line], WEBHOOK).endswith(b"[" + line + b"]}")
