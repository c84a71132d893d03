"""Files of fsspec."""

from __future__ import annotations

import gzip

import pytest

from omnivery.readers import ndjson
from tests.support.opened import THREE, data_of


def test_files_of_fsspec_are_read_as_they_are_opened_or_not() -> None:
    fsspec = pytest.importorskip("fsspec")
    with fsspec.open("memory://logs/a.gz", "wb") as file:
        file.write(gzip.compress(THREE))
    assert data_of(ndjson(fsspec.open("memory://logs/a.gz"))) == THREE.splitlines()
    assert data_of(ndjson(fsspec.open_files("memory://logs/*"))) == THREE.splitlines()
    with fsspec.open("memory://logs/a.gz") as file:
        assert data_of(ndjson(file)) == THREE.splitlines()
    source = ndjson(fsspec.open("memory://logs/a.gz"))
    assert source.name == "memory:///logs/a.gz"
    assert source.progress == (0, len(gzip.compress(THREE)))
