"""Where a file is: one file under all of its names, and nothing that SQLite would take for no file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from omnivery._sqlite.kind import FileKind
from omnivery._sqlite.paths import check_names, create_file, create_private, identity_of, resolved, sync_directory
from omnivery.errors import ConfigError

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX's")


def test_a_relative_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolved("notes", "notebook") == tmp_path / "notes"
    assert resolved(Path("sub") / ".." / "notes", "notebook") == tmp_path / "notes"


def test_a_tilde_is_a_name_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell expands it; a file of that name is not somebody's home."""
    monkeypatch.chdir(tmp_path)
    assert resolved("~", "notebook") == tmp_path / "~"


def test_symbolic_links_are_followed_before_and_after_their_file_is_there(tmp_path: Path) -> None:
    """SQLite's log lies beside the name that it is given: two names would have two logs."""
    path, link, folder = tmp_path / "notes", tmp_path / "link", tmp_path / "folder"
    link.symlink_to("notes")
    folder.symlink_to(tmp_path, target_is_directory=True)
    for _ in range(2):
        assert [resolved(name, "notebook") for name in (path, link, folder / "notes", folder / "link")] == [path] * 4
        path.touch()


@pytest.mark.parametrize("name", ["", ":memory:", ":", ":x", "file:notes", "file::memory:?cache=shared", "a\0b"])
def test_what_names_no_file_is_refused(name: str) -> None:
    """What is in memory is gone with the process, and nothing would say so."""
    with pytest.raises(ConfigError, match=r"^notebook: .*(expected the path of a file|name a file on disk)"):
        resolved(name, "notebook")


def test_a_path_of_bytes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected the path of a file"):
        resolved(os.fsencode(tmp_path / "notes"), "notebook")  # type: ignore[arg-type]


def test_a_folder_is_refused_under_each_of_its_names(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    for name in (tmp_path, tmp_path / "link"):
        with pytest.raises(ConfigError, match="is a folder: name a file in it"):
            resolved(name, "notebook")


def test_a_name_that_is_too_long_is_refused_in_words(tmp_path: Path, kind: FileKind) -> None:
    with pytest.raises(ConfigError, match=r"^notebook: "):
        create_file(resolved(tmp_path / ("n" * 300), "notebook"), kind)


@posix
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o277])
def test_a_new_file_is_its_owner_s_alone_whatever_the_umask(tmp_path: Path, kind: FileKind, mask: int) -> None:
    before = os.umask(mask)
    try:
        create_file(tmp_path / "notes", kind)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "notes").stat().st_mode) == 0o600 & ~mask


@posix
def test_a_file_that_is_there_keeps_its_content_and_its_mode(tmp_path: Path, kind: FileKind) -> None:
    path = tmp_path / "notes"
    path.write_bytes(b"dear diary")
    path.chmod(0o640)
    create_file(path, kind)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"dear diary", 0o640)


@posix
def test_a_file_that_is_there_is_not_opened(tmp_path: Path, kind: FileKind, monkeypatch: pytest.MonkeyPatch) -> None:
    """To close a descriptor of it would undo the locks that this process has on it: POSIX says so."""
    path = tmp_path / "notes"
    closed: list[int] = []
    create_file(path, kind)
    monkeypatch.setattr(os, "close", closed.append)
    create_file(path, kind)
    assert closed == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, kind: FileKind) -> None:
    with pytest.raises(ConfigError, match=r"cannot be created: No such file or directory\. Nothing was") as told:
        create_file(tmp_path / "no" / "notes", kind)
    assert str(tmp_path / "no" / "notes") in str(told.value)


@posix
def test_what_is_no_regular_file_is_refused(tmp_path: Path, kind: FileKind) -> None:
    """To open a named pipe would wait for ever for its other end."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="is not a regular file"):
        create_file(tmp_path / "pipe", kind)


@posix
def test_a_second_name_by_a_hard_link_is_refused_until_it_is_gone(tmp_path: Path, kind: FileKind) -> None:
    path, other = tmp_path / "notes", tmp_path / "other"
    create_file(path, kind)
    other.hardlink_to(path)
    for name in (path, other):
        for looking in (create_file, check_names):
            with pytest.raises(ConfigError, match="hard link"):
                looking(name, kind)
    other.unlink()
    create_file(path, kind)


@posix
def test_a_file_is_the_same_under_all_of_its_names_and_another_when_it_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.touch()
    (tmp_path / "link").symlink_to(path)
    (tmp_path / "hard").hardlink_to(path)
    assert {identity_of(tmp_path / name) for name in ("notes", "link", "hard")} == {identity_of(path)}
    (tmp_path / "new").touch()
    assert identity_of(tmp_path / "new") != identity_of(path)
    with pytest.raises(FileNotFoundError):
        identity_of(tmp_path / "none")


@posix
def test_a_private_file_is_opened_to_read_and_write(tmp_path: Path) -> None:
    descriptor = create_private(tmp_path / "notes", os.O_EXCL)
    try:
        os.write(descriptor, b"x")
        assert os.pread(descriptor, 1, 0) == b"x"
    finally:
        os.close(descriptor)
    with pytest.raises(FileExistsError):
        create_private(tmp_path / "notes", os.O_EXCL)


@posix
def test_a_folder_is_written_to_the_disk_and_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a new file's name is lost with the power, although its content was waited for."""
    synced: list[tuple[int, int]] = []

    def note(descriptor: int) -> None:
        found = os.fstat(descriptor)
        synced.append((found.st_dev, found.st_ino))
        opened.append(descriptor)

    opened: list[int] = []
    monkeypatch.setattr(os, "fsync", note)
    sync_directory(tmp_path)
    assert synced == [identity_of(tmp_path)]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])
