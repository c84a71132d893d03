"""Files that this package writes are told from those that people have, wherever they lie."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from omnivery._sqlite.files import open_file
from omnivery._sqlite.kind import FileKind
from omnivery._sqlite.own_files import is_own
from omnivery.bulk.journal.file import JOURNAL
from omnivery.bulk.journal.store import JournalStore
from omnivery.emulator.records.schema import EMULATOR_FILE
from omnivery.webhooks.store_file import VERDICT_STORE


@pytest.mark.parametrize("kind", [JOURNAL, VERDICT_STORE, EMULATOR_FILE])
def test_a_file_of_ours_is_known_while_it_is_open_and_afterwards(tmp_path: Path, kind: FileKind) -> None:
    """Before SQLite's checkpoint, what tells its kind is in the file beside it."""
    path = tmp_path / "ours"
    with closing(open_file(path, kind, timeout=1)):
        assert all(map(is_own, tmp_path.iterdir()))
        as_another_process_finds_it = shutil.copytree(tmp_path, tmp_path / "copy")
        there = {one.name: is_own(one) for one in as_another_process_finds_it.iterdir()}
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


def test_a_database_keeps_its_locks_when_its_folder_is_listed(tmp_path: Path) -> None:
    """Another program that finds no locks takes it for closed, and deletes SQLite's log while it is being written."""
    path = tmp_path / "run.journal"
    store = JournalStore.open(path)
    try:
        before = {*tmp_path.iterdir()}
        (tmp_path / "link").symlink_to(path)
        assert all(map(is_own, tmp_path.iterdir()))
        program = (
            "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('SELECT * FROM batch'); db.close()"
        )
        subprocess.run([sys.executable, "-c", program, path], check=True)
        assert {*tmp_path.iterdir()} >= before
    finally:
        store.close()
    assert is_own(path)
