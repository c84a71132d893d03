"""Say of each click in a log whether it is a bot's.

Usage: python bot_filter.py clicks.ndjson [--public-url URL] > judged.ndjson
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

from omnivery import Automations, readers
from omnivery.automations import RoundTripReport
from omnivery.errors import OmniveryError
from omnivery.webhooks import Listener, Receiver, VerdictStore


def judge(log: Path, store: VerdictStore, *, public_url: str | None, timeout: float) -> RoundTripReport:
    """Submit the events of a log, and wait until the store has their verdicts."""
    receiver = Receiver(None, os.environ["OMNIVERY_SIGNING_KEY"], store=store)
    with Automations() as client, Listener(receiver) as listener:
        return client.bots.submit_and_wait(
            readers.read(log), receiver, timeout=timeout, webhook_url=public_url or listener.url
        )


def write(store: VerdictStore, output: TextIO) -> None:
    """Write one line for each verdict: the event's fields and attributes, and `is_bot`."""
    for verdict in store.verdicts():
        event = verdict.request.to_fields()
        output.write(json.dumps({**event, "is_bot": verdict.is_bot}) + "\n")


def main(arguments: Sequence[str]) -> int:
    """Run; the exit status is 0 if every line has its verdict."""
    parser = argparse.ArgumentParser(description="Say of each click in a log whether it is a bot's.")
    parser.add_argument("log", type=Path)
    parser.add_argument("--public-url", help="the URL by which the service reaches this machine")
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds to wait for verdicts")
    options = parser.parse_args(arguments)
    with TemporaryDirectory() as folder, VerdictStore(Path(folder) / "verdicts.db") as store:
        try:
            report = judge(options.log, store, public_url=options.public_url, timeout=options.timeout)
        except OmniveryError as error:
            print(f"bot_filter: {error}", file=sys.stderr)
            return 2
        write(store, sys.stdout)
    for rejection in report.submission.rejections:
        print(f"{options.log}, line {rejection.line}: {rejection.reason}", file=sys.stderr)
    print(report.summary(), file=sys.stderr)
    return 0 if report.read == report.verdicts else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
