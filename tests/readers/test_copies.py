"""Files that seem to be copies of each other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from omnivery import readers
from omnivery.readers._identity import FINGERPRINT
from omnivery.readers._local_file import LocalFile
from omnivery.readers.copies import copies_among

LINE = b'{"ip":"192.0.2.1","event_id":"1"}\n'


def told(folder: Path, **contents: bytes) -> list[str]:
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [*copies_among(LocalFile(name=name, key=name, path=folder / name) for name in contents)]


def test_a_copy_is_told_with_the_names_of_both(tmp_path: Path) -> None:
    first, second = told(tmp_path, log=LINE, bak=LINE, other=LINE.replace(b"1", b"2"), more=LINE * 2, old=LINE)
    assert first.startswith("bak seems to be a copy of log: ")
    assert second.startswith("old seems to be a copy of log: ")


def test_a_file_that_begins_alike_or_ends_alike_is_none(tmp_path: Path) -> None:
    same = b"x" * FINGERPRINT
    assert told(tmp_path, a=same + b"1", b=same + b"2", c=b"1" + same, d=b"2" + same, e=b"", f=b"") == []


def test_a_file_that_is_gone_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To read it fails as well, and says so."""
    monkeypatch.setattr(LocalFile, "size", 5)
    gone = [LocalFile(name=name, key=name, path=tmp_path / name) for name in "ab"]
    assert list(copies_among(gone)) == []


def test_a_source_of_several_files_notes_its_copies_before_it_is_read(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(LINE)
    os.link(tmp_path / "a", tmp_path / "c")  # which is read once
    events = readers.ndjson(tmp_path)
    [note] = events.notes
    assert f"{tmp_path / 'b'} seems to be a copy of {tmp_path / 'a'}" in note
    assert len(list(events)) == 2
    assert [one.notes for one in events.each_file()] == [[], []]
