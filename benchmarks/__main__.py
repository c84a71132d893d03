"""The command line: `python -m benchmarks bulk` and `python -m benchmarks memory`."""

from __future__ import annotations

import argparse
import json

from benchmarks import bulk, memory


def main() -> None:
    """Run one benchmark and print its table, or JSON where that was asked for."""
    chosen = _parser().parse_args()
    if chosen.benchmark == "bulk":
        found = bulk.measure(events=chosen.events, rounds=chosen.rounds, concurrency=chosen.concurrency)
        print(json.dumps(found, indent=2) if chosen.json else bulk.table(found))
    else:
        usage = memory.measure(events=chosen.events)
        print(json.dumps(usage, indent=2) if chosen.json else memory.table(usage))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = parser.add_subparsers(dest="benchmark", required=True)
    speed = names.add_parser("bulk", help="bulk submission beside a hand-written loop on httpx and one on requests")
    speed.add_argument("--events", type=_count, default=100_000, help="events a run (default: %(default)s)")
    speed.add_argument("--rounds", type=_count, default=7, help="runs of each variant (default: %(default)s)")
    speed.add_argument("--concurrency", type=_count, default=8, help="requests in flight (default: %(default)s)")
    space = names.add_parser("memory", help="memory of a client that submits a generator's events")
    space.add_argument("--events", type=_ten_or_more, default=1_000_000, help="events (default: %(default)s)")
    for each in (speed, space):
        each.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


def _count(text: str) -> int:
    return _at_least(1, text)


def _ten_or_more(text: str) -> int:
    # A tenth of them is submitted too, to compare.
    return _at_least(10, text)


def _at_least(least: int, text: str) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least}")
    return int(text)


if __name__ == "__main__":
    main()
