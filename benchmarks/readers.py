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
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from benchmarks import machine, sink
from benchmarks.events import BATCH, Traffic, generate
from benchmarks.files import (
    Encoder,
    alb_lines,
    array_lines,
    caddy_lines,
    cloudfront_lines,
    csv_lines,
    csv_lines_without_ids,
    iis_lines,
    log_lines,
    logpush_lines,
    main_lines,
    ndjson_lines,
    nginx_json_lines,
    sendgrid_lines,
    traefik_lines,
    vhost_lines,
    write,
)
from benchmarks.variants import Spent, Target, submit
from omnivery import readers

Reading: TypeAlias = Callable[[], Iterable[object]]

TARGETS = {"ndjson": 0.9, "log": 0.5}
"""What to reach from a file to the sink of the events that the same CPU sends from memory."""
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
        "reading": reading,
        "file_to_memory": _measure_sending(events, rounds, concurrency),
    }


def table(found: dict[str, Any]) -> str:
    """The result for people."""
    settings = found["settings"]
    lines = [
        f"{settings['events']:,} events, {settings['rounds']} rounds in turns; CPU",
        machine.line(found["machine"]),
        "",
        f"{'reading, µs each':<44}{'best':>9}{'median':>9}",
    ]
    lines += [f"{name:<44}{one['best']:>9.2f}{one['median']:>9.2f}" for name, one in found["reading"].items()]
    lines += [
        "",
        f"{'file to sink ÷ the same from memory':<44}{'CPU best':>9}{'median':>9}{'wall best':>11}{'median':>9}",
    ]
    for kind, one in found["file_to_memory"].items():
        word = "reached" if one["cpu_best"] >= TARGETS[kind] else "NOT reached"
        title = f"{kind} ({one['file_cpu']:.2f} and {one['memory_cpu']:.2f} µs of CPU)"
        lines.append(
            f"{title:<44}{one['cpu_best']:>9.2f}"
            f"{one['cpu_median']:>9.2f}{one['wall_best']:>11.2f}{one['wall_median']:>9.2f}"
            f"  target {TARGETS[kind]:.2f} of CPU: {word}"
        )
    return "\n".join(lines)


# Reading


def _measure_reading(folder: Path, events: int, rounds: int) -> dict[str, dict[str, float]]:
    ways = _ways(folder, events)
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        # Every second round goes backwards, so that nobody always runs in another's wake.
        for name in list(ways) if number % 2 == 0 else reversed(ways):
            gc.collect()
            start = time.process_time()
            deque(ways[name](), maxlen=0)
            spent[name].append(time.process_time() - start)
    return {
        name: {"best": min(values) / events * 1e6, "median": median(values) / events * 1e6}
        for name, values in spent.items()
    }


_READINGS: Sequence[tuple[str, Encoder, Callable[[Path], Iterable[object]]]] = (
    ("readers.access_log, combined", log_lines, readers.access_log),
    ("readers.access_log, vhost_combined", vhost_lines, readers.access_log),
    ("readers.access_log, main, forwarded", main_lines, partial(readers.access_log, client_ip="forwarded")),
    ("readers.access_log, alb", alb_lines, readers.access_log),
    ("readers.access_log, cloudfront", cloudfront_lines, readers.access_log),
    ("readers.access_log, iis", iis_lines, readers.access_log),
    ("readers.access_log, caddy", caddy_lines, readers.access_log),
    ("readers.access_log, traefik", traefik_lines, readers.access_log),
    ("readers.access_log, logpush", logpush_lines, readers.access_log),
    ("readers.access_log, nginx_json", nginx_json_lines, readers.access_log),
    ("readers.events, sendgrid", sendgrid_lines, partial(readers.events, provider="sendgrid")),
    ("readers.ndjson", ndjson_lines, readers.ndjson),
    ("readers.ndjson, columns={}", ndjson_lines, partial(readers.ndjson, columns={})),
    ("readers.json, an array", array_lines, readers.json),
    ("readers.csv", csv_lines, readers.csv),
    ("readers.csv, ids derived", csv_lines_without_ids, readers.csv),
)
"""What is read: its title, what writes the lines of its file, and its reader."""


def _ways(folder: Path, events: int) -> dict[str, Reading]:
    """Every way of reading, by its name; each reads as many records."""
    log = write(folder / "log", log_lines(generate(events)))
    rows = write(folder / "rows", csv_lines(generate(events)))
    ways: dict[str, Reading] = {
        "plain iteration over lines": lambda: _lines(log),
        "csv.reader": lambda: _rows(rows),
    }
    if find_spec("apachelogs"):
        ways["apachelogs"] = lambda: _by_apachelogs(log)
    for number, (title, encode, read) in enumerate(_READINGS):
        ways[title] = partial(read, write(folder / str(number), encode(generate(events))))
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


# Sending


def _measure_sending(events: int, rounds: int, concurrency: int) -> dict[str, Any]:
    runs: dict[str, list[Spent]] = {f"{kind}_{origin}": [] for kind in TARGETS for origin in ("file", "memory")}
    with sink.running() as target:
        for number in range(rounds):
            for name in list(runs) if number % 2 == 0 else reversed(runs):
                before = target.traffic()
                runs[name].append(_run(name, target.url, events, concurrency))
                _check_arrival(name, target.traffic() - before, events)
    return {kind: _compared(runs[f"{kind}_file"], runs[f"{kind}_memory"], events) for kind in TARGETS}


def _compared(file: Sequence[Spent], memory: Sequence[Spent], events: int) -> dict[str, float]:
    cpu = [(own.cpu, other.cpu) for own, other in zip(file, memory, strict=True)]
    wall = [(own.seconds, other.seconds) for own, other in zip(file, memory, strict=True)]
    return {
        "file_cpu": min(one.cpu for one in file) / events * 1e6,
        "memory_cpu": min(one.cpu for one in memory) / events * 1e6,
        "cpu_best": min(one.cpu for one in memory) / min(one.cpu for one in file),
        "cpu_median": median(other / own for own, other in cpu),
        "wall_best": min(one.seconds for one in memory) / min(one.seconds for one in file),
        "wall_median": median(other / own for own, other in wall),
    }


def _run(name: str, url: str, events: int, concurrency: int) -> Spent:
    command = [sys.executable, "-m", "benchmarks.readers", name, url, str(events), str(concurrency)]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60 + events / 1_000)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise SystemExit(f"{name}: the run failed: {error}") from error
    return Spent(**json.loads(done.stdout))


def _check_arrival(name: str, got: Traffic, events: int) -> None:
    # One batch went ahead of the clock.
    due = -(-events // BATCH) + 1
    if got.requests != due:
        raise SystemExit(f"{name}: the sink got {got.requests} requests, and should have got {due}")


def _send(name: str, url: str, events: int, concurrency: int) -> Spent:
    kind, origin = name.split("_")
    read: Callable[[Path], Iterable[Any]] = readers.access_log if kind == "log" else readers.ndjson
    encode = log_lines if kind == "log" else ndjson_lines
    target = Target(url, concurrency)
    with TemporaryDirectory() as folder:
        ahead = write(Path(folder) / "ahead", encode(generate(BATCH)))
        path = write(Path(folder) / "events", encode(generate(events)))
        submit(read(ahead), target, Spent())
        source: Any = read(path)
        if origin == "memory":
            source = list(source) if kind == "log" else [line.data for line in source]
        gc.collect()
        gc.freeze()
        spent = Spent()
        submit(source, target, spent)
    return spent


if __name__ == "__main__":
    result = _send(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    print(json.dumps({"seconds": result.seconds, "cpu": result.cpu}))
