"""Terminals of other encodings: no character ends a command. And a full disk, which is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from omnivery.emulator import Emulator
from tests.support.bots import events
from tests.support.cli import error_of, event, ndjson, on_full_disk, output_of, process, settings_of, with_full_log
from tests.support.journal import Refusing, submit


@pytest.mark.parametrize("encoding", ["ascii", "cp437"])
def test_help_is_readable_in_any_encoding(encoding: str) -> None:
    done = process("bots", "submit", "--help", environment={"PYTHONIOENCODING": encoding, "LANG": "C"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"FILE..." in done.stdout


def test_json_has_the_same_text_in_any_encoding() -> None:
    done = process("bots", "status", "/tmp/gr\u00fc\u00dfe", environment={"PYTHONIOENCODING": "ascii"})
    assert done.stderr.isascii()
    assert json.loads(done.stderr)["error"]["message"] == "journal: there is no file /tmp/gr\u00fc\u00dfe"


@pytest.mark.parametrize(
    "command",
    [("completion", "bash"), ("trigger", "clicked", "--print"), ("bots", "export"), ("bots", "status")],
    ids=" ".join,
)
@pytest.mark.anyio
async def test_a_full_disk_is_told_as_what_it_is(command: tuple[str, ...], tmp_path: Path) -> None:
    """With a few lines, Python saw it at its very end alone; else it was an error of no file."""
    if command[0] == "bots":
        journal = tmp_path / "j"
        await submit(events(3), Refusing(1), journal)
        command = (*command, str(journal))
    done = on_full_disk(*command)
    assert (done.returncode, error_of(done)["type"]) == (1, "OutputError")
    assert error_of(done)["message"] == "the output could not be written: No space left on device"


def test_a_reader_that_has_gone_ends_a_command_quietly() -> None:
    """As `| head` does: Python reported an error at its very end."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as output:
        command = [sys.executable, "-m", "omnivery", "completion", "bash"]
        done = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_sample_on_a_full_disk_is_told_as_what_it_is() -> None:
    with Emulator() as emulator:
        done = on_full_disk("webhooks", "sample", "opened", environment=settings_of(emulator))
    assert (done.returncode, error_of(done)["type"]) == (1, "OutputError")


def test_a_log_on_a_full_disk_does_not_end_a_run(tmp_path: Path) -> None:
    """The first warning ended it, before anything was sent, and nothing could say so."""
    file = ndjson(tmp_path / "a.ndjson", [event("a")])
    with Emulator() as emulator:
        settings = {**settings_of(emulator), "OMNIVERY_WEBHOOK_URL": "http://127.0.0.1:9/x"}
        done = with_full_log("bots", "submit", str(file), str(tmp_path / "missing"), environment=settings)
    assert done.returncode == 1
    assert (output_of(done)["accepted"], len(output_of(done)["errors"])) == (1, 1)
    assert with_full_log("bots", "status", str(tmp_path / "missing")).returncode == 2
