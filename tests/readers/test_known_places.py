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
from omnivery.readers._place import Place, digest, start_digest
from tests.support.growing import append, ndjson


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
    known = KnownPlaces(places)
    assert known.beginning(head) == [one for one in places if one.begins(head)]
    for one in places:
        assert known.in_files_like(one) == [other for other in places if other.is_of(one)]


def test_a_file_is_compared_with_those_that_begin_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """To compare each of 5,000 files of different sizes with 5,000 places took ten minutes."""
    random, compared = Random(1), list[int]()
    heads = [random.randbytes(random.randrange(1, 2000)) for _ in range(300)]
    known, compare = KnownPlaces(map(place_at, heads)), _known_places.beginning_of

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
