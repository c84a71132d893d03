"""Places of many files: what a run hands on of them is enough to know all of them."""

from __future__ import annotations

from random import Random

import pytest
from attrs import evolve

from omnivery.readers import _place
from omnivery.readers._place import Place, Places, digest
from tests.support.growing import KeptPosition


def place(line: int, *, pending: bool = False) -> Place:
    return Place(head_bytes=1, head=digest(b"%d" % line), line=line, path=f"/log/{line}", pending=pending)


def test_a_delta_holds_what_has_changed_since_the_last_one() -> None:
    places = Places.of({"files": {"a": {"line": 2}, "b": {"line": 3}}, "past": [{"line": 4}]})
    first = places.take_delta()
    assert (first.is_whole, first.count) == (True, 3)
    assert first.entries == {("files", "a"): {"line": 2}, ("files", "b"): {"line": 3}, ("past", "0"): {"line": 4}}
    assert places.take_delta().entries == {}
    places.keep("b", Place(line=9))
    places.drop("a")
    places.add_past([Place(line=7)])
    later = places.take_delta()
    assert (later.is_whole, later.count, later.rest) == (False, 3, {})
    assert later.entries == {("files", "a"): None, ("files", "b"): {"line": 9}, ("past", "1"): {"line": 7}}


def test_what_says_nothing_is_not_written() -> None:
    assert Place().as_json() == {}
    assert Place(line=2, state=["a"], pending=True).as_json() == {"line": 2, "state": ["a"], "pending": True}


@pytest.mark.parametrize("seed", range(20))
def test_deltas_add_up_to_the_position_whatever_becomes_of_the_files(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One past place more may push out an earlier one, unless a run has still to read on there."""
    monkeypatch.setattr(_place, "KEPT", 3)
    random, places, kept = Random(seed), Places(), KeptPosition()
    for step in range(200):
        name, past = random.choice("abcdef"), [*places.past]
        match random.randrange(6):
            case 0 | 1:
                places.keep(name, place(step))
            case 2:
                places.drop(name)
            case 3:
                places.add_past([place(step, pending=random.random() < 0.5)])
            case 4 if past:
                serial = random.choice(past)
                places.keep_past(serial, evolve(places.past[serial], pending=False))
            case 5 if past:
                places.drop_past(places.past[random.choice(past)])
        if random.random() < 0.4:
            kept.add(places.take_delta())
            assert kept.as_said() == places.as_json()
        if random.random() < 0.05:
            # Another run: all that it does not keep any more is gone.
            places = Places.of(random.choice([kept.position, kept.as_said()]))
            kept.add(places.take_delta())
            assert kept.as_said() == places.as_json()


def test_to_forget_a_place_leaves_those_like_it() -> None:
    places = Places()
    places.add_past([place(1), evolve(place(1), line=2), place(3)])
    places.drop_past(evolve(place(1), line=2))
    assert [*places.past.values()] == [place(1), place(3)]
    places.drop_past(place(7))
    places.add_past([place(8)])
    assert [*places.past.values()] == [place(1), place(3), place(8)]
