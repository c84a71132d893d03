"""Webhook calls with verdicts: verified, parsed and stored, beside the same written by hand; CPU, in turns."""

from __future__ import annotations

import gc
import hashlib
import hmac
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.events import BATCH, batches, generate
from omnivery import codec, webhooks
from omnivery.webhooks import VerdictStore

KEY = "bench-signing-key"


def measure(*, events: int, rounds: int) -> dict[str, dict[str, float]]:
    """Take the same calls in both ways in every round."""
    calls = list(_calls(events))
    ways: dict[str, Callable[[Sequence[bytes], Path], None]] = {"omnivery": _ours, "by hand": _by_hand}
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in list(ways) if number % 2 == 0 else reversed(ways):
            with TemporaryDirectory() as folder:
                gc.collect()
                begun = time.process_time()
                ways[name](calls, Path(folder))
                spent[name].append((time.process_time() - begun) / events * 1e6)
    return {name: {"median": median(values), "min": min(values), "max": max(values)} for name, values in spent.items()}


def table(found: dict[str, dict[str, float]]) -> str:
    """The result for people."""
    lines = [f"{'verify, parse and store a verdict, CPU':<40}{'µs':>10}{'min':>10}{'max':>10}"]
    lines += [f"{name:<40}{one['median']:>10.2f}{one['min']:>10.2f}{one['max']:>10.2f}" for name, one in found.items()]
    return "\n".join(lines)


def _calls(events: int) -> Iterable[bytes]:
    for batch in batches(generate(events)):
        verdicts = [{**event, "is_bot": index % 2 == 0} for index, event in enumerate(batch)]
        yield codec.dumps({"events": verdicts, "signature": webhooks.sign(KEY)})


def _ours(calls: Sequence[bytes], folder: Path) -> None:
    with VerdictStore(folder / "verdicts.db") as store:
        for body in calls:
            verdicts = webhooks.parse(body, KEY)
            assert isinstance(verdicts, webhooks.BotVerdicts)
            store.add(body, verdicts)
        assert len(store) == len(calls) * BATCH


def _by_hand(calls: Sequence[bytes], folder: Path) -> None:
    """What a good programmer writes: the call as it came, and a row for each verdict, durable before it is accepted."""
    with sqlite3.connect(folder / "verdicts.db") as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("CREATE TABLE calls (token TEXT PRIMARY KEY, body BLOB)")
        db.execute("CREATE TABLE verdicts (event_id TEXT PRIMARY KEY, is_bot INTEGER, request TEXT)")
        for body in calls:
            _take(db, body)
    db.close()


def _take(db: sqlite3.Connection, body: bytes) -> None:
    found: dict[str, Any] = json.loads(body)
    signature = found["signature"]
    signed = f"{signature['timestamp']}{signature['token']}".encode()
    expected = hmac.new(KEY.encode(), signed, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(expected, signature["signature"])
    assert abs(time.time() - float(signature["timestamp"])) < 3600
    rows = [(one["event_id"], one["is_bot"], json.dumps(one)) for one in found["events"]]
    with db:
        db.execute("INSERT INTO calls VALUES (?, ?)", (signature["token"], body))
        db.executemany("INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?)", rows)
