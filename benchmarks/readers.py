"""Reading beside yardsticks: CPU for each record, in one process, in turns.

The yardsticks are a plain iteration over the lines of the file, `csv.reader`, and apachelogs where it is installed.
"""

from __future__ import annotations

import csv
import gc
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

from benchmarks.events import generate
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
from omnivery import readers

Reading: TypeAlias = Callable[[], Iterable[object]]

COMBINED = '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"'


def measure(*, events: int, rounds: int) -> dict[str, dict[str, float]]:
    """Read every file in every way, and sum up the microseconds of CPU for each record."""
    with TemporaryDirectory() as folder:
        return _measure_reading(Path(folder), events, rounds)


def table(found: dict[str, dict[str, float]]) -> str:
    """The result for people."""
    lines = [f"{'reading, CPU µs each':<44}{'best':>9}{'median':>9}"]
    return "\n".join([*lines, *(f"{name:<44}{one['best']:>9.2f}{one['median']:>9.2f}" for name, one in found.items())])


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
