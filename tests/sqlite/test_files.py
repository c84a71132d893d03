"""Opening a file of ours: created in one way, told apart from others, and left as it was if it is refused."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from attrs import evolve

from omnivery._sqlite import files
from omnivery._sqlite.database import Database, Interruption
from omnivery._sqlite.files import open_file, open_temporary, open_to_read, upgrade
from omnivery._sqlite.kind import FileKind
from omnivery.errors import ConfigError, OmniveryError

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX's")


@contextmanager
def opened(path: Path, kind: FileKind) -> Iterator[Database]:
    database = open_file(path, kind, timeout=5.0)
    try:
        yield database
    finally:
        database.close()


def write(database: Database, words: str) -> None:
    with database.use(ConfigError) as connection:
        connection.execute("INSERT INTO note (words) VALUES (?)", (words,))


def read(database: Database) -> list[str]:
    with database.use(ConfigError) as connection:
        return [words for [words] in connection.execute("SELECT words FROM note ORDER BY id")]


def pragma(database: Database, name: str) -> object:
    with database.use(ConfigError) as connection:
        [value] = connection.execute(f"PRAGMA {name}").fetchone()
    return value


@posix
def test_a_new_file_and_those_beside_it_are_their_owner_s_alone(tmp_path: Path, kind: FileKind) -> None:
    with opened(tmp_path / "notes", kind) as database:
        write(database, "x")
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == dict.fromkeys(("notes", "notes-shm", "notes-wal"), 0o600)


def test_a_new_file_has_its_kind_s_mark_layout_and_tables(tmp_path: Path, kind: FileKind) -> None:
    with opened(tmp_path / "notes", kind) as database:
        found = [pragma(database, name) for name in ("application_id", "user_version", "page_size", "journal_mode")]
        assert (database.path, read(database)) == (tmp_path / "notes", [])
    assert found == [kind.application_id, kind.version, 8192, "wal"]


def test_settings_hold_for_every_connection(tmp_path: Path, kind: FileKind) -> None:
    for _ in range(2):
        with opened(tmp_path / "notes", kind) as database:
            assert pragma(database, "synchronous") == 3  # SQLite's own default is 2


def test_what_was_written_is_there_the_next_time(tmp_path: Path, kind: FileKind) -> None:
    for words in ("one", "two"):
        with opened(tmp_path / "notes", kind) as database:
            write(database, words)
    with opened(tmp_path / "notes", kind) as database:
        assert read(database) == ["one", "two"]


@posix
def test_the_name_of_a_new_file_is_written_to_the_disk(
    tmp_path: Path, kind: FileKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(files, "sync_directory", synced.append)
    for _ in range(2):
        with opened(tmp_path / "notes", kind):
            pass
    assert synced == [tmp_path], "once, when it was made"


# Files of an earlier version


def first(kind: FileKind) -> FileKind:
    """The kind as the release knew it that wrote version 1."""
    return evolve(kind, version=1, upgrades={})


def test_a_file_of_an_earlier_version_is_opened_as_it_is_until_it_is_upgraded(tmp_path: Path, kind: FileKind) -> None:
    with opened(tmp_path / "notes", first(kind)) as database:
        write(database, "before")
    with opened(tmp_path / "notes", kind) as database, database.use(ConfigError) as connection:
        assert pragma(database, "user_version") == 1
        upgrade(connection, kind)
        connection.execute("INSERT INTO tag VALUES ('new')")
        upgrade(connection, kind)
        assert pragma(database, "user_version") == 2
    with opened(tmp_path / "notes", kind) as database, database.use(ConfigError) as connection:
        assert connection.execute("SELECT words, name FROM note, tag").fetchall() == [("before", "new")]
    with pytest.raises(ConfigError, match="newer release"), opened(tmp_path / "notes", first(kind)):
        pass


def test_an_upgrade_that_cannot_be_finished_leaves_the_file_as_it_was(tmp_path: Path, kind: FileKind) -> None:
    path = tmp_path / "notes"
    with opened(path, first(kind)) as database:
        write(database, "before")
    kind = evolve(kind, upgrades={2: evolve(kind.upgrades[2], statements=("CREATE TABLE tag (name)", "nonsense"))})
    with opened(path, kind) as database, pytest.raises(ConfigError), database.use(ConfigError) as connection:
        upgrade(connection, kind)
    with opened(path, first(kind)) as database, database.use(ConfigError) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("note",)]


# Files that are refused


def text(path: Path, kind: FileKind) -> None:
    path.write_text("dear diary, " * 100)


def foreign(path: Path, kind: FileKind) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE orders (id)")


def marked_as_another(path: Path, kind: FileKind) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA application_id = 7")


def newer(path: Path, kind: FileKind) -> None:
    with opened(path, evolve(kind, version=kind.version + 1)):
        pass


def without_a_table(path: Path, kind: FileKind) -> None:
    with opened(path, kind) as database, database.use(ConfigError) as connection:
        connection.execute("DROP TABLE tag")


def cut_short(path: Path, kind: FileKind) -> None:
    with opened(path, kind) as database:
        write(database, "x")
    path.write_bytes(path.read_bytes()[:9000])


def overwritten(path: Path, kind: FileKind) -> None:
    with opened(path, kind) as database:
        write(database, "x")
    data = bytearray(path.read_bytes())
    data[100:4096] = b"\xff" * 3996
    path.write_bytes(data)


REFUSED: list[tuple[Callable[[Path, FileKind], None], str]] = [
    (text, "not an SQLite file, or is damaged"),
    (foreign, "is an SQLite file, but no notebook"),
    (marked_as_another, "is an SQLite file, but no notebook"),
    (newer, r"newer release \(its tables are version 3, this release knows version 2\): upgrade omnivery"),
    (without_a_table, "is damaged: some of its tables are missing"),
    (cut_short, "it is damaged"),
    (overwritten, "it is damaged"),
]


@pytest.mark.parametrize(("make", "words"), REFUSED)
def test_what_is_refused_is_named_and_left_as_it_was(
    tmp_path: Path, kind: FileKind, make: Callable[[Path, FileKind], None], words: str
) -> None:
    path = tmp_path / "notes"
    make(path, kind)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=f"^notebook: {path} .*{words}.*Nothing was written"):
        open_file(path, kind, timeout=0.0)
    assert [file.name for file in tmp_path.iterdir()] == ["notes"]
    with pytest.raises(ConfigError, match=f"^notebook: {path} .*{words}.*Nothing was written"):
        open_to_read(path, kind, timeout=0.0)
    assert path.read_bytes() == before


def test_a_file_of_an_older_release_is_used(tmp_path: Path, kind: FileKind) -> None:
    with opened(tmp_path / "notes", evolve(kind, version=1)) as database:
        write(database, "old")
    with opened(tmp_path / "notes", kind) as database:
        assert read(database) == ["old"]


@posix
def test_a_file_that_may_only_be_read_is_refused_at_the_start(kind: FileKind) -> None:
    """Not with the first write, hours later. Root may write everything, so this goes on as somebody else."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "notes")
        with opened(path, kind):
            pass
        path.chmod(0o444)
        Path(folder).chmod(0o777)
        user = os.geteuid()
        try:
            if user == 0:
                os.seteuid(65534)
            with pytest.raises(ConfigError, match="it is read-only"):
                open_file(path, kind, timeout=0.0)
        finally:
            os.seteuid(user)


# Other processes


def elsewhere(path: Path, statement: str) -> subprocess.Popen[str]:
    """Another process that has executed a statement in a transaction, and waits for its standard input to end."""
    script = f"""
        import sqlite3, sys
        database = sqlite3.connect({str(path)!r}, isolation_level=None)
        database.execute({statement!r})
        print("there", flush=True)
        sys.stdin.read()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "there\n"
    return process


def test_a_file_that_another_process_keeps_locked_says_so(tmp_path: Path, kind: FileKind) -> None:
    with opened(tmp_path / "notes", kind):
        pass
    locked = pytest.raises(ConfigError, match=r"failed: another process kept it locked\. Nothing was written")
    with elsewhere(tmp_path / "notes", "BEGIN EXCLUSIVE"), locked:
        open_file(tmp_path / "notes", kind, timeout=0.05)


def test_a_file_is_opened_as_soon_as_another_process_lets_go(tmp_path: Path, kind: FileKind) -> None:
    with opened(tmp_path / "notes", kind):
        pass
    with elsewhere(tmp_path / "notes", "BEGIN EXCLUSIVE") as other:
        assert other.stdin is not None
        letting_go = threading.Timer(0.2, other.stdin.close)
        letting_go.start()
        with opened(tmp_path / "notes", kind) as database:
            write(database, "x")
        letting_go.join()


def test_waiting_for_another_process_is_interrupted(tmp_path: Path, kind: FileKind) -> None:
    """SQLite's own waiting cannot be: Ctrl-C would come half a minute later."""
    with opened(tmp_path / "notes", kind):
        pass
    interruption = Interruption()
    with elsewhere(tmp_path / "notes", "BEGIN EXCLUSIVE"):
        start = time.monotonic()
        threading.Timer(0.1, interruption.interrupt).start()
        with pytest.raises(ConfigError, match="the operation was interrupted"):
            open_file(tmp_path / "notes", kind, timeout=60.0, interruption=interruption)
        assert time.monotonic() - start < 50


def test_an_opening_that_is_refused_leaves_no_connection(tmp_path: Path, kind: FileKind) -> None:
    """An open one would keep others from the file, or it from being deleted on Windows."""
    with opened(tmp_path / "notes", kind):
        pass
    with elsewhere(tmp_path / "notes", "BEGIN EXCLUSIVE"), pytest.raises(ConfigError):
        open_file(tmp_path / "notes", kind, timeout=0.0)
    with closing(sqlite3.connect(tmp_path / "notes", timeout=0.0)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")


# Readers


def test_a_reader_sees_what_a_writer_has_committed_and_writes_nothing(tmp_path: Path, kind: FileKind) -> None:
    with opened(tmp_path / "notes", kind) as writer:
        write(writer, "one")
        reader = open_to_read(tmp_path / "notes", kind, timeout=0.0)
        assert read(reader) == ["one"]
        write(writer, "two")
        assert read(reader) == ["one", "two"]
        with pytest.raises(ConfigError, match="it is read-only"):
            write(reader, "three")
        reader.close()


@pytest.mark.parametrize("name", ["a?b", "a#b", "a%41", "a b", "ä"])
def test_a_reader_finds_a_file_whatever_its_name(tmp_path: Path, kind: FileKind, name: str) -> None:
    """It opens it as a URI, in which some characters mean something."""
    with opened(tmp_path / name, kind) as writer:
        write(writer, "x")
        reader = open_to_read(tmp_path / name, kind, timeout=0.0)
        assert read(reader) == ["x"]
        reader.close()


def test_a_reader_makes_no_file(tmp_path: Path, kind: FileKind) -> None:
    with pytest.raises(ConfigError, match=f"notebook: there is no file {tmp_path / 'notes'}"):
        open_to_read(tmp_path / "notes", kind, timeout=0.0)
    assert [*tmp_path.iterdir()] == []


def test_a_reader_refuses_an_empty_file(tmp_path: Path, kind: FileKind) -> None:
    """It is what a process leaves that is killed while it makes one: a writer goes on with it."""
    (tmp_path / "notes").touch()
    with pytest.raises(ConfigError, match="is empty"):
        open_to_read(tmp_path / "notes", kind, timeout=0.0)
    with opened(tmp_path / "notes", kind) as database:
        assert read(database) == []


# Files of no name


def test_a_temporary_file_has_the_tables_and_no_name(
    tmp_path: Path, kind: FileKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    database = open_temporary(kind)
    write(database, "x")
    assert (read(database), [*tmp_path.iterdir()]) == (["x"], [])
    database.close()


def test_a_temporary_file_without_room_is_told_in_words(kind: FileKind) -> None:
    with pytest.raises(OmniveryError, match=r"notebook: \(temporary\) failed"):
        open_temporary(evolve(kind, schema=("CREATE TABLE note (id", "")))
