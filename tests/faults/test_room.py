"""No room on the disk, and no right to write to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omnivery.bulk.journal.reader import JournalReader
from omnivery.emulator import Emulator
from tests.faults.disks import disk, read_only
from tests.faults.figures import Figures
from tests.faults.inputs import COMMAND
from tests.faults.wire import Wire
from tests.support.journal import where_events_are

if sys.platform != "linux":
    pytest.skip("limits of another process, and small disks, are Linux's", allow_module_level=True)

EVENTS = 30_000
BATCHES = EVENTS // 500
CONCURRENCY = 4


@pytest.fixture
def wire() -> Iterator[Wire]:
    with Emulator() as emulator, Wire(emulator) as wire:
        yield wire


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "events.ndjson"
    own = "x" * 200
    path.write_bytes(
        b"".join(
            b'{"ip":"203.0.113.7","uas":"x","event_id":"e%d","own":"%s"}\n' % (n, own.encode()) for n in range(EVENTS)
        )
    )
    return path


def bots(wire: Wire, *arguments: str, limit: int | None = None) -> tuple[int, dict[str, Any], str]:
    """Run a command, perhaps with a limit to the bytes of a file: status, what it printed, and what it said."""
    with subprocess.Popen(
        (*COMMAND, *arguments),
        env={**os.environ, **wire.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        if limit is not None:
            import resource  # not every system has it

            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, limit))
        out, told = process.communicate(timeout=60)
    return process.returncode, json.loads(out or "{}"), told


def submit(wire: Wire, file: Path, journal: Path, *, limit: int | None = None) -> tuple[int, dict[str, Any], str]:
    options = ("--journal", str(journal), "--concurrency", str(CONCURRENCY))
    return bots(wire, "submit", str(file), *options, limit=limit)


def assert_stopped_for_want_of_room(wire: Wire, journal: Path, ended: tuple[int, dict[str, Any], str]) -> None:
    """It says so, and the report accounts for every event that was read."""
    status, totals, told = ended
    assert status == 1, told
    assert "Traceback" not in told
    assert "What it holds is safe" in totals["stopped_by"]
    assert 0 < totals["accepted"] < EVENTS
    assert totals["read"] == totals["accepted"] + totals["undelivered"]
    assert totals["accepted"] <= len(wire.bodies) * 500
    assert len(where_events_are(journal)) == totals["read"]


def assert_goes_on(wire: Wire, file: Path, journal: Path, figures: Figures, *, stops: int = 1) -> None:
    """With room again, the same command brings the rest; what was on its way then is all that came twice."""
    status, totals, told = submit(wire, file, journal)
    assert (status, totals["read"], totals["accepted"], totals["batches"]) == (0, EVENTS, EVENTS, BATCHES), told
    arrived = {event["event_id"] for event in wire.emulator.bot_events}
    assert arrived == {f"e{number}" for number in range(EVENTS)}
    assert Counter(where_events_are(journal)) == Counter(arrived)
    sent = Counter(wire.bodies)
    repeats = sum(sent.values()) - len(sent)
    assert len(sent) == BATCHES
    assert repeats <= stops * 2 * CONCURRENCY
    figures.add("a full disk", rounds=1, batches=BATCHES, events=EVENTS, repeats=repeats)


def test_a_small_disk_that_fills_up(wire: Wire, tmp_path: Path, file: Path, figures: Figures) -> None:
    """Once it has room again, the same command goes on; before that, it sends nothing that it cannot write down."""
    with disk(tmp_path / "disk", "size=1m") as small:
        journal = small.path / "j"
        stopped = submit(wire, file, journal)
        assert_stopped_for_want_of_room(wire, journal, stopped)
        before = len(wire.bodies)
        status, totals, told = submit(wire, file, journal)
        assert status in {1, 2}, told
        assert "the disk is full" in (totals.get("stopped_by") or told)
        # What was left of the disk may be enough for a transaction that is smaller than the one that failed.
        written = (totals["accepted"] - stopped[1]["accepted"]) // 500 if totals else 0
        assert len(wire.bodies) <= before + written + 2 * CONCURRENCY
        small.remount("size=64m")
        assert_goes_on(wire, file, journal, figures, stops=2)


def test_a_file_that_may_not_grow(wire: Wire, tmp_path: Path, file: Path, figures: Figures) -> None:
    """A quota, as the kernel enforces it."""
    journal = tmp_path / "j"
    assert_stopped_for_want_of_room(wire, journal, submit(wire, file, journal, limit=500_000))
    assert_goes_on(wire, file, journal, figures)


def test_no_room_for_a_journal_at_all(wire: Wire, tmp_path: Path, file: Path) -> None:
    """Nothing is sent without a journal where one was asked for."""
    status, _, told = submit(wire, file, tmp_path / "j", limit=4096)
    assert status == 2
    assert "Nothing was sent" in told
    assert wire.bodies == []
    assert submit(wire, file, tmp_path / "j")[0] == 0


@pytest.mark.parametrize("begun", [True, False], ids=["with a journal", "without one"])
def test_a_disk_that_is_mounted_for_reading_only(wire: Wire, tmp_path: Path, file: Path, begun: bool) -> None:
    """Found out before anything is sent, whether a journal is there or would have to be made."""
    with disk(tmp_path / "disk", "size=32m") as small:
        journal = small.path / "j"
        if begun:
            assert submit(wire, file, journal)[0] == 0
        left = {path.name: path.read_bytes() for path in small.path.iterdir()}
        sent = len(wire.bodies)
        small.remount("ro")
        status, _, told = submit(wire, file, journal)
        assert status == 2
        assert "Nothing was sent" in told
        assert {path.name: path.read_bytes() for path in small.path.iterdir()} == left
        assert len(wire.bodies) == sent


def test_a_folder_that_may_not_be_written(wire: Wire, tmp_path: Path, file: Path) -> None:
    """The same for a user who has no right to write there."""
    (tmp_path / "folder").mkdir()
    journal = tmp_path / "folder" / "j"
    assert submit(wire, file, journal)[0] == 0
    sent = len(wire.bodies)
    with read_only(tmp_path / "folder"):
        status, _, told = submit(wire, file, journal)
    assert status == 2
    assert "Nothing was sent" in told
    assert len(wire.bodies) == sent


def test_a_journal_that_may_only_be_read_can_be_looked_into(wire: Wire, tmp_path: Path, file: Path) -> None:
    """It was closed in good order, and is now on a disk that is mounted for reading only."""
    with disk(tmp_path / "disk", "size=32m") as small:
        journal = small.path / "j"
        assert submit(wire, file, journal)[0] == 0
        small.remount("ro")
        with JournalReader.open(journal) as view:
            assert view.state().accepted == EVENTS
