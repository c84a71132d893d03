"""Files in a run with a journal: they grow, are copied, packed, rotated, cut; and no line is lost or sent twice."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import shutil
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from omnivery import readers
from omnivery.automations import SubmitReport
from omnivery.bulk.journal.reader import JournalReader
from omnivery.bulk.source import ResumePoint
from omnivery.errors import SourceError
from omnivery.readers._file_events import FileEvents
from omnivery.readers._local_file import LocalFile
from tests.support.bots import finish, ids
from tests.support.journal import Seen, counts, interrupted, journalled, submit
from tests.support.journal_rows import as_version_1

pytestmark = pytest.mark.anyio

LINE = '198.18.{}.{} - - [17/May/2015:10:05:03 +0000] "GET /{} HTTP/1.1" 200 5 "-" "agent {}"\n'


def log(count: int) -> bytes:
    """A log with blank lines, foreign lines, and Windows' line endings here and there."""
    lines = [LINE.format(n // 256 % 256, n % 256, n, "x" * (n % 50)) for n in range(count)]
    for n in range(0, count, 37):
        lines[n] = ("\n", "rubbish\n", lines[n].replace("\n", "\r\n"), "x" * 100 + "\n")[n % 4]
    return "".join(lines).encode()


def ndjson(count: int, start: int = 0) -> bytes:
    return b"".join(b'{"ip":"::1","uas":"x","event_id":"e%d"}\n' % n for n in range(start, start + count))


def names(count: int, start: int = 0) -> list[str]:
    return [f"e{n}" for n in range(start, start + count)]


async def run(source: Any, folder: Path) -> tuple[list[str], SubmitReport]:
    """Submit with the journal of a folder, and return the ids that were sent and the report of all runs."""
    seen = Seen()
    report = await submit(source, seen, folder / "journal")
    return ids(seen.events), report


def line_after(journal: Path) -> int:
    """The line from which a journal has its one file read on."""
    with JournalReader.open(journal) as view:
        [source] = view.state().sources
    [place] = source.position["files"].values()
    assert place["offset"] > 0
    return int(place["line"] + place["skip"])


@pytest.mark.parametrize(
    ("read", "content"),
    [(readers.access_log, log), (readers.ndjson, ndjson), (readers.read, log), (readers.read, ndjson)],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
async def test_a_file_is_read_on_as_if_nothing_had_happened(
    tmp_path: Path, read: Callable[[Path], Any], content: Callable[[int], bytes], pack: Callable[[bytes], bytes]
) -> None:
    """Ids of a log hold the line's number: a place that is one line off makes every event another one."""
    file = tmp_path / "log"
    file.write_bytes(pack(content(6000)))
    expected = Seen()
    whole = await submit(read(file), expected, tmp_path / "whole")
    seen = Seen(takes=7)
    await interrupted(read(file), seen, tmp_path / "j", outcomes=7)
    assert 1 < line_after(tmp_path / "j") < 6001, "it was interrupted in the middle of the file"
    seen.server.takes = 1_000_000
    report = await submit(read(file), seen, tmp_path / "j")
    assert sorted(seen.events, key=str) == sorted(expected.events, key=str)
    assert counts(report) == counts(whole)
    assert sorted(report.rejections, key=str) == sorted(whole.rejections, key=str)
    assert line_after(tmp_path / "j") == 6001


@pytest.mark.parametrize("move", ["copy", "pack", "grow", "rename", "rename and pack"])
async def test_a_file_is_recognized(tmp_path: Path, move: str) -> None:
    file, later = tmp_path / "log", tmp_path / "later"
    file.write_bytes(ndjson(3000))
    await run(readers.ndjson(file), tmp_path)
    later.write_bytes(gzip.compress(ndjson(3100)) if "pack" in move else ndjson(3100))
    if move == "grow":
        later = later.rename(file)
    elif "rename" in move:
        file.unlink()
    sent, report = await run(readers.ndjson(later), tmp_path)
    assert sent == names(100, 3000)
    assert report.accepted == 3100


async def test_a_small_file_is_recognized_where_its_name_is_gone(tmp_path: Path) -> None:
    """A log that was rotated young: a few lines are enough if nothing else is there that they may come from."""
    file = tmp_path / "log"
    file.write_bytes(ndjson(3))
    await run(readers.read(file), tmp_path)
    file.rename(tmp_path / "log.1")
    (tmp_path / "log.1").write_bytes(ndjson(4))
    sent, report = await run(readers.read(tmp_path / "log.1"), tmp_path)
    assert (sent, report.accepted) == (["e3"], 4)


@pytest.mark.parametrize("same", [1, 5000])
async def test_two_files_that_begin_alike_are_two_files(tmp_path: Path, same: int) -> None:
    """Exports begin with the same lines: a header, the first client of the day. None of either may be passed over."""
    one, two = tmp_path / "a", tmp_path / "b"
    one.write_bytes(ndjson(same) + ndjson(500, 10_000))
    two.write_bytes(ndjson(same) + ndjson(500, 20_000))
    assert (await run(readers.read(one), tmp_path))[1].read == same + 500
    sent, report = await run(readers.read(two), tmp_path)
    assert sorted(sent) == sorted(names(same) + names(500, 20_000))
    assert report.read == 2 * same + 1000
    for file in (one, two):
        assert (await run(readers.read(file), tmp_path))[0] == []


async def test_a_file_that_is_the_beginning_of_another_is_not_that_one(tmp_path: Path) -> None:
    short, long = tmp_path / "short", tmp_path / "long"
    short.write_bytes(ndjson(1))
    long.write_bytes(ndjson(3))
    await run(readers.read(short), tmp_path)
    assert (await run(readers.read(long), tmp_path))[1].read == 4
    short.write_bytes(ndjson(2))
    sent, report = await run(readers.read(short), tmp_path)
    assert (sent, report.read) == (["e1"], 5)


async def test_a_long_line_and_a_byte_order_mark_do_not_move_the_place(tmp_path: Path) -> None:
    file = tmp_path / "log"
    first = b"\xef\xbb\xbf" + ndjson(500) + b"x" * 1_100_000 + b"\n"
    file.write_bytes(first)
    assert counts((await run(readers.ndjson(file), tmp_path))[1])[:3] == (501, 500, 1)
    file.write_bytes(first + b'{"ip":"::1","uas":"x","event_id":"last"}\n')
    sent, report = await run(readers.ndjson(file), tmp_path)
    assert sent == ["last"]
    assert counts(report)[:3] == (502, 501, 1)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
async def test_a_file_that_was_cut_short_is_refused(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """Its beginning is that of the file that was read, and what was read last is gone: no rotation does that."""
    file = tmp_path / "log"
    file.write_bytes(pack(ndjson(9000)))
    await run(readers.ndjson(file), tmp_path)
    for left in (2000, 8990):
        file.write_bytes(pack(ndjson(left)))
        with pytest.raises(SourceError, match="cut short"):
            await run(readers.ndjson(file), tmp_path)


async def test_several_files_one_after_the_other(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(log(800))
    second.write_bytes(ndjson(700))
    expected = len([*readers.access_log(first)]) + 700
    for _ in range(2):
        await run(readers.access_log(first), tmp_path)
        report = (await run(readers.ndjson(second), tmp_path))[1]
        assert report.read == expected
    with JournalReader.open(tmp_path / "journal") as view:
        totals = view.totals()
    assert [totals[str(file)].read for file in (first, second)] == [expected - 700, 700]


async def test_a_file_that_is_not_read_line_by_line_is_counted(tmp_path: Path) -> None:
    """In CSV the header is needed again."""
    file = tmp_path / "events.csv"
    rows = [b"203.0.113.7,x,e%d\n" % n for n in range(1200)]
    file.write_bytes(b"ip,uas,event_id\n" + b"".join(rows[:700]))
    await run(readers.read(file), tmp_path)
    file.write_bytes(b"ip,uas,event_id\n" + b"".join(rows))
    sent, report = await run(readers.read(file), tmp_path)
    assert report.accepted == 1200
    assert sorted(sent) == sorted(names(500, 700))


# A file that still grows


@pytest.mark.parametrize("make", [ndjson, lambda n: log(n + 1)[1:]], ids=["ndjson", "log"])
async def test_a_line_that_is_still_being_written_is_left_for_the_next_run(
    tmp_path: Path, make: Callable[[int], bytes]
) -> None:
    """It would be rejected as what it is by then, and passed over as known when it is whole."""
    file = tmp_path / "log"
    whole = make(4)
    file.write_bytes(whole[: whole.rindex(b"\n", 0, -1) - 20])
    source = readers.read(file)
    assert (await run(source, tmp_path))[1].read == 2
    assert source.unfinished == 1
    file.write_bytes(whole[:-1])
    source = readers.read(file)
    assert (await run(source, tmp_path))[1].read == 3
    assert source.unfinished == 1
    file.write_bytes(whole)
    source = readers.read(file)
    sent, report = await run(source, tmp_path)
    assert (len(sent), report.read, report.accepted, source.unfinished) == (1, 4, 4, 0)


@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("cut", range(1, 10))
async def test_a_line_in_another_encoding_is_left_as_well(tmp_path: Path, charset: str, cut: int) -> None:
    """PowerShell's `>>` writes such a log line by line."""
    file, journal = tmp_path / "log", tmp_path / "journal"
    whole = ("\ufeff" + ndjson(4).decode()).encode(charset)
    file.write_bytes(whole[:-cut])
    assert await told(file, journal) == (names(3), 1)
    file.write_bytes(whole + ndjson(1, 4).decode().encode(charset))
    assert await told(file, journal) == (names(2, 3), 0)


@pytest.mark.parametrize(("room", "count"), [(65_536, 3), (3_000_000, 3), (100, 2_000)])
async def test_room_that_a_server_has_made_is_no_line(tmp_path: Path, room: int, count: int) -> None:
    """IIS grows its logs by blocks of NULs, and writes over them."""
    file, journal = tmp_path / "log", tmp_path / "journal"
    for number in range(3):
        file.write_bytes(ndjson(count + number) + bytes(room))
        assert await told(file, journal) == (names(count) if not number else names(1, count + number - 1), 0)


async def told(file: Path, journal: Path) -> tuple[list[str], int]:
    source, seen = readers.read(file), Seen()
    await submit(source, seen, journal)
    assert not source.notes
    return sorted(ids(seen.events), key=lambda name: int(name[1:])), source.unfinished


def test_a_file_that_is_emptied_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    """logrotate's copytruncate does not wait for a run to end. The lines that were not read are in its copy."""
    (file := tmp_path / "log").write_bytes(ndjson(20_000))
    source: Any = readers.read(file)
    stream = source.open(source.locate([]))
    taken = len(stream.take(10))
    os.truncate(file, 0)
    told = r"emptied or cut short while it was read: nothing after line \d+ could be"
    with pytest.raises(SourceError, match=told):  # noqa: PT012  # after some that had been read
        while more := len(stream.take(500)):
            taken += more
    assert 10 < taken < 20_000


async def test_a_row_of_csv_that_is_still_being_written_is_left_for_the_next_run(tmp_path: Path) -> None:
    """Its first line looks whole: that the quote in it is open says that more will come."""
    file = tmp_path / "export.csv"
    head = b'ip,uas,event_id\n::1,x,e0\n::1,"x\n'
    file.write_bytes(head)
    for _ in range(2):
        source = readers.read(file)
        report = (await run(source, tmp_path))[1]
        assert (report.accepted, report.rejected, source.unfinished) == (1, 0, 1)
    file.write_bytes(head + b'y",e1\n::1,x,e2\n')
    source = readers.read(file)
    sent, report = await run(source, tmp_path)
    assert (sent, report.rejected, source.unfinished) == (["e1", "e2"], 0, 0)
    # A quote that was forgotten does not hold up what follows for ever.
    file.write_bytes(file.read_bytes() + b'::1,"x,e3\n' + b"::1,x,e4\n" * 30)
    sent, report = await run(readers.read(file), tmp_path)
    assert (sent, report.rejected) == (["e4"] * 30, 1)
    # What is complete is not waited for.
    file.write_bytes(head)
    (tmp_path / "other").mkdir()
    report = (await run(readers.read(file, complete=True), tmp_path / "other"))[1]
    assert (report.accepted, report.rejected) == (1, 1)


async def test_a_file_of_which_nothing_is_finished_is_read_from_its_start_later(tmp_path: Path) -> None:
    file = tmp_path / "log"
    for content, read in ((b"", 0), (b"\n\n", 0), (b'{"ip":"::1","ua', 0), (ndjson(2), 2)):
        file.write_bytes(content)
        assert (await run(readers.read(file), tmp_path))[1].read == read


async def test_the_last_line_is_taken_where_it_is_said_to_be_complete(tmp_path: Path) -> None:
    """An export that ends without a line break; and if it grows after all, nothing comes twice."""
    file = tmp_path / "export"
    file.write_bytes(ndjson(3)[:-1])
    for _ in range(2):
        source = readers.read(file, complete=True)
        assert (await run(source, tmp_path))[1].accepted == 3
        assert source.unfinished == 0
    assert (await run(readers.read(file), tmp_path))[1].accepted == 3
    file.write_bytes(ndjson(5))
    assert (await run(readers.read(file), tmp_path))[0] == ["e3", "e4"]


@pytest.mark.parametrize("name", ["log.1", "log.old", "log-20260517", "log.2026-05-17", "packed"])
async def test_what_cannot_grow_any_more_is_complete(tmp_path: Path, name: str) -> None:
    (tmp_path / "log").write_bytes(b"")
    file = tmp_path / name
    file.write_bytes(gzip.compress(ndjson(3)[:-1]) if name == "packed" else ndjson(3)[:-1])
    source = readers.read(file)
    assert (await run(source, tmp_path))[1].accepted == 3
    assert source.unfinished == 0


@pytest.mark.parametrize("name", ["log", "log.2026-05-17", "log-20260517", "events.ndjson", "1"])
async def test_a_date_in_its_name_does_not_say_that_a_file_is_complete(tmp_path: Path, name: str) -> None:
    """Apache's rotatelogs writes to a file that is named after the day."""
    file = tmp_path / name
    file.write_bytes(ndjson(3)[:-1])
    source = readers.read(file)
    assert (await run(source, tmp_path))[1].accepted == 2
    assert source.unfinished == 1


def test_without_a_journal_there_is_no_later_run(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(ndjson(3)[:-1])
    assert len(list(readers.read(tmp_path / "log"))) == 3


# Rotation


def rename(file: Path) -> None:
    """As logrotate does without options."""
    file.rename(file.with_name(file.name + ".1"))
    file.write_bytes(b"")


def compress(file: Path) -> None:
    file.with_name(file.name + ".1.gz").write_bytes(gzip.compress(file.read_bytes()))
    file.write_bytes(b"")


def by_date(file: Path) -> None:
    """As logrotate's `dateext` does with `extension .log`."""
    file.rename(file.with_name(f"{file.stem}-20260517{file.suffix}"))
    file.write_bytes(b"")


def copy_and_truncate(file: Path) -> None:
    shutil.copy(file, file.with_name(file.name + ".1"))
    os.truncate(file, 0)


def rename_and_vanish(file: Path) -> None:
    """As logrotate's `nocreate` does: the next one comes when somebody writes."""
    file.rename(file.with_name(file.name + ".1"))


def rotate_all(file: Path) -> None:
    """As logrotate's `delaycompress` does: the latest one is packed a day later."""
    for old in sorted(file.parent.glob("access.log.*"), reverse=True):
        number = int(old.name.split(".")[2])
        later = file.with_name(f"access.log.{number + 1}.gz")
        later.write_bytes(old.read_bytes() if old.suffix == ".gz" else gzip.compress(old.read_bytes()))
        old.unlink()
    if file.exists():
        file.rename(file.with_name("access.log.1"))


@pytest.mark.parametrize("rotate", [rename, compress, by_date, copy_and_truncate])
@pytest.mark.parametrize("size", [3, 3000])
async def test_a_log_that_was_rotated_is_read_to_its_end_and_then_the_new_one(
    tmp_path: Path, rotate: Callable[[Path], None], size: int
) -> None:
    """Hourly, by the same command with one name: what is written in the hour of the rotation comes as well."""
    file = tmp_path / "access.log"
    file.write_bytes(ndjson(size))
    assert len((await run(readers.read(file), tmp_path))[0]) == size
    file.write_bytes(ndjson(size + 2))
    rotate(file)
    file.write_bytes(ndjson(5, 10_000))
    source = readers.read(file)
    sent, report = await run(source, tmp_path)
    assert sent == names(2, size) + names(5, 10_000)
    assert (report.read, source.notes) == (size + 7, [])
    assert (await run(readers.read(file), tmp_path))[0] == []


async def test_a_log_that_is_rotated_each_day_is_followed_for_years(tmp_path: Path) -> None:
    """One journal, one name, one row in it; a file is packed a day after it was renamed."""
    file = tmp_path / "access.log"
    expected: list[str] = []
    sent: list[str] = []
    for day in range(8):
        rotate_all(file)
        file.write_bytes(ndjson(3, 100 * day))
        expected += names(5, 100 * day)
        sent += (await run(readers.read(file), tmp_path))[0]
        file.write_bytes(ndjson(5, 100 * day))
    sent += (await run(readers.read(file), tmp_path))[0]
    assert sorted(sent) == sorted(expected)
    with JournalReader.open(tmp_path / "journal") as view:
        assert len(view.state().sources) == 1


@pytest.mark.parametrize("order", [["access.log.1", "access.log"], ["access.log", "access.log.1"]])
async def test_both_names_may_be_given_in_any_order(tmp_path: Path, order: list[str]) -> None:
    file = tmp_path / "access.log"
    file.write_bytes(ndjson(2))
    await run(readers.read(file), tmp_path)
    file.write_bytes(ndjson(3))
    rename(file)
    file.write_bytes(ndjson(1, 10))
    sent: list[str] = []
    read: list[int] = []
    for _ in range(2):
        for name in order:
            more, report = await run(readers.read(tmp_path / name), tmp_path)
            sent += more
            read.append(report.read)
    assert sorted(sent) == ["e10", "e2"]
    assert read[-1] == 4


@pytest.mark.parametrize("size", [2, 3000])
@pytest.mark.parametrize(
    "names_of",
    [
        ["access.log.2", "access.log.1"],
        ["access.log.4.gz", "access.log.3.gz", "access.log.2", "access.log.1"],
        ["access.log-20260516", "access.log-20260517.gz"],
        ["access-2026-05-16.log", "access-2026-05-17.log"],
    ],
)
async def test_rotated_more_than_once_between_two_runs(tmp_path: Path, names_of: list[str], size: int) -> None:
    """After a holiday of the job that reads it: what lay under the name meanwhile is read, the oldest first."""
    file = tmp_path / "access.log"
    (tmp_path / "access.log.9").write_bytes(ndjson(size, 90_000))  # older than the first run
    (tmp_path / "access.log-20260101").write_bytes(ndjson(size, 91_000))
    (tmp_path / "access.log.note").write_bytes(ndjson(size, 92_000))
    file.write_bytes(ndjson(size))
    await run(readers.read(file), tmp_path)
    file.write_bytes(ndjson(size + 1))
    expected = names(1, size)
    for count, name in enumerate(names_of):
        if count:
            file.write_bytes(ndjson(size, 10_000 * count))
            expected += names(size, 10_000 * count)
        (tmp_path / name).write_bytes(gzip.compress(file.read_bytes()) if name.endswith(".gz") else file.read_bytes())
    file.write_bytes(ndjson(1, 80_000))
    source = readers.read(file)
    sent = (await run(source, tmp_path))[0]
    assert sorted(sent) == sorted([*expected, *names(1, 80_000)])
    assert size > 500 or sent == [*expected, *names(1, 80_000)]  # of several batches, any may go out first
    assert source.notes == []
    for again in (readers.read(file), readers.read([tmp_path / name for name in names_of])):
        assert (await run(again, tmp_path))[0] == []


async def test_rotated_once_more_before_a_run_came_to_the_new_file(tmp_path: Path) -> None:
    """A run was killed while it read what was left of the file before that one, of which it wrote nothing down."""
    file = tmp_path / "access.log"
    known: list[ResumePoint] = []
    sent: list[Any] = []

    def take(count: int) -> None:
        source: Any = readers.ndjson(file)
        found = list(islice(source.open(source.locate(known)), count))
        known[:] = [ResumePoint(name=source.name, position=source.position(found[-1]))]
        sent.extend(json.loads(one.data)["event_id"] for one in found)

    file.write_bytes(ndjson(9))
    take(1)
    file.rename(tmp_path / "access.log.1")
    file.write_bytes(ndjson(3, 10))
    take(1)
    (tmp_path / "access.log.1").rename(tmp_path / "access.log.2")
    file.rename(tmp_path / "access.log.1")
    file.write_bytes(ndjson(2, 20))
    take(100)
    assert sent == [*names(9), *names(3, 10), *names(2, 20)]


async def test_a_link_that_leads_to_another_file(tmp_path: Path) -> None:
    """As with `current.log`, which leads to the file of the day."""
    monday, tuesday, link = tmp_path / "app-monday", tmp_path / "app-tuesday", tmp_path / "current.log"
    monday.write_bytes(ndjson(2))
    link.symlink_to(monday)
    await run(readers.read(link), tmp_path)
    monday.write_bytes(ndjson(3))
    tuesday.write_bytes(ndjson(2, 10))
    link.unlink()
    link.symlink_to(tuesday)
    sent, report = await run(readers.read(link), tmp_path)
    assert (sent, report.read) == (["e2", "e10", "e11"], 5)


@pytest.mark.parametrize("new", [log(300), ndjson(300)[200:], ndjson(50)])
async def test_another_file_without_the_first_is_read_from_its_start_and_that_is_told(
    tmp_path: Path, new: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "log"
    file.write_bytes(ndjson(300))
    await run(readers.read(file), tmp_path)
    file.write_bytes(new)
    source = readers.read(file)
    expected = len(list(readers.read(file)))
    assert (await run(source, tmp_path))[1].read == 300 + expected
    [note] = source.notes
    assert "is another file than the one that was read before, and is read from its start" in note
    assert note in caplog.text


async def test_a_log_that_stays_empty_is_told_to_be_another_one_when_it_has_lines_again(tmp_path: Path) -> None:
    """A run that reads nothing leaves the journal as it was: told at once, it would be told at each of them."""
    file = tmp_path / "log"
    file.write_bytes(ndjson(300))
    await run(readers.read(file), tmp_path)
    notes = list[int]()
    for content in (b"", b"", ndjson(2, 400), ndjson(3, 400)):
        file.write_bytes(content)
        source = readers.read(file)
        sent, _ = await run(source, tmp_path)
        notes.append(len(source.notes))
    assert (notes, sent) == ([0, 0, 1, 0], ["e402"])


async def test_what_is_written_to_a_rotated_file_later_is_read_later(tmp_path: Path) -> None:
    """A server keeps its file until it is told of the rotation."""
    file = tmp_path / "access.log"
    file.write_bytes(ndjson(2))
    await run(readers.read(file), tmp_path)
    rename(file)
    await run(readers.read(file), tmp_path)
    (tmp_path / "access.log.1").write_bytes(ndjson(4))
    file.write_bytes(ndjson(1, 10))
    sent, report = await run(readers.read(file), tmp_path)
    assert (sent, report.read) == (["e2", "e3", "e10"], 5)


# Several files in one source


async def test_a_folder_is_one_source_and_each_file_in_it_is_read_on(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.ndjson").write_bytes(ndjson(700))
    (folder / "deep" / "b.log.gz").write_bytes(gzip.compress(log(10)))
    (folder / ".hidden").write_bytes(ndjson(1, 900))
    first = (await run(readers.read(folder), tmp_path))[1]
    assert first.read == 700 + len(list(readers.read(folder / "deep" / "b.log.gz")))
    (folder / "a.ndjson").write_bytes(ndjson(702))
    (folder / "c").write_bytes(ndjson(1, 800))
    sent, report = await run(readers.read(folder), tmp_path)
    assert (sent, report.read) == (["e700", "e701", "e800"], first.read + 3)


async def test_a_folder_of_many_files_is_resumed_by_a_few_looks_at_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each may be any of those that were read: with a look at all of them for each, 2,000 files took nine minutes."""
    folder = tmp_path / "logs"
    folder.mkdir()
    for number in range(60):
        (folder / str(number)).write_bytes(ndjson(3, 10 * number))
    assert len((await run(readers.read(folder), tmp_path))[0]) == 180
    opened: list[Path] = []
    local_open = LocalFile.open

    def counted(self: LocalFile) -> Any:
        opened.append(self.path)
        return local_open(self)

    monkeypatch.setattr(LocalFile, "open", counted)
    assert (await run(readers.read(folder), tmp_path))[0] == []
    assert len(opened) <= 60 * 10


async def test_a_file_that_cannot_be_read_does_not_keep_the_others_from_being_read(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "1.gz").write_bytes(gzip.compress(ndjson(300))[:-30])
    (folder / "2.zip").write_bytes(b"PK\x03\x04")
    (folder / "3").symlink_to(folder / "3")
    (folder / "4").symlink_to(folder / "nowhere")
    (folder / "5").write_bytes(ndjson(2, 1000))
    source = readers.read(folder)
    submission = journalled(source, Seen(), tmp_path / "journal")
    with pytest.raises(SourceError, match="4 of the files could not be read to their end"):
        await finish(submission)
    assert list(source.errors) == [str(folder / name) for name in ("1.gz", "2.zip", "3", "4")]
    assert submission.report.read == len(list_until_error(folder / "1.gz")) + 2
    assert submission.report.accepted == submission.report.read


def list_until_error(path: Path) -> list[Any]:
    found: list[Any] = []
    with pytest.raises(SourceError):
        found.extend(readers.read(path))
    return found


def test_a_reader_s_file_is_still_an_iterator(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(ndjson(3))
    found = readers.ndjson(tmp_path / "a")
    assert isinstance(found, FileEvents)
    assert [next(found).line, *(item.line for item in found)] == [1, 2, 3]
    assert "/" not in repr(found)


def test_a_place_holds_nothing_of_the_file(tmp_path: Path) -> None:
    """A journal may lie where its events may not."""
    file = tmp_path / "log"
    file.write_bytes(log(2000))
    source = readers.read(file)
    items = source.open(source.locate(()))
    assert isinstance(items, Iterator)
    text = str(source.position(next(items)))
    assert "head" in text
    assert "198.18" not in text
    assert "agent" not in text


def many(folder: Path, count: int, lines: int) -> list[str]:
    """So many files in a folder, and the ids in them."""
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:03}.log").write_bytes(ndjson(lines, number * lines))
    return names(count * lines)


def test_a_batch_hands_on_the_places_of_its_own_files(tmp_path: Path) -> None:
    """Of 5,000 files each batch wrote all places: 1.3 MB."""
    many(tmp_path / "logs", 40, 50)
    source: Any = readers.read(tmp_path / "logs")
    items, entries = source.open(source.locate(())), list[int]()
    while some := items.take(500):
        entries.append(len(source.position_delta(some[-1]).entries))
    assert sum(entries) >= 40
    assert max(entries) <= 11


async def test_a_journal_of_an_earlier_release_is_read_on_from_where_it_stands(tmp_path: Path) -> None:
    expected, seen, journal = many(tmp_path / "logs", 40, 100), Seen(takes=3), tmp_path / "journal"
    await interrupted(readers.read(tmp_path / "logs"), seen, journal, outcomes=3)
    as_version_1(journal)
    seen.server.takes = 2
    await interrupted(readers.read(tmp_path / "logs"), seen, journal, outcomes=2)
    seen.server.takes = 1_000_000
    report = await submit(readers.read(tmp_path / "logs"), seen, journal)
    assert sorted(ids(seen.events)) == sorted(expected)
    assert (report.read, report.accepted) == (4000, 4000)
    with JournalReader.open(journal) as view:
        [source] = view.state().sources
    assert len(source.position["files"]) == 40
    assert (await run(readers.read(tmp_path / "logs"), tmp_path))[0] == []
