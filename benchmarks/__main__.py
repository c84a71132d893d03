"""The command line: `python -m benchmarks NAME`: `bulk`, `emulator`, `journal`, `memory`, `readers` or `single`."""

from __future__ import annotations

import argparse
import json

from benchmarks import bulk, emulator, journal, memory, readers, single


def main() -> None:
    """Run one benchmark and print its table, or JSON where that was asked for."""
    chosen = _parser().parse_args()
    if chosen.benchmark == "bulk":
        found = bulk.measure(events=chosen.events, rounds=chosen.rounds, concurrency=chosen.concurrency)
        print(json.dumps(found, indent=2) if chosen.json else bulk.table(found))
    elif chosen.benchmark == "journal":
        kept = journal.measure(events=chosen.events, rounds=chosen.rounds, concurrency=chosen.concurrency)
        print(json.dumps(kept, indent=2) if chosen.json else journal.table(kept))
    elif chosen.benchmark == "readers":
        read = readers.measure(events=chosen.events, rounds=chosen.rounds, concurrency=chosen.concurrency)
        print(json.dumps(read, indent=2) if chosen.json else readers.table(read))
    elif chosen.benchmark == "emulator":
        taken = emulator.measure(events=chosen.events, rounds=chosen.rounds, connections=chosen.connections)
        print(json.dumps(taken, indent=2) if chosen.json else emulator.table(taken))
    elif chosen.benchmark == "single":
        cost = single.measure(calls=chosen.calls, rounds=chosen.rounds)
        print(json.dumps(cost, indent=2) if chosen.json else single.table(cost))
    else:
        usage = memory.measure(events=chosen.events)
        print(json.dumps(usage, indent=2) if chosen.json else memory.table(usage))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = parser.add_subparsers(dest="benchmark", required=True)
    speed = names.add_parser("bulk", help="bulk submission beside a hand-written loop on httpx and one on requests")
    safety = names.add_parser("journal", help="bulk submission with a journal beside the same without one")
    reading = names.add_parser("readers", help="each format beside plain iteration; file to sink beside memory to sink")
    for each in (speed, safety, reading):
        each.add_argument("--events", type=_count, default=100_000, help="events a run (default: %(default)s)")
        each.add_argument("--rounds", type=_count, default=7, help="runs of each variant (default: %(default)s)")
        each.add_argument("--concurrency", type=_count, default=8, help="requests in flight (default: %(default)s)")
    space = names.add_parser("memory", help="memory of a client that submits a generator's events")
    space.add_argument("--events", type=_ten_or_more, default=1_000_000, help="events (default: %(default)s)")
    one = names.add_parser("single", help="CPU of a synchronous call beside a bare httpx.Client with JSON decoding")
    one.add_argument("--calls", type=_count, default=1_000, help="calls a round (default: %(default)s)")
    one.add_argument("--rounds", type=_count, default=15, help="rounds (default: %(default)s)")
    server = names.add_parser("emulator", help="events that the emulator takes, with webhooks on")
    server.add_argument("--events", type=_count, default=100_000, help="events a round (default: %(default)s)")
    server.add_argument("--rounds", type=_count, default=5, help="rounds (default: %(default)s)")
    server.add_argument("--connections", type=_count, default=8, help="connections (default: %(default)s)")
    for each in (speed, safety, reading, space, one, server):
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
