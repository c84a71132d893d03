"""Files that seem to be copies of each other."""

from __future__ import annotations

import os
from pathlib import Path
from threading import get_ident
from typing import Any

import pytest

from omnivery import readers
from omnivery.readers._file_events import FileEvents
from omnivery.readers._identity import FINGERPRINT
from omnivery.readers._local_file import LocalFile
from omnivery.readers.copies import note_of_copies
from tests.support.bots import run_of
from tests.support.journal import journalled
from tests.support.sync import always, meeting, response

LINE = b'{"ip":"192.0.2.1","uas":"x","event_id":"1"}\n'


def told(folder: Path, **contents: bytes) -> str | None:
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return note_of_copies(LocalFile(name=name, key=name, path=folder / name) for name in contents)


def test_a_copy_is_told_with_the_names_of_both(tmp_path: Path) -> None:
    note = told(tmp_path, log=LINE, other=LINE.replace(b'"1"', b'"2"'), more=LINE * 2, bak=LINE)
    assert note is not None
    assert note.startswith("bak seems to be a copy of log: ")


def test_many_copies_are_one_note(tmp_path: Path) -> None:
    """A folder with a copy of each of its files would be told in as many lines."""
    copies = {f"bak{n}": LINE for n in range(20)}
    note = told(tmp_path, log=LINE, more=LINE * 2, **copies, old=LINE * 2)
    assert note is not None
    assert note.startswith("21 files seem to be copies of others, with the same size, beginning and end: ")
    assert ": bak0 of log, bak1 of log, bak2 of log and 18 more. " in note


def test_a_file_that_begins_alike_or_ends_alike_is_none(tmp_path: Path) -> None:
    same = b"x" * FINGERPRINT
    assert told(tmp_path, a=same + b"1", b=same + b"2", c=b"1" + same, d=b"2" + same, e=b"", f=b"") is None


def test_a_file_that_is_gone_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To read it fails as well, and says so."""
    monkeypatch.setattr(LocalFile, "size", 5)
    gone = [LocalFile(name=name, key=name, path=tmp_path / name) for name in "ab"]
    assert note_of_copies(gone) is None


def test_a_source_of_several_files_notes_its_copies_before_it_is_read(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(LINE)
    os.link(tmp_path / "a", tmp_path / "c")  # which is read once
    events = readers.ndjson(tmp_path)
    assert next(events)
    [note] = events.notes
    assert f"{tmp_path / 'b'} seems to be a copy of {tmp_path / 'a'}" in note
    assert len([*events]) == 1
    assert events.notes == [note]
    assert [one.notes for one in events.each_file()] == [[], []]


@pytest.mark.anyio
@pytest.mark.parametrize("journal", [None, "j"])
async def test_a_run_looks_for_copies_in_a_thread_before_it_sends_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, journal: str | None
) -> None:
    """To look at thousands of files would keep the event loop of a service."""
    threads, notes = set[int](), list[int]()
    look = FileEvents.prepare

    def prepare(self: FileEvents[Any]) -> None:
        threads.add(get_ident())
        look(self)

    async def post(_: bytes) -> int:
        notes.append(len(events.notes))
        return 1

    monkeypatch.setattr(FileEvents, "prepare", prepare)
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(LINE)
    events = readers.ndjson(tmp_path / name for name in ("a", "b"))
    run = run_of(events, post) if journal is None else journalled(events, post, tmp_path / journal)
    assert (await run.finish()).accepted == 2
    assert notes == [1]
    assert len(threads - {get_ident()}) == len(threads) == 1


def test_the_synchronous_client_tells_of_copies_too(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(LINE)
    events = readers.ndjson(tmp_path)
    with meeting(always(response())) as (_, client):
        assert client.bots.submit(events).accepted == 2
    assert len(events.notes) == 1
