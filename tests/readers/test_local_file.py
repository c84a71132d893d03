"""What lies at a path is read, closed, and measured."""

from __future__ import annotations

import gc
import gzip
import io
import random
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from omnivery.readers import access_log, ndjson, read
from omnivery.readers._file_source import FileSource
from tests.support.opened import THREE, data_of

Reader: TypeAlias = Callable[[FileSource], Iterator[object]]


def many_lines(count: int) -> list[bytes]:
    """Lines that gzip cannot pack well, so that a few thousand fill several pieces."""
    source = random.Random(7)
    return [b'{"event_id":"%d-%s"}' % (n, source.randbytes(60).hex().encode()) for n in range(count)]


@pytest.mark.parametrize("as_path", [str, Path])
def test_a_path_is_read(tmp_path: Path, as_path: type[str | Path]) -> None:
    """Both kinds of path name the same file."""
    (tmp_path / "events.ndjson").write_bytes(THREE)
    assert data_of(ndjson(as_path(tmp_path / "events.ndjson"))) == THREE.splitlines()


def test_gzip_is_known_by_its_content_and_not_by_its_name(tmp_path: Path) -> None:
    """Rotated logs are renamed at will: `access_log.1` may be packed, and `x.gz` may be plain."""
    (tmp_path / "packed.1").write_bytes(gzip.compress(THREE))
    (tmp_path / "plain.gz").write_bytes(THREE)
    assert data_of(ndjson(tmp_path / "packed.1")) == data_of(ndjson(tmp_path / "plain.gz")) == THREE.splitlines()


@pytest.mark.parametrize("reader", [ndjson, access_log, read])
@pytest.mark.parametrize("taken", [0, 1, 3])
def test_a_dropped_iterator_closes_its_file(tmp_path: Path, reader: Reader, taken: int) -> None:
    """A run that stops early, or never starts, leaves no open file behind."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(THREE)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        events = reader(path)
        for _ in range(taken):
            next(events)
        del events
        gc.collect()
    assert seen == []


def test_how_far_reading_came_is_told_in_bytes_of_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "packed"
    path.write_bytes(gzip.compress(b"".join(b"%s\n" % one for one in many_lines(5000))))
    source = ndjson(path)
    assert source.progress == (0, path.stat().st_size)
    next(source)
    done, size = source.progress
    assert size is not None
    assert 0 < done < size
    list(source)
    assert source.progress == (size, size)
    assert ndjson(io.BytesIO(THREE)).progress == (0, None)
