"""Of thousands of places, those in one file are found without looking at all others."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from omnivery import readers
from omnivery.bulk.source import ResumePoint
from omnivery.readers import _known_places
from omnivery.readers._known_places import KnownPlaces
from omnivery.readers._place import Place, Places, digest, start_digest
from tests.support.growing import append, ndjson


def points(*places: Place, name: str = "source") -> list[ResumePoint]:
    """A source that has read these files."""
    files = {str(number): place.as_json() for number, place in enumerate(places)}
    return [ResumePoint(name=name, position={"files": files})]


def place_at(head: bytes, line: int = 1) -> Place:
    return Place(head_bytes=len(head), head=digest(head), start=start_digest(head), line=line)


@given(
    heads=st.lists(st.text("ab", max_size=9).map(str.encode), max_size=20),
    without=st.sets(st.integers(0, 19)),
    head=st.text("ab", max_size=12).map(str.encode),
)
def test_what_is_found_is_what_a_look_at_each_would_find(heads: list[bytes], without: set[int], head: bytes) -> None:
    """Also where an earlier release has not written how a file starts."""
    places = [place_at(one, line) for line, one in enumerate(heads)]
    places = [evolve(one, start="") if number in without else one for number, one in enumerate(places)]
    known = KnownPlaces(points(*places))
    assert known.beginning(head) == [one for one in places if one.begins(head)]
    for one in places:
        assert known.in_files_like(one) == [other for other in places if other.is_of(one)]


@given(
    data=st.data(),
    sources=st.lists(st.lists(st.text("ab", max_size=4).map(str.encode), max_size=4), max_size=5),
)
def test_places_that_have_changed_are_known_as_if_all_were_new(data: st.DataObject, sources: list[list[bytes]]) -> None:
    """From one file of a folder to the next, and to the files of another journal."""
    every = [points(*map(place_at, heads), name=str(name))[0] for name, heads in enumerate(sources)]
    known = KnownPlaces()
    for _ in range(3):
        now = data.draw(st.permutations(every))[: data.draw(st.integers(0, len(every)))]
        known.update(now)
        fresh = KnownPlaces(now)
        for head in {head for heads in sources for head in heads}:
            assert known.beginning(head + b"a") == fresh.beginning(head + b"a")
            assert known.in_files_like(place_at(head)) == fresh.in_files_like(place_at(head))
        for name in map(str, range(len(every))):
            assert known.of_source(name).all == fresh.of_source(name).all


def test_what_is_known_already_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """To read all of it for each of 1,200 files took a third of a submission's 45 s."""
    first, second = points(place_at(b"a")), points(place_at(b"b"), name="other")
    (known := KnownPlaces()).update(first)
    read, places_of = list[object](), Places.of

    def counted(position: dict[str, Any]) -> Places:
        read.append(position)
        return places_of(position)

    monkeypatch.setattr(Places, "of", counted)
    known.update([*first, *second])
    assert read == [second[0].position]


def test_a_file_is_compared_with_those_that_begin_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """To compare each of 5,000 files of different sizes with 5,000 places took ten minutes."""
    random, compared = Random(1), list[int]()
    heads = [random.randbytes(random.randrange(1, 2000)) for _ in range(300)]
    known, compare = KnownPlaces(points(*map(place_at, heads))), _known_places.beginning_of

    def counted(head: bytes, places: list[Place]) -> list[Place]:
        compared.append(len(places))
        return compare(head, places)

    monkeypatch.setattr(_known_places, "beginning_of", counted)
    for head in heads:
        assert place_at(head) in known.beginning(head + b"more")
    assert sum(compared) < 2 * len(heads)


def test_a_place_of_an_earlier_release_is_found_and_completed(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(ndjson(3))
    source: Any = readers.read(file)
    source.open(source.locate(())).take(2)
    position = json.loads(json.dumps(source.position(None)))
    [place] = position["files"].values()
    start = place.pop("start")
    append(file, ndjson(1, 3))
    again: Any = readers.read(file)
    found = again.locate([ResumePoint(name=again.name, position=position)])
    assert found.position["files"] == {str(file): {**place, "start": start}}
    assert len(again.open(found).take(10)) == 2
