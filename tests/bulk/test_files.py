"""A rejected item of several files says which of them it is from, whichever way it went until it was rejected."""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path
from typing import Any

import pytest

from omnivery import readers
from omnivery.bulk.journal.reader import JournalReader
from omnivery.events.encoding import events_in
from tests.support.bots import finish, refusal, run_of
from tests.support.journal import Refusing, submit
from tests.support.journal_rows import as_version_2
from tests.support.sync import always, meeting, response

pytestmark = pytest.mark.anyio

SOUND = '{"ip":"192.0.2.1","uas":"x","event_id":"%s"}'
LOG = '192.0.2.{0} - - [17/May/2026:10:05:03 +0000] "GET / HTTP/1.1" 302 0 "-" "Firefox/{1}"'
REFUSED = SOUND % "refused"
"""The service refuses it."""


async def service(body: bytes) -> int:
    if b'"refused"' in body:
        raise refusal(400)
    return 1


def folder_of(path: Path, *, refused: str = REFUSED) -> set[tuple[str | None, int | None]]:
    """Files of many kinds and lengths in a folder, and where something in them is rejected."""
    path.mkdir()
    wrong: set[tuple[str | None, int | None]] = set()
    for number in range(60):
        lines, faulty = [LOG.format(line, number) for line in range(number % 23)], "rubbish"
        name = path / f"{number:02}.log"
        if number % 3:
            lines, faulty = (
                [SOUND % f"{number}-{line}" for line in range(number * 7 % 31)],
                ("{", refused)[number // 2 % 2],
            )
            name = path / f"{number:02}.ndjson{'.gz' if number % 5 == 0 else ''}"
        if number % 4 == 0:
            lines[1:1] = ["", "  "]
        if number % 2:
            middle = len(lines) // 2
            lines.insert(middle, faulty)
            wrong.add((str(name), middle + 1))
        data = "".join(f"{line}\n" for line in lines).encode()
        name.write_bytes(gzip.compress(data) if name.suffix == ".gz" else data)
    return wrong


def places(rejections: Any) -> set[tuple[str | None, int | None]]:
    return {(one.file, one.line) for one in rejections}


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return tmp_path / "logs"


async def test_a_rejection_says_its_file(logs: Path) -> None:
    """A line's number alone says nothing of where to look in a folder of 500 logs."""
    wrong = folder_of(logs)
    report = await finish(run_of(readers.read(logs), service))
    assert places(report.rejections) == wrong
    assert report.rejected == len(wrong)
    first = report.rejections[0]
    assert f"(first rejection: line {first.line} of {first.file}, " in report.summary()


def test_it_does_for_the_synchronous_client(logs: Path) -> None:
    wrong = folder_of(logs, refused="rubbish")
    with meeting(always(response())) as (_, client):
        assert places(client.bots.submit(readers.read(logs)).rejections) == wrong


async def test_what_has_no_path_has_no_file(tmp_path: Path) -> None:
    """Items of a pipe are read in a thread, and handed over by portions."""
    reading, writing = os.pipe()
    os.write(writing, b"{\n")
    os.close(writing)
    file = tmp_path / "a"
    file.write_bytes(b"\n{\n")
    with os.fdopen(reading, "rb") as pipe:
        report = await finish(run_of(readers.ndjson([io.BytesIO(b"{\n"), file, pipe]), service))
    assert [(one.file, one.line) for one in report.rejections] == [(None, 1), (str(file), 2), (None, 1)]
    report = await finish(run_of([b"{"], service))
    assert report.rejections[0].file is None


async def test_the_path_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal is read in another folder."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "a.ndjson"
    file.write_bytes(b"{\n")
    report = await finish(run_of(readers.read(file.name), service))
    assert report.rejections[0].file == str(file)


async def test_a_journal_keeps_it(logs: Path, tmp_path: Path) -> None:
    """Of what a run has left, too, and the next one sends with nothing but the journal."""
    wrong, journal = folder_of(logs), tmp_path / "journal"
    stopped = await submit(readers.read(logs), Refusing(1), journal)
    with JournalReader.open(journal) as view:
        assert places(view.rejected()) == places(stopped.rejections) < wrong
        assert places(view.undelivered(events_in)) & wrong, "these are refused in the next run"
    report = await submit(readers.read(logs), service, journal)
    assert places(report.rejections) == wrong
    with JournalReader.open(journal) as view:
        assert places(view.rejected()) == wrong


async def test_a_journal_of_version_2_has_none(logs: Path, tmp_path: Path) -> None:
    wrong, journal = folder_of(logs), tmp_path / "journal"
    await submit(readers.read(logs), Refusing(1), journal)
    as_version_2(journal)
    with JournalReader.open(journal) as view:
        before = places(view.rejected())
        assert {file for file, _ in before} == {None}
        [totals] = view.totals().values()
        assert places(totals.rejections) == before
    report = await submit(readers.read(logs), service, journal)
    assert report.rejected == len(wrong)
    assert {line for _, line in wrong} == {one.line for one in report.rejections}
    assert before < places(report.rejections)
