"""Power loss cannot be tried here. What can: that the disk is asked for what SQLite's promise rests on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from omnivery.bulk.journal.store import JournalStore
from omnivery.emulator import Emulator
from omnivery.errors import JournalError
from tests.faults.inputs import COMMAND
from tests.faults.wire import Wire

BATCHES = 6


def test_the_journal_has_sqlite_wait_for_the_disk_at_every_commit(tmp_path: Path) -> None:
    """SQLite's documentation: in WAL mode, FULL makes transactions durable across a power loss; NORMAL does not."""
    for _ in range(2):  # one that makes the file, one that finds it
        journal = JournalStore.open(tmp_path / "j")
        try:
            with journal._file.use(JournalError) as db:
                assert db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
                assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        finally:
            journal.close()


@pytest.mark.parametrize("source", ["pipe", "file"])
def test_nothing_goes_out_that_a_crash_would_lose(tmp_path: Path, source: str) -> None:
    """As the kernel sees it: of what a pipe yields, each batch is written to the disk before its request. A file can be
    read again, and at most two batches of one worker are not on the disk."""
    trace, file = tmp_path / "trace", tmp_path / "events.ndjson"
    strace = shutil.which("strace")
    if strace is None or subprocess.run([strace, "true"], capture_output=True, check=False).returncode:
        pytest.skip("system calls cannot be traced here")
    lines = (b'{"ip":"203.0.113.7","uas":"x","event_id":"e%d"}\n' % number for number in range(BATCHES * 500))
    file.write_bytes(b"".join(lines))
    options = ("--journal", str(tmp_path / "j"), "--concurrency", "1")
    tracing = (strace, "-f", "-y", "-s", "8", "-o", str(trace), "-e", "trace=fdatasync,fsync,sendto,sendmsg,write")
    with Emulator() as emulator, Wire(emulator) as wire:
        subprocess.run(
            (*tracing, *COMMAND, "submit", "-" if source == "pipe" else str(file), *options),
            input=file.read_bytes() if source == "pipe" else None,
            env={**os.environ, **wire.environment},
            capture_output=True,
            check=True,
            timeout=60,
        )
    calls = re.findall(r"sync\([^)]*/(j-wal)>|\"(POST)", trace.read_text())
    order = ["sync" if synced else "POST" for synced, _ in calls]
    assert order.count("POST") == BATCHES
    if source == "pipe":
        assert all(order[place - 1] == "sync" for place, what in enumerate(order) if what == "POST")
    else:
        assert order[-1] == "sync"
        assert "POST POST POST" not in " ".join(order)
