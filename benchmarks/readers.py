"""Reading beside yardsticks, and from a file to the sink beside the same events from memory.

Reading is measured in one process, in turns. What counts is CPU for each record, beside a plain iteration over the
lines of the same file, `csv.reader`, and apachelogs where it is installed. Sending is measured in a fresh process a
run: `python -m benchmarks.readers KIND URL EVENTS SLOTS` is that process.
"""

from __future__ import annotations

import csv
import gc
import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import orjson

from benchmarks import machine, sink
from benchmarks.events import BATCH, Event, Traffic, generate
from benchmarks.variants import Spent, Target, submit
from omnivery import readers

Reading: TypeAlias = Callable[[], Iterable[object]]

TARGETS = {"ndjson": 0.9, "log": 0.5}
"""Events a second from a file to the sink, to reach of those of the same events from memory."""
COMBINED = '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"'


def measure(*, events: int, rounds: int, concurrency: int) -> dict[str, Any]:
    """Read every file in every way, then send.

    Raises:
        SystemExit: a run failed, or the sink did not get every request.
    """
    with TemporaryDirectory() as folder:
        reading = _measure_reading(Path(folder), events, rounds)
    return {
        "machine": machine.describe(),
        "settings": {"events": events, "rounds": rounds, "concurrency": concurrency},
        "microseconds": reading,
        "file_to_memory": _measure_sending(events, rounds, concurrency),
    }


def table(found: dict[str, Any]) -> str:
    """The result for people."""
    settings = found["settings"]
    lines = [
        f"{settings['events']:,} events, {settings['rounds']} rounds in turns; medians",
        machine.line(found["machine"]),
        "",
        f"{'reading':<44}{'µs each':>9}{'k/s':>8}",
    ]
    lines += [f"{name:<44}{each:>9.2f}{1_000 / each:>8.0f}" for name, each in found["microseconds"].items()]
    lines += ["", f"{'from the file to the sink ÷ from memory':<44}{'events/s':>9}"]
    for kind, ratio in found["file_to_memory"].items():
        word = "reached" if ratio >= TARGETS[kind] else "NOT reached"
        lines.append(f"{kind:<44}{ratio:>9.2f}  target {TARGETS[kind]:.2f}: {word}")
    return "\n".join(lines)


# Reading


def _measure_reading(folder: Path, events: int, rounds: int) -> dict[str, float]:
    ways = _ways(folder, events)
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        # Every second round goes backwards, so that nobody always runs in another's wake.
        for name in list(ways) if number % 2 == 0 else reversed(ways):
            gc.collect()
            start = time.process_time()
            deque(ways[name](), maxlen=0)
            spent[name].append(time.process_time() - start)
    return {name: median(values) / events * 1e6 for name, values in spent.items()}


def _ways(folder: Path, events: int) -> dict[str, Reading]:
    """Every way of reading, by its name; each reads as many records."""
    log, main, caddy, lines, array, rows, plain_rows = (
        write(folder / name, encode(generate(events))) for name, encode in _ENCODERS.items()
    )
    ways: dict[str, Reading] = {
        "plain iteration over lines": lambda: _lines(log),
        "csv.reader": lambda: _rows(rows),
        "readers.access_log, combined": lambda: readers.access_log(log),
        "readers.access_log, main, forwarded": lambda: readers.access_log(main, client_ip="forwarded"),
        "readers.access_log, Caddy": lambda: readers.access_log(caddy),
        "readers.ndjson": lambda: readers.ndjson(lines),
        "readers.ndjson, columns={}": lambda: readers.ndjson(lines, columns={}),
        "readers.json, an array": lambda: readers.json(array),
        "readers.csv": lambda: readers.csv(rows),
        "readers.csv, ids derived": lambda: readers.csv(plain_rows),
    }
    if find_spec("apachelogs"):
        ways["apachelogs"] = lambda: _by_apachelogs(log)
    if find_spec("polars"):
        ways |= _by_polars(folder, events)
    return ways


def _lines(path: Path) -> Iterator[object]:
    with path.open("rb") as file:
        yield from file


def _rows(path: Path) -> Iterator[object]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.reader(file)


def _by_apachelogs(log: Path) -> Iterator[object]:
    # Not imported by name: it has no types, and need not be installed.
    parser: Any = import_module("apachelogs").LogParser(COMBINED)

    with log.open(encoding="utf-8") as file:
        yield from parser.parse_lines(file)


def _by_polars(folder: Path, events: int) -> dict[str, Reading]:
    import polars as pl

    frame = pl.DataFrame(list(generate(events)))
    path = folder / "events.parquet"
    frame.write_parquet(path)
    return {"readers.parquet": lambda: readers.parquet(path), "readers.arrow": lambda: readers.arrow(frame)}


def write(path: Path, lines: Iterable[bytes]) -> Path:
    """Write a file of lines."""
    with path.open("wb") as file:
        file.writelines(line + b"\n" for line in lines)
    return path


def log_lines(events: Iterable[Event]) -> Iterator[bytes]:
    """The clicks as a web server logs them in combined format."""
    for event in events:
        stamp = datetime.fromtimestamp(event["ts"], UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
        url = f"/c/{event['campaign']}/{event['recipient_id']}"
        request = f'"GET {url} HTTP/1.1" 302 0 "https://mail.example/" "{event["uas"]}"'
        yield f"{event['ip']} - - [{stamp}] {request}".encode()


def main_lines(events: Iterable[Event]) -> Iterator[bytes]:
    """The same behind a proxy, in nginx's format `main`."""
    for event, line in zip(events, log_lines(generate(sys.maxsize)), strict=False):
        _, _, rest = line.partition(b" ")
        yield b'10.0.0.1 %b "%b"' % (rest, event["ip"].encode())


def caddy_lines(events: Iterable[Event]) -> Iterator[bytes]:
    """The same as Caddy logs them."""
    for event in events:
        request = {
            "remote_ip": event["ip"],
            "remote_port": "55220",
            "proto": "HTTP/2.0",
            "method": "GET",
            "host": "mail.example",
            "uri": f"/c/{event['campaign']}/{event['recipient_id']}",
            "headers": {"User-Agent": [event["uas"]], "Accept": ["*/*"]},
        }
        yield orjson.dumps({"level": "info", "ts": event["ts"] + 0.5, "request": request, "status": 302, "size": 0})


def array_lines(events: Iterable[Event]) -> Iterator[bytes]:
    """The events as one array, one a line."""
    opening = b"["
    for event in events:
        yield opening + orjson.dumps(event)
        opening = b","
    yield b"]"


def csv_lines(events: Iterable[Event]) -> Iterator[bytes]:
    """The events as CSV."""
    for number, event in enumerate(events):
        for row in (event, event.values()) if number == 0 else (event.values(),):
            text = StringIO()
            csv.writer(text, lineterminator="").writerow(row)
            yield text.getvalue().encode()


def csv_lines_without_ids(events: Iterable[Event]) -> Iterator[bytes]:
    """The events as CSV without the column of their ids."""
    return csv_lines({name: value for name, value in event.items() if name != "event_id"} for event in events)


def ndjson_lines(events: Iterable[Event]) -> Iterator[bytes]:
    """The events as NDJSON."""
    return map(orjson.dumps, events)


_ENCODERS: dict[str, Callable[[Iterable[Event]], Iterator[bytes]]] = {
    "combined.log": log_lines,
    "main.log": main_lines,
    "caddy.log": caddy_lines,
    "events.ndjson": ndjson_lines,
    "events.json": array_lines,
    "events.csv": csv_lines,
    "plain.csv": csv_lines_without_ids,
}
"""The files that are read, and what writes their lines."""


# Sending


def _measure_sending(events: int, rounds: int, concurrency: int) -> dict[str, float]:
    rates: dict[str, list[float]] = {f"{kind}_{origin}": [] for kind in TARGETS for origin in ("file", "memory")}
    with sink.running() as target:
        for number in range(rounds):
            for name in list(rates) if number % 2 == 0 else reversed(rates):
                before = target.traffic()
                rates[name].append(events / _run(name, target.url, events, concurrency))
                _check_arrival(name, target.traffic() - before, events)
    return {
        kind: median(own / other for own, other in zip(rates[f"{kind}_file"], rates[f"{kind}_memory"], strict=True))
        for kind in TARGETS
    }


def _run(name: str, url: str, events: int, concurrency: int) -> float:
    command = [sys.executable, "-m", "benchmarks.readers", name, url, str(events), str(concurrency)]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60 + events / 1_000)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise SystemExit(f"{name}: the run failed: {error}") from error
    return float(done.stdout)


def _check_arrival(name: str, got: Traffic, events: int) -> None:
    # One batch went ahead of the clock.
    due = -(-events // BATCH) + 1
    if got.requests != due:
        raise SystemExit(f"{name}: the sink got {got.requests} requests, and should have got {due}")


def _send(name: str, url: str, events: int, concurrency: int) -> float:
    kind, origin = name.split("_")
    read: Callable[[Path], Iterable[Any]] = readers.access_log if kind == "log" else readers.ndjson
    encode = log_lines if kind == "log" else ndjson_lines
    target = Target(url, concurrency)
    with TemporaryDirectory() as folder:
        ahead = write(Path(folder) / "ahead", encode(generate(BATCH)))
        path = write(Path(folder) / "events", encode(generate(events)))
        submit(read(ahead), target, Spent())
        source: Any = read(path) if origin == "file" else list(read(path))
        gc.collect()
        gc.freeze()
        spent = Spent()
        submit(source, target, spent)
    return spent.seconds


if __name__ == "__main__":
    print(json.dumps(_send(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
