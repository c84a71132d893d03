"""What is submitted in the rounds with `kill -9`, and by which command."""

from __future__ import annotations

import gzip
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path

from attrs import frozen

COMMAND = (sys.executable, "-W", "error", "-m", "omnivery", "bots")
WORKER = (sys.executable, "-W", "error", "-m", "tests.faults.worker")


@frozen(kw_only=True)
class Input:
    """Something to submit."""

    make: Callable[[Path, random.Random], tuple[str, ...]]
    """Writes it into a folder, and returns the command that submits it, without the journal."""
    read: int
    """Items in it."""
    rejected: int
    """How many of them are not valid, or poison."""
    loses: bool = False
    """Whether the gateway cuts some connections, too."""


def _lines(count: int, *, invalid: int = 0, poison: int = 0, name: str = "e") -> list[bytes]:
    lines = [
        b'{"ip":"203.0.113.%d","uas":"Mozilla/5.0","event_id":"%s%d","own":"%s"}'
        % (number % 250, name.encode(), number, b"x" * (number % 60))
        for number in range(count)
    ]
    for turn in range(invalid):
        faulty = (b"{", b'{"ip":"nowhere","uas":"x","event_id":"bad%d"}' % turn, b'{"uas":"x"}', b"[]")
        lines[turn * 37 + 5] = faulty[turn % 4]
    for turn in range(poison):
        lines[turn * 701 + 60] = b'{"ip":"203.0.113.9","uas":"poison","event_id":"p%d"}' % turn
    return lines


def _log(count: int, *, unreadable: int = 0) -> list[bytes]:
    lines = [
        b'203.0.113.%d - - [22/Nov/2026:10:%02d:%02d +0000] "GET /c/%d HTTP/1.1" 302 0 "-" "Mozilla/5.0 (X11)"'
        % (number % 250, number // 60 % 60, number % 60, number)
        for number in range(count)
    ]
    for turn in range(unreadable):
        lines[turn * 91 + 3] = b"no line of a log"
    return lines


def _file(lines: list[bytes], name: str) -> Callable[[Path, random.Random], tuple[str, ...]]:
    def make(folder: Path, dice: random.Random) -> tuple[str, ...]:
        data = b"\n".join(lines) + b"\n"
        (folder / name).write_bytes(gzip.compress(data, 1) if name.endswith(".gz") else data)
        return _command(dice, folder / name)

    return make


def _two_files(folder: Path, dice: random.Random) -> tuple[str, ...]:
    (folder / "first.ndjson").write_bytes(b"\n".join(_lines(2750, invalid=3)) + b"\n")
    (folder / "second.log").write_bytes(b"\n".join(_log(3250)) + b"\n")
    return _command(dice, folder / "first.ndjson", folder / "second.log")


def _worker(what: str) -> Callable[[Path, random.Random], tuple[str, ...]]:
    def make(folder: Path, dice: random.Random) -> tuple[str, ...]:
        events = [json.loads(line) for line in _lines(6000)]
        (folder / "table.json").write_text(json.dumps(events))
        return (*WORKER, what, str(folder / "table.json"), "--concurrency", str(dice.choice([1, 2, 4, 8])))

    return make


def _command(dice: random.Random, *files: Path) -> tuple[str, ...]:
    return (*COMMAND, "submit", *map(str, files), "--concurrency", str(dice.choice([1, 2, 4, 8])))


INPUTS = {
    "NDJSON": Input(make=_file(_lines(7000), "events.ndjson"), read=7000, rejected=0),
    "NDJSON, some invalid": Input(make=_file(_lines(7000, invalid=60), "events.ndjson"), read=7000, rejected=60),
    "NDJSON, gzip, some invalid": Input(
        make=_file(_lines(7000, invalid=20), "events.ndjson.gz"), read=7000, rejected=20
    ),
    "NDJSON, some refused with 400": Input(
        make=_file(_lines(5000, invalid=8, poison=5), "events.ndjson"), read=5000, rejected=13
    ),
    "NDJSON, responses lost too": Input(make=_file(_lines(7000), "events.ndjson"), read=7000, rejected=0, loses=True),
    "log": Input(make=_file(_log(6000, unreadable=20), "access.log"), read=6000, rejected=20),
    "log, gzip": Input(make=_file(_log(6000), "access.log.gz"), read=6000, rejected=0),
    "two files": Input(make=_two_files, read=6000, rejected=3),
    "own cursor": Input(make=_worker("cursor"), read=6000, rejected=0),
    "an iterable": Input(make=_worker("iterable"), read=6000, rejected=0),
}
