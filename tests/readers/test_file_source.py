"""What people name as a source: folders, patterns, several files; each file once, in the order of people."""

from __future__ import annotations

import gzip
import io
import os
import pty
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from omnivery.bulk.journal.store import JournalStore
from omnivery.errors import ConfigError, SourceError
from omnivery.readers import access_log, ndjson, read
from omnivery.readers._file_source import FileSource, FileSources
from tests.support.opened import THREE, data_of

Reader: TypeAlias = Callable[[FileSource], Iterator[object]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files in a folder, one of them in a folder below it, and what is no file of events."""
    logs = tmp_path / "logs"
    (logs / "deep").mkdir(parents=True)
    (logs / "a.2").write_bytes(line(1))
    (logs / "a.10.gz").write_bytes(gzip.compress(line(2)))
    (logs / "deep" / "b").write_bytes(line(3))
    (logs / ".a.2.swp").write_bytes(line(9))
    os.mkfifo(logs / "pipe")
    return logs


def line(number: int) -> bytes:
    return b'{"event_id":"%d"}\n' % number


def numbers(source: FileSources) -> list[int]:
    return [int(data.split(b'"')[3]) for data in data_of(ndjson(source))]


def test_a_folder_is_all_files_in_it_and_below(folder: Path) -> None:
    """In the order of people, who count 2 before 10. Hidden files and pipes are left out."""
    assert numbers(folder) == numbers(str(folder)) == [1, 2, 3]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("*", [1, 2, 3]), ("a.*", [1, 2]), ("*.gz", [2]), ("**/b", [3]), ("[a]*", [1, 2]), ("a.?", [1])],
)
def test_a_pattern_is_all_files_that_match(folder: Path, pattern: str, expected: list[int]) -> None:
    assert numbers(f"{folder}/{pattern}") == expected


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "[a]*").write_bytes(line(1))
    (tmp_path / "a").write_bytes(line(2))
    assert numbers(str(tmp_path / "[a]*")) == [1]


def test_a_pattern_that_matches_nothing_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="No file matches"):
        ndjson(f"{tmp_path}/*.log")


def test_an_empty_path_is_not_the_current_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script's variable that is not set would submit whatever lies there."""
    monkeypatch.chdir(folder)
    with pytest.raises(ConfigError, match=r"path is empty; '\.' is the current folder"):
        ndjson("")
    assert numbers(".") == [1, 2, 3]


def test_a_pattern_in_a_folder_that_is_closed_says_that_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' user may be one who may do everything."""

    def refuse(path: Any) -> Any:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError, match="Permission denied"):
        ndjson(f"{tmp_path}/*.log")


def test_what_the_package_itself_has_written_is_no_log(folder: Path) -> None:
    """A journal beside the logs would be an error of each run but the first."""
    with closing(JournalStore.open(folder / "run.journal")):
        assert numbers(folder) == numbers(f"{folder}/*") == [1, 2, 3]
    assert numbers(folder) == numbers(f"{folder}/*") == [1, 2, 3]


def test_a_file_is_the_one_that_was_named_whatever_the_current_folder_is_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A notebook changes it between the cell that reads and the one that submits."""
    monkeypatch.chdir(folder)
    sources = [ndjson("a.2"), ndjson("."), ndjson("a.*")]
    (folder / "other").mkdir()
    (folder / "other" / "a.2").write_bytes(line(9))
    monkeypatch.chdir(folder / "other")
    assert [data_of(source) for source in sources] == [
        [line(1).strip()],
        [line(n).strip() for n in (1, 2, 3)],
        [line(n).strip() for n in (1, 2)],
    ]
    with pytest.raises(FileNotFoundError) as caught:
        ndjson("missing")
    assert caught.value.filename in {"missing", Path("missing")}


def test_an_empty_folder_has_no_events(tmp_path: Path) -> None:
    assert list(ndjson(tmp_path)) == []


def test_several_sources_are_read_one_after_the_other(folder: Path) -> None:
    sources = (folder / "deep", str(folder / "a.2"), io.BytesIO(line(7)))
    assert numbers(sources) == [3, 1, 7]
    assert numbers(folder.glob("a.*")) in ([1, 2], [2, 1])
    assert numbers([]) == []


def test_open_files_that_begin_alike_are_read_each() -> None:
    """The third one was taken for the first, of which all was read, and its lines were lost."""
    files = [io.BytesIO(line(1)), io.BytesIO(line(1)), io.BytesIO(line(1) + line(2))]
    assert numbers(files) == [1, 1, 1, 2]


def test_line_numbers_begin_anew_with_each_file(folder: Path) -> None:
    assert [item.line for item in ndjson(folder)] == [1, 1, 1]


def test_a_file_that_is_reached_twice_is_read_once(folder: Path) -> None:
    (folder / "link").symlink_to(folder / "a.2")
    os.link(folder / "a.10.gz", folder / "z")
    assert numbers(folder) == numbers([folder, folder / "deep" / "b"]) == [1, 2, 3]


def test_links_in_circles_end(folder: Path) -> None:
    (folder / "deep" / "up").symlink_to(folder)
    assert numbers(folder) == [1, 2, 3]
    assert sorted(numbers(str(folder / "**" / "*"))) == [1, 2, 3]
    (folder / "self").symlink_to(folder / "self")
    with pytest.raises(SourceError, match=r"1 of the files could not be read to their end: .*/self: Too many levels"):
        numbers(folder)


def test_a_file_that_was_named_and_is_missing_is_known_at_the_call(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ndjson([folder, folder / "missing"])


@pytest.mark.parametrize("source", [[b"{}"], [3], [["a"]], {"a": 1}.items()])
def test_what_is_no_list_of_sources_is_refused(source: Any) -> None:
    with pytest.raises(ConfigError, match="path"):
        ndjson(source)


def test_the_events_of_several_files_can_be_had_for_each(folder: Path) -> None:
    each = ndjson(folder).each_file()
    assert [Path(one.origins[0].name).name for one in each] == ["a.2", "a.10.gz", "b"]
    assert [[item.line for item in one] for one in each] == [[1], [1], [1]]


def test_a_name_that_is_no_utf_8_is_a_file(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    path.write_bytes(line(1))
    source = ndjson(path)
    assert source.name == str(tmp_path) + "/caf\\xe9"
    assert numbers(path) == numbers(tmp_path) == [1]


def test_a_path_object_named_dash_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the text "-" stands for standard input: a `Path` says file."""
    monkeypatch.chdir(tmp_path)
    Path("-").write_bytes(THREE)
    assert data_of(ndjson(Path("-"))) == THREE.splitlines()


@pytest.mark.parametrize("reader", [ndjson, access_log, read])
def test_a_missing_file_is_known_at_the_call(tmp_path: Path, reader: Reader) -> None:
    """Not at the first event, deep inside a run."""
    with pytest.raises(FileNotFoundError):
        reader(tmp_path / "nowhere.log")


@pytest.mark.parametrize("source", [b'{"event_id":"1"}', 3, None])
def test_what_is_no_source_is_refused(source: Any) -> None:
    """Bytes are neither a path nor a file: guessing would read some file of that name."""
    with pytest.raises(ConfigError, match="path"):
        ndjson(source)


@pytest.mark.skipif(os.name != "posix", reason="devices have paths on POSIX")
def test_a_device_has_no_events(tmp_path: Path) -> None:
    """`/dev/zero` has no end: it was read in silence, without a line."""
    (tmp_path / "link").symlink_to("/dev/zero")
    with pytest.raises(ConfigError, match="link is a device, not a file"):
        read(tmp_path / "link")
    assert list(read(os.devnull)) == []
    leading, terminal = pty.openpty()
    assert str(read(os.ttyname(terminal)).origins[0].name) == os.ttyname(terminal)
    os.close(leading)
    os.close(terminal)


def test_a_url_is_an_error_that_says_how_to_open_it() -> None:
    with pytest.raises(ConfigError, match=r"fsspec\.open\(s3://"):
        ndjson("s3://bucket/logs/a.gz")
