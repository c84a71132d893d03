"""What a run takes of a file is what iteration gives, however much it takes at once, and however lines are cut."""

from __future__ import annotations

import gzip
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omnivery import readers
from omnivery.bulk.source import Slices
from omnivery.errors import SourceError
from omnivery.events.encoded import LineBlock, all_decoded
from omnivery.readers import _origin
from omnivery.readers._slices import FileSlices

pytest.importorskip("msgspec")

SOUND = b'{"ip":"192.0.2.1","uas":"x","event_id":"%d"}'
lines = st.lists(
    st.one_of(
        st.builds(lambda number: SOUND % number, st.integers(0, 10**6)),
        st.sampled_from(
            [b"", b"  ", b"{", b"\xff", b'{"ip":"x"}', SOUND % 1 + SOUND % 2, b"\0" + SOUND % 3, b"x" * 300]
        ),
    ),
    max_size=12,
)


def slices(events: Any) -> FileSlices[Any]:
    events.allow_encoded()
    stream = events.stream()
    assert isinstance(stream, FileSlices)
    return stream


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(lines, st.sampled_from([b"\n", b"\r\n"]), st.tuples(st.integers(1, 9), st.integers(20, 200)))
def test_it_is_what_iteration_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: list[bytes], ending: bytes, sizes: tuple[int, int]
) -> None:
    """A last line without an ending is among them: that of a list that does not end with a blank one."""
    count, piece = sizes
    monkeypatch.setattr(_origin, "PIECE", piece)
    path = tmp_path / "events.ndjson"
    path.write_bytes(ending.join(data))
    by_iteration, events = readers.ndjson(path), readers.ndjson(path)
    stream, taken = slices(events), list[Any]()
    while some := stream.take(count):
        assert len(some) <= count
        taken += all_decoded(some)
    assert taken == list(by_iteration)
    assert events.skipped == by_iteration.skipped


def test_sound_lines_are_handed_over_as_the_text_that_they_are(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"".join(SOUND % number + b"\n" for number in range(5_000)))
    stream = slices(readers.ndjson(path))
    first, second = stream.take(500), stream.take(500)
    assert isinstance(first, LineBlock)
    assert isinstance(second, LineBlock)
    assert (len(first), first.first, second.first) == (500, 1, 501)
    assert [item[1] for item in second] == [SOUND % number for number in range(500, 1_000)]
    assert second[3] == next(iter(second[3:4]))


def test_an_error_comes_out_behind_what_was_read_before_it(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson.gz"
    whole = gzip.compress(b"".join(SOUND % number + b"\n" for number in range(50_000)))
    path.write_bytes(whole[: len(whole) // 2])
    stream = slices(readers.ndjson(path))
    sizes: list[int] = []
    with pytest.raises(SourceError):
        sizes.extend(map(len, iter(partial(stream.take, 500), [])))
    assert sum(sizes) > 500


def test_items_can_be_taken_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(SOUND % 1 + b"\n\n" + SOUND % 2)
    stream: Slices[Any] = slices(readers.ndjson(path))
    assert [item[2] for item in stream] == [1, 3]
