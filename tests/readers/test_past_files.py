"""Runs that were interrupted while their log was rotated again and again: each reads on where the last one stood."""

from __future__ import annotations

import gzip
import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from omnivery import readers
from omnivery.bulk.source import ResumePoint
from omnivery.errors import SourceError
from tests.support.growing import KeptPosition, append, names, ndjson

Journal = dict[str, Any]


def run(file: Path | str, journal: Journal, most: int = 1_000_000) -> tuple[list[str], list[str]]:
    """Read on as a run does that is killed after so many items; the ids that it got, and what it had to say."""
    source: Any = readers.read(file)
    stream = source.open(source.locate([ResumePoint(name=name, position=one) for name, one in journal.items()]))
    found, kept = list[str](), KeptPosition()
    while some := stream.take(min(50, most - len(found))):
        found += [json.loads(one.data)["event_id"] for one in some]
        kept.add(source.position_delta(some[-1]))
        assert kept.as_said() == source.position(some[-1])
        journal[source.name] = kept.position
    return found, source.notes


def by_number(file: Path, *, pack: bool = False) -> None:
    """As logrotate does, with `delaycompress` or without `compress`."""
    for number in range(60, 0, -1):
        for ending in ("", ".gz"):
            old = file.with_name(f"log.{number}{ending}")
            if old.exists():
                moved(old, file.with_name(f"log.{number + 1}{'.gz' if pack else ending}"), pack=pack and not ending)
    moved(file, file.with_name("log.1"), pack=False)


def moved(old: Path, new: Path, *, pack: bool) -> None:
    modified = old.stat().st_mtime_ns
    new.write_bytes(gzip.compress(old.read_bytes()) if pack else old.read_bytes())
    os.utime(new, ns=(modified, modified))
    old.unlink()


def packed_by_number(file: Path) -> None:
    by_number(file, pack=True)


def by_date(file: Path) -> None:
    day = 1 + len([*file.parent.glob("log-*")])
    file.rename(file.with_name(f"log-202605{day:02}"))


rotated_by = pytest.mark.parametrize("rotate", [by_number, packed_by_number, by_date])


@rotated_by
@pytest.mark.parametrize(("times", "stops"), [(14, (1,)), (3, (299,)), (4, (50, 250, 1))])
def test_a_log_that_was_rotated_many_times_while_runs_were_interrupted(
    tmp_path: Path, rotate: Callable[[Path], None], times: int, stops: tuple[int, ...]
) -> None:
    """logrotate keeps four to fourteen: each line is read once, and in order."""
    file, journal = tmp_path / "log", dict[str, Any]()
    found, written = list[str](), 0
    for stop in stops:
        for size in (300, *[7] * (times - 1)):
            append(file, ndjson(size, written))
            written += size
            if not found:
                found += run(file, journal, stop)[0]
            rotate(file)
        append(file, ndjson(5, written))
        written += 5
        found += run(file, journal, stop)[0]
    rest, notes = run(file, journal)
    assert [*found, *rest] == names(written)
    assert notes == []
    assert run(file, journal) == ([], [])


def test_what_is_gone_is_told_once_with_what_to_do(tmp_path: Path) -> None:
    file, journal = tmp_path / "log", dict[str, Any]()
    for n in range(3):
        append(file, ndjson(100, 100 * n))
        if n == 0:
            run(file, journal, 10)
        by_number(file)
    append(file, ndjson(1, 300))
    assert run(file, journal, 10)[0] == names(10, 10)
    lost = (tmp_path / "log.3").rename(tmp_path / "elsewhere")
    found, notes = run(file, journal)
    assert found == names(201, 100)
    [note] = notes
    assert note == (
        f"The file that lay at {lost.with_name('log.3')} was read up to line 20 by runs that did not come to its end, "
        "and is gone: the rest of it was not read. If you have a copy, submit it with the same journal: it is read on "
        "from there"
    )
    assert run(file, journal) == ([], [])
    # What it says to do does it.
    assert run(lost, journal)[0] == names(80, 20)


def test_what_was_rotated_after_the_last_run_is_read_though_the_file_that_it_read_is_gone(tmp_path: Path) -> None:
    """logrotate keeps so many, and runs came too late. What is older than the journal is none of its business."""
    file, journal = tmp_path / "log", dict[str, Any]()
    for n in range(6):
        append(file, ndjson(10, 10 * n))
        os.utime(file, (1_779_012_303 + n, 1_779_012_303 + n))
        if n == 2:
            run(file, journal, 5)
        by_number(file)
    (tmp_path / "log.4").unlink()
    append(file, ndjson(1, 60))
    found, notes = run(file, journal)
    assert found == names(31, 30)
    assert "was not found beside it: what was written to it after the last run was not read" in notes[0]
    assert notes[0].endswith("is read: " + ", ".join(str(tmp_path / f"log.{n}") for n in (3, 2, 1)))


def in_folder_below(file: Path) -> None:
    """logrotate's `olddir`."""
    (old := file.parent / "old").mkdir(exist_ok=True)
    for number in range(9, 0, -1):
        if (there := old / f"{file.name}.{number}").exists():
            there.rename(old / f"{file.name}.{number + 1}")
    file.rename(old / f"{file.name}.1")


def by_tai64n(file: Path) -> None:
    """As svlogd, multilog and s6-log do: each of their names is the time."""
    file.rename(file.with_name(f"@40000000{1_779_012_303 + len([*file.parent.iterdir()]):08x}0a1b2c3d.s"))


def with_something_before(file: Path) -> None:
    file.rename(file.with_name(f"old-{file.name}"))


@pytest.mark.parametrize(
    ("rotate", "times"),
    [(in_folder_below, 1), (in_folder_below, 3), (by_tai64n, 1), (by_tai64n, 3), (with_something_before, 1)],
)
def test_a_log_that_is_kept_elsewhere_or_named_otherwise_is_found(
    tmp_path: Path, rotate: Callable[[Path], None], times: int
) -> None:
    file, journal = tmp_path / "current", dict[str, Any]()
    append(file, ndjson(10))
    assert run(file, journal) == (names(10), [])
    append(file, ndjson(5, 10))
    for number in range(times):
        rotate(file)
        append(file, ndjson(10, 15 + 10 * number))
    assert run(file, journal) == (names(5 + 10 * times, 10), [])
    assert run(file, journal) == ([], [])


def test_a_log_that_is_being_packed_is_not_read_anew(tmp_path: Path) -> None:
    """gzip takes its time for a large one, and a pattern such as `log*` has the half of it, too."""
    file, journal = tmp_path / "log", dict[str, Any]()
    append(file, ndjson(5_000))
    assert run(file, journal)[0] == names(5_000)
    whole = gzip.compress(file.read_bytes())
    file.rename(tmp_path / "log.1")
    (packed := tmp_path / "log.1.gz").write_bytes(whole[: len(whole) // 2])
    before = dict(journal)
    with pytest.raises(SourceError, match="cut off"):
        run(packed, journal)
    assert journal == before  # it got no item
    packed.write_bytes(whole)
    assert run(packed, journal) == ([], [])


def test_where_nothing_of_all_that_was_read_is_left_that_is_told(tmp_path: Path) -> None:
    file, journal = tmp_path / "log", dict[str, Any]()
    append(file, ndjson(10))
    run(file, journal, 5)
    by_number(file)
    file.touch()
    assert run(file, journal) == (names(5, 5), [])
    (tmp_path / "log.1").unlink()
    append(file, ndjson(1, 20))
    found, notes = run(file, journal)
    assert found == ["e20"]
    [note] = notes
    assert note == (
        f"None of the files that were read under the name {file} is there any more: what was rotated away since the "
        "last run was not read"
    )
    assert run(file, journal) == ([], [])


@pytest.mark.parametrize("size", [1_000, 3_000], ids=["in what it is known by", "behind that"])
def test_damage_in_a_file_that_was_rotated_is_told_once(tmp_path: Path, size: int) -> None:
    """It does not become whole: no run reads it anew, and not each of them fails for weeks."""
    file, journal = tmp_path / "log", dict[str, Any]()
    append(file, ndjson(size))
    run(file, journal, 10)
    for n in range(4):
        packed_by_number(file)
        append(file, ndjson(1, 10_000 + n))
    packed = tmp_path / "log.4.gz"
    packed.write_bytes(packed.read_bytes()[:-200])
    if size == 1_000:
        found, notes = run(file, journal)
        assert "was not found beside it" in notes[0]
        assert found == names(4, 10_000)
    else:
        with pytest.raises(SourceError, match="cut off"):
            run(file, journal)
    append(file, ndjson(1, 10_004))
    assert run(file, journal) == (["e10004"], [])


def test_a_file_that_is_named_besides_is_read_once(tmp_path: Path) -> None:
    file, journal = tmp_path / "log", dict[str, Any]()
    append(file, ndjson(100))
    run(file, journal, 10)
    for n in range(4):
        by_number(file)
        append(file, ndjson(10, 100 + 10 * n))
    assert run(file, journal, 10)[0] == names(10, 10)
    assert run(tmp_path / "log.4", journal)[0] == names(80, 20)
    assert run(file, journal) == (names(40, 100), [])


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_to_a_log_no_line_is_lost_or_read_twice(tmp_path: Path, seed: int) -> None:
    draw, file, journal = random.Random(seed), tmp_path / "log", dict[str, Any]()
    rotate = draw.choice([by_number, packed_by_number, by_date])
    append(file, ndjson(100))
    found, written = run(file, journal, draw.choice([1, 99, 1_000]))[0], 100
    for _ in range(12):
        match draw.choice(["write", "rotate", "rotate", "run"]):
            case "write":
                size = draw.choice([1, 5, 300])
                append(file, ndjson(size, written))
                written += size
            case "rotate":
                rotate(file)
                file.touch()
            case _:
                found += run(file, journal, draw.choice([1, 7, 100, 1_000_000]))[0]
    rest, notes = run(file, journal)
    assert [*found, *rest] == names(written)
    assert notes == []


def test_a_folder_of_many_new_files_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not once for each of them: of 5,000 files, that took three minutes."""
    for n in range(30):
        (tmp_path / f"access-{n}.log").write_bytes(ndjson(1, n))
    looks = list[Path]()
    iterdir = Path.iterdir

    def looked(self: Path) -> Iterator[Path]:
        looks.append(self)
        return iter(iterdir(self))

    monkeypatch.setattr(Path, "iterdir", looked)
    assert len(run(tmp_path, {})[0]) == 30
    assert len(looks) <= 1


def looked_at(folder: Path, count: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many looks at a file it takes to read on in a folder whose logs were all rotated."""
    folder.mkdir()
    files, journal = [folder / f"host{number:02}.log" for number in range(count)], Journal()
    for number, file in enumerate(files):
        file.write_bytes(ndjson(3, 100 * number))
    assert len(run(str(folder / "*.log"), journal)[0]) == 3 * count
    for number, file in enumerate(files):
        append(file, ndjson(1, 100 * number + 3))
        file.rename(f"{file}.1")
        file.write_bytes(ndjson(2, 100 * number + 10))
    looks, stat = list[Path](), Path.stat

    def counted(path: Path, **options: bool) -> os.stat_result:
        looks.append(path)
        return stat(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", counted)
        found, notes = run(str(folder / "*.log"), journal)
    expected = [name for number in range(count) for name in (*names(1, 100 * number + 3), *names(2, 100 * number + 10))]
    assert (sorted(found), notes) == (sorted(expected), [])
    return len(looks)


def test_a_folder_of_logs_that_were_all_rotated_takes_as_long_as_there_are_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each was compared with each other one: minutes for a thousand."""
    few, many = (looked_at(tmp_path / str(count), count, monkeypatch) for count in (10, 40))
    assert many < 5 * few


def test_a_folder_is_listed_again_when_it_has_changed(tmp_path: Path) -> None:
    """Where a file was rotated to while a run reads on must be found, though the folder was listed a moment before."""
    file, at_rest = tmp_path / "log", 1_000_000_000
    journal = Journal()
    file.write_bytes(ndjson(3))
    run(file, journal)
    for number in (1, 2):
        append(file, ndjson(1, 10 * number))
        for old in (2, 1):
            if (tmp_path / f"log.{old}").exists():
                (tmp_path / f"log.{old}").rename(tmp_path / f"log.{old + 1}")
        file.rename(tmp_path / "log.1")
        file.write_bytes(ndjson(1, 10 * number + 1))
        os.utime(tmp_path, (at_rest + number, at_rest + number))
        assert run(file, journal) == ([*names(1, 10 * number), *names(1, 10 * number + 1)], [])


def test_an_array_that_was_written_anew_with_more_in_it_says_what_to_do(tmp_path: Path) -> None:
    """Nothing was lost of it, and no copy is of use: its events are sent again."""
    file, journal = tmp_path / "export.json", Journal()

    def export(count: int) -> list[str]:
        file.write_bytes(b"[" + b",".join(ndjson(count).splitlines()) + b"]")
        source = readers.json(file)
        known = [ResumePoint(name=name, position=one) for name, one in journal.items()]
        stream: Any = source.open(source.locate(known))
        while some := stream.take(50):
            journal[source.name] = source.position(some[-1])
        return source.notes

    assert export(3) == []
    assert export(3) == []
    [note] = export(5)
    assert "are sent again. To send only new ones, put these into a file of their own, or write NDJSON" in note
    assert "If you have a copy" not in note
