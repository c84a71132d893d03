"""The command line: `python -m benchmarks [GROUP …]`, all groups when none is named."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks import bulk, calls, emulator, latency, machine, memory, readers, targets, verdicts

Group: TypeAlias = tuple[Callable[..., Any], Callable[[Any], str]]


def main() -> None:
    """Measure, print tables and targets, and write the results as JSON where that is asked for."""
    chosen = _parser().parse_args()
    found: dict[str, Any] = {}
    for name in chosen.groups or GROUPS:
        measure, table = _group(name, chosen)
        found[name] = measure()
        print(f"\n# {name}\n\n{table(found[name])}", flush=True)
    made = targets.rows(found)
    print(f"\n# targets\n\n{machine.line(machine.describe())}\n\n{targets.table(made)}")
    if chosen.json:
        written = {"machine": machine.describe(), "settings": vars(chosen) | {"json": None}, **found, "targets": made}
        chosen.json.write_text(json.dumps(written, indent=1) + "\n")


GROUPS = ("bulk", "latency", "calls", "verdicts", "memory", "emulator")
"""What is measured when no group is named; `readers` takes as long as all of them, `soak` a minute and more."""


def _group(name: str, chosen: argparse.Namespace) -> Group:
    events, rounds, concurrency = chosen.events, chosen.rounds, chosen.concurrency
    groups: dict[str, Group] = {
        "bulk": (partial(bulk.measure, events=events, rounds=rounds, concurrency=concurrency), bulk.table),
        "latency": (partial(latency.measure, rounds=max(1, rounds // 2)), latency.table),
        "calls": (partial(calls.measure, calls=1_000, rounds=2 * rounds), calls.table),
        "verdicts": (partial(verdicts.measure, events=events, rounds=rounds), verdicts.table),
        "memory": (partial(memory.measure, events=100 * events), memory.table),
        "emulator": (
            partial(emulator.measure, events=events, rounds=max(1, rounds // 2), connections=8),
            emulator.table,
        ),
        "soak": (partial(emulator.soak, events=50 * events, connections=8), emulator.soak_table),
        "readers": (partial(readers.measure, events=events, rounds=rounds), readers.table),
    }
    return groups[name]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("groups", nargs="*", choices=[*GROUPS, "readers", "soak", []], help="what to measure")
    parser.add_argument("--events", type=_count, default=100_000, help="events a run (default: %(default)s)")
    parser.add_argument("--rounds", type=_count, default=7, help="runs of each variant (default: %(default)s)")
    parser.add_argument("--concurrency", type=_count, default=8, help="requests in flight (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to a file, too")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("expected a whole number from 1")
    return int(text)


if __name__ == "__main__":
    main()
