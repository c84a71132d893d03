"""One writer for one journal: by whatever name, in whatever process, and never a child that knows nothing of it."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from omnivery.bulk.journal import lock as journal_lock
from omnivery.bulk.journal.reader import JournalReader
from omnivery.bulk.journal.sql import JournalEntry
from omnivery.bulk.journal.store import JournalStore
from omnivery.bulk.part import BatchDelta
from omnivery.errors import ConfigError, JournalError

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX's")
NOTHING = [JournalEntry(delta=BatchDelta(number=0, source=1, counted=False, unfinished=False))]


@contextmanager
def opened(path: Path | str) -> Iterator[JournalStore]:
    store = JournalStore.open(path)
    try:
        yield store
    finally:
        store.close()


def elsewhere(path: Path) -> str:
    """What another process says that opens it."""
    script = f"""
        from omnivery.bulk.journal.store import JournalStore
        from omnivery.errors import ConfigError
        try:
            JournalStore.open({str(path)!r}).close()
        except ConfigError as error:
            print(error)
        else:
            print("opened")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def other_names(path: Path) -> list[Path]:
    """Symbolic links to a file, and a way to it through another folder."""
    link, folder = path.with_name("link"), path.with_name("folder")
    link.symlink_to(path)
    folder.symlink_to(path.parent, target_is_directory=True)
    path.with_name("sub").mkdir()
    return [link, folder / path.name, path.with_name("sub") / ".." / path.name]


def test_a_second_writer_is_told_so_by_every_name(tmp_path: Path) -> None:
    """It sent every event twice, and SQLite's two logs damaged the file."""
    path = tmp_path / "j"
    with opened(path):
        for name in (path, *other_names(path)):
            with pytest.raises(ConfigError, match="one writer"):
                JournalStore.open(name)
            assert "one writer" in elsewhere(name)
    for name in (tmp_path / "link", tmp_path / "folder" / "j"):
        assert elsewhere(name) == "opened"
    assert not list(tmp_path.glob("link-*"))


def test_a_symbolic_link_may_come_before_its_journal(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "j")
    with opened(tmp_path / "link") as store:
        assert store.path == tmp_path / "j"
        with pytest.raises(ConfigError, match="one writer"):
            JournalStore.open(tmp_path / "j")


def test_a_journal_with_a_second_name_by_a_hard_link_is_refused(tmp_path: Path) -> None:
    """SQLite's log lies beside each of the names, and neither knows of the other."""
    path, link = tmp_path / "j", tmp_path / "sub" / "link"
    link.parent.mkdir()
    with opened(path):
        link.hardlink_to(path)
        for name in (path, link):
            with pytest.raises(ConfigError, match="hard link"):
                JournalStore.open(name)
        assert "hard link" in elsewhere(link)
    with pytest.raises(ConfigError, match="hard link"):
        JournalReader.open(link)
    link.unlink()
    assert elsewhere(path) == "opened"


def test_a_relative_path_is_the_same_file_wherever_the_process_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one").mkdir()
    monkeypatch.chdir(tmp_path / "one")
    with opened("j") as store:
        monkeypatch.chdir(tmp_path)
        store.transact(NOTHING)
        assert store.path == tmp_path / "one" / "j"
        with JournalReader.open(store.path) as reader:
            assert reader.path == store.path
    assert sorted(one.name for one in (tmp_path / "one").iterdir()) == ["j", "j-lock"]


@pytest.mark.parametrize("name", ["", ":memory:", "file:j?mode=memory", ":", "a\0b"])
def test_what_names_no_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A journal in memory keeps nothing, and says nothing of it."""
    monkeypatch.chdir(tmp_path)
    for opening in (JournalStore.open, JournalReader.open):
        with pytest.raises(ConfigError, match="journal: "):
            opening(name)
    assert [*tmp_path.iterdir()] == []


def test_a_path_of_bytes_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected the path of a file"):
        JournalStore.open(os.fsencode(tmp_path / "j"))  # type: ignore[arg-type]


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="not a regular file"):
        JournalStore.open(tmp_path / "pipe")


def test_a_loop_of_links_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(ConfigError, match="journal: "):
        JournalStore.open(tmp_path / "a")


@posix
@pytest.mark.parametrize("how", ["moved", "deleted", "replaced"])
def test_a_journal_that_is_moved_while_it_is_written_is_told(tmp_path: Path, how: str) -> None:
    """Or what it promises would be kept in a file that nobody finds, and another writer could begin beside it."""
    path = tmp_path / "j"
    store = JournalStore.open(path)
    store.transact(NOTHING)
    if how == "deleted":
        path.unlink()
    else:
        path.rename(tmp_path / "moved")
    if how == "replaced":
        path.write_bytes(b"")
    with pytest.raises(JournalError, match="was moved, replaced or deleted"):
        store.transact(NOTHING)
    if how == "moved":
        with pytest.raises(ConfigError, match="one writer"):
            JournalStore.open(tmp_path / "moved")
    with pytest.raises(JournalError):
        store.close()
    assert elsewhere(path) == "opened"


@posix
def test_a_child_that_outlives_its_parent_does_not_keep_the_lock(tmp_path: Path) -> None:
    """A worker process of a pool, forked while the journal was open, and which never touches it."""
    path = tmp_path / "j"
    script = f"""
        import os, signal, time
        from omnivery.bulk.journal.store import JournalStore
        store = JournalStore.open({str(path)!r})
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        print(child, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            parent.wait()
            assert elsewhere(path) == "opened"
            with opened(path):
                assert "one writer" in elsewhere(path)
        finally:
            os.kill(child, signal.SIGKILL)


@posix
def test_a_child_neither_writes_nor_closes_what_its_parent_opened(tmp_path: Path) -> None:
    """It says so, it cannot open the journal a second time, and it takes none of the parent's locks away."""
    path = tmp_path / "j"
    script = f"""
        import os
        from omnivery.bulk.journal.store import JournalStore
        from omnivery.bulk.journal.sql import JournalEntry
        from omnivery.bulk.part import BatchDelta
        from omnivery.errors import ConfigError
        nothing = [JournalEntry(delta=BatchDelta(number=0, source=1, counted=False, unfinished=False))]

        def told(work):
            try:
                work()
            except ConfigError as error:
                return str(error)
            return "done"

        store = JournalStore.open({str(path)!r})
        if os.fork() == 0:
            print(told(lambda: store.transact(nothing)))
            print(told(store.close))
            print(told(lambda: JournalStore.open({str(path)!r})), flush=True)
            del store
            os._exit(0)
        os.wait()
        store.transact(nothing)
        print(told(lambda: JournalStore.open({str(path)!r})))
        store.close()
        JournalStore.open({str(path)!r}).close()
        print("closed")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    said = done.stdout.splitlines()
    assert ["before a fork" in said[0], "one writer" in said[2], "one writer" in said[3]] == [True] * 3
    assert (said[1], said[4]) == ("done", "closed")


@posix
def test_a_file_system_without_locks_is_told_from_another_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network file systems have none: waiting for another run to end would be for ever."""

    def fail(_: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(journal_lock, "_lock_at_once", fail)
    with pytest.raises(ConfigError, match="No locks available"):
        JournalStore.open(tmp_path / "j")
    monkeypatch.undo()
    with opened(tmp_path / "j"):
        pass
