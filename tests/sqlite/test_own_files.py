"""Files that this package writes are told from those that people have, wherever they lie."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from omnivery._sqlite.files import open_file
from omnivery._sqlite.kind import FileKind
from omnivery._sqlite.own_files import is_own
from omnivery.bulk.journal.file import JOURNAL
from omnivery.emulator.records.schema import EMULATOR_FILE
from omnivery.webhooks.store_file import VERDICT_STORE


@pytest.mark.parametrize("kind", [JOURNAL, VERDICT_STORE, EMULATOR_FILE])
def test_a_file_of_ours_is_known_while_it_is_open_and_afterwards(tmp_path: Path, kind: FileKind) -> None:
    """Before SQLite's checkpoint, what tells its kind is in the file beside it."""
    path = tmp_path / "ours"
    with closing(open_file(path, kind, timeout=1)):
        there = {one.name: is_own(one) for one in tmp_path.iterdir()}
    assert {"ours", "ours-wal"} <= there.keys()
    assert all(there.values())
    assert is_own(path)
    assert is_own(tmp_path / "ours-lock")


def test_what_others_have_is_not_ours(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "theirs")) as connection:
        connection.execute("CREATE TABLE a (b)")
    (tmp_path / "log").write_bytes(b"ovjl" * 100)
    for name in ("theirs", "theirs-wal", "log", "log-lock", "-lock", "missing"):
        assert not is_own(tmp_path / name)
