"""Files of fsspec."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest

from omnivery.events.event import EventLine, UnreadableLine
from omnivery.readers import ndjson

THREE = b'{"event_id":"1"}\n{"event_id":"2"}\n{"event_id":"3"}\n'


def ids(events: Iterator[EventLine | UnreadableLine]) -> list[bytes]:
    """The data of every line, in order."""
    return [event.data for event in events if isinstance(event, EventLine)]


def test_files_of_fsspec_are_read_as_they_are_opened_or_not() -> None:
    fsspec = pytest.importorskip("fsspec")
    with fsspec.open("memory://logs/a.gz", "wb") as file:
        file.write(gzip.compress(THREE))
    assert ids(ndjson(fsspec.open("memory://logs/a.gz"))) == THREE.splitlines()
    assert ids(ndjson(fsspec.open_files("memory://logs/*"))) == THREE.splitlines()
    with fsspec.open("memory://logs/a.gz") as file:
        assert ids(ndjson(file)) == THREE.splitlines()
    source = ndjson(fsspec.open("memory://logs/a.gz"))
    assert source.name == "memory:///logs/a.gz"
    assert source.progress == (0, len(gzip.compress(THREE)))
