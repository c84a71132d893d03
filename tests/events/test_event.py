"""A `BotEvent` behaves like any mutable attrs class, although it is one mapping inside."""

from __future__ import annotations

import copy
import json
import pickle
import typing
import weakref
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnivery import BotEvent
from omnivery.events.event import FIELDS, wire_of
from omnivery.events.snapshot import snapshot
from omnivery.events.validation import fault_of

COMPLETE: dict[str, Any] = {
    "ip": "192.0.2.1",
    "uas": "Mozilla/5.0",
    "event_id": "e1",
    "action": "open",
    "domain": "a.example",
    "recipient_id": "r",
    "message_id": "m",
    "ts": 1,
    "message_ts": 2,
}
SOUND: dict[str, Any] = {"ip": "192.0.2.1", "uas": "-", "event_id": "e1"}
VALUES = st.none() | st.text(max_size=3) | st.integers()


class _Raising(Mapping[str, Any]):
    def __getitem__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError

    def __len__(self) -> int:
        return 1


@given(
    st.fixed_dictionaries(dict.fromkeys(FIELDS, VALUES)),
    st.none() | st.dictionaries(st.text(max_size=3).filter(lambda name: name not in FIELDS), VALUES),
)
def test_an_event_has_what_it_was_given(fields: dict[str, Any], own: dict[str, Any] | None) -> None:
    event = BotEvent(**fields, attributes=own)
    assert {name: getattr(event, name) for name in FIELDS} == fields
    assert event.attributes == (own or None)
    flat = {name: value for name, value in fields.items() if value is not None} | (own or {})
    assert event.to_fields() == flat == wire_of(event)
    assert BotEvent.from_fields({**fields, **(own or {})}) == event
    assert copy.copy(event) == copy.deepcopy(event) == pickle.loads(pickle.dumps(event)) == attrs.evolve(event) == event
    again = BotEvent()
    for name, value in {**fields, "attributes": own}.items():
        setattr(again, name, value)
    assert again == event


@pytest.mark.parametrize("name", FIELDS)
def test_each_field_can_be_set_and_taken_away(name: str) -> None:
    event = BotEvent(attributes={"own": 1})
    setattr(event, name, COMPLETE[name])
    assert (getattr(event, name), event) == (COMPLETE[name], BotEvent(**{name: COMPLETE[name]}, attributes={"own": 1}))
    setattr(event, name, None)
    assert (getattr(event, name), event) == (None, BotEvent(attributes={"own": 1}))
    setattr(event, name, None)


def test_attributes_are_replaced_as_a_whole() -> None:
    given = {"own": 1}
    event = BotEvent(**COMPLETE, attributes=given)
    given["own"] = 2
    assert event.attributes == {"own": 1}
    event.attributes = {"other": None}
    assert (event.attributes, event.to_fields()) == ({"other": None}, {**COMPLETE, "other": None})
    read: Any = event.attributes
    for change in (
        lambda: read.__setitem__("other", 2),
        lambda: read.__delitem__("other"),
        lambda: read.update(other=2),
        lambda: read.pop("other"),
        lambda: read.setdefault("new", 2),
        lambda: read.__ior__({"new": 2}),
        read.popitem,
        read.clear,
    ):
        with pytest.raises(TypeError, match="assign another mapping"):
            change()  # it would be lost
    assert json.loads(json.dumps(read)) == pickle.loads(pickle.dumps(read)) == copy.deepcopy(read) == {"other": None}
    assert type(copy.copy(read)) is type(read.copy()) is type(read | {}) is dict
    event.attributes = None
    assert (event.attributes, event.to_fields()) == (None, COMPLETE)


def test_no_other_name_can_be_set() -> None:
    kind: Any = BotEvent
    with pytest.raises(AttributeError):
        kind().url = "x"  # an own key is an attribute
    with pytest.raises(TypeError, match="url"):
        kind(url="x")
    with pytest.raises(TypeError, match="positional"):
        kind("192.0.2.1")


@pytest.mark.parametrize(
    "odd", [{"ip": "x"}, {"own": 1, "ts": 2}, MappingProxyType({"uas": 1}), [1], "own", _Raising()]
)
def test_attributes_that_cannot_be_sent_are_kept_and_have_a_fault(odd: Any) -> None:
    for event in (BotEvent(**SOUND, attributes=odd), BotEvent(**SOUND)):
        event.attributes = odd
        assert event.attributes is odd
        assert [getattr(event, name) for name in SOUND] == [*SOUND.values()]
        assert "attributes must be" in str(fault_of(event))
        if not isinstance(odd, _Raising):
            assert event.to_fields() == {**(odd if isinstance(odd, Mapping) else {}), **SOUND}
        event.attributes = {"own": 1}
        assert fault_of(event) is None


def test_a_copy_is_an_event_of_its_own() -> None:
    event = BotEvent(**SOUND, attributes={"tags": ["a"]})
    for again in (copy.copy(event), copy.deepcopy(event), pickle.loads(pickle.dumps(event)), attrs.evolve(event)):
        again.ts, again.attributes = 5, {"other": 1}
        assert (event.ts, event.attributes) == (None, {"tags": ["a"]})
    odd: Any = {"ip": "x"}
    clash = BotEvent(attributes=odd)
    assert copy.deepcopy(clash).attributes == pickle.loads(pickle.dumps(clash)).attributes == odd


def test_attrs_knows_its_fields() -> None:
    event = BotEvent(**SOUND, attributes={"own": 1})
    assert attrs.asdict(event) == {**dict.fromkeys(FIELDS), **SOUND, "attributes": {"own": 1}}
    assert attrs.evolve(event, ts=7, attributes=None).to_fields() == {**SOUND, "ts": 7}
    assert [each.name for each in attrs.fields(BotEvent)] == [*FIELDS, "attributes"]
    assert typing.get_type_hints(BotEvent) == {each.name: each.type for each in attrs.fields(BotEvent)}


def test_events_are_compared_by_what_they_hold() -> None:
    class Own(BotEvent):
        pass

    event = BotEvent(**SOUND, attributes={"own": 1})
    assert event == BotEvent(attributes={"own": 1}, **SOUND)
    assert event not in (BotEvent(**SOUND), SOUND, None, Own(**SOUND, attributes={"own": 1}))
    assert Own(**SOUND).to_fields() == SOUND
    with pytest.raises(TypeError, match="unhashable"):
        hash(event)
    assert weakref.ref(event)() is event


def test_the_repr_makes_the_event_again() -> None:
    event = BotEvent(**SOUND, ts=5, attributes={"tags": ["a"]})
    assert repr(event) == ("BotEvent(ip='192.0.2.1', uas='-', event_id='e1', ts=5, attributes={'tags': ['a']})")
    assert eval(repr(event)) == event


class _Incomparable:
    def __eq__(self, other: object) -> bool:
        raise ValueError("neither true nor false")

    __hash__ = None  # type: ignore[assignment]


def test_fields_may_hold_what_can_be_compared_with_nothing() -> None:
    """As an array of numpy's cannot, nor a missing value of pandas'."""
    odd = _Incomparable()
    event = BotEvent.from_fields({"ip": "192.0.2.1", "own": odd, "uas": None, "other": None})
    assert event.to_fields() == {"ip": "192.0.2.1", "own": odd, "other": None}


def test_a_subclass_may_be_made_with_attrs() -> None:
    @attrs.define(kw_only=True)
    class Click(BotEvent):
        campaign: str = "none"

    fields: dict[str, Any] = {**SOUND, "attributes": {"own": [1]}, "campaign": "c1"}
    click = Click(**fields)
    assert (click.to_fields(), click.campaign) == ({**SOUND, "own": [1]}, "c1")
    changes: dict[str, Any] = {"ip": "192.0.2.2"}
    again = attrs.evolve(click, **changes)
    assert (again.ip, again.attributes, again.campaign) == ("192.0.2.2", {"own": [1]}, "c1")
    kept = snapshot(click)
    assert kept == copy.copy(click) == click
