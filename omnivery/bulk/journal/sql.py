"""What is written to a journal: statements, and the values that go into them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from attrs import frozen

from omnivery import codec
from omnivery.bulk.report import Rejection
from omnivery.bulk.work import (
    BatchDelta,
    Part,
    PartState,
    SettledPart,
)

COUNTED = "UPDATE batch SET counted = 1 WHERE state = 'sending' AND state <> 'accepted' AND number = ?"
"""The first request with a batch has come to an end, and parts of it are still to go."""
REJECT = "INSERT INTO rejection (source, place, line, item_id, reason, item, rejected_at) VALUES (?, ?, ?, ?, ?, ?, ?)"
TALLY = (
    "UPDATE source SET position = ifnull(:position, position), read = read + :read, accepted = accepted + :accepted, "
    "rejected = rejected + :rejected, batches = batches + :batches, requests = requests + :requests, "
    "retries = retries + :retries, last_number = max(last_number, :number), elapsed = elapsed + :elapsed, "
    "updated_at = :now WHERE id = :source"
)
OPEN = (
    "INSERT INTO batch (id, source, number, state, counted, items, attempts, created_at, places, ids, body) "
    "VALUES (?, ?, ?, 'sending', ?, ?, 0, ?, ?, ?, ?)"
)
"""A new part, which goes out at once."""
_ACCEPT = (
    "UPDATE batch SET state = 'accepted', counted = 1, attempts = attempts + ?, settled_at = ?, error = NULL, "
    "places = NULL, body = NULL WHERE id = ?"
)
_LEAVE = (
    "UPDATE batch SET state = ?, counted = counted OR ?, attempts = attempts + ?, settled_at = ?, "
    "error = ifnull(?, error) WHERE id = ?"
)


@frozen(kw_only=True, eq=False)
class JournalEntry:
    """What has changed in a batch."""

    delta: BatchDelta
    read: int = 0
    """Items that were read for it."""
    position: str | None = None
    """Where its source stands then; None where that is as before."""
    elapsed: float = 0.0
    """Seconds of the run since the entry before."""


def row_of(part: Part[Any], delta: BatchDelta, now: float) -> tuple[Any, ...]:
    """Values of `OPEN`."""
    places = json_text([_packed(part.indices), _packed(part.lines) if part.lines is not None else None])
    ids = json_text(part.ids)
    return part.row, delta.source, delta.number, delta.counted, len(part.items), now, places, ids, part.body


def ends_of(ended: Sequence[SettledPart], now: float) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """What to do with the rows of parts that have ended."""
    for one in ended:
        match one.state:
            case PartState.ACCEPTED:
                yield _ACCEPT, (one.attempts, now, one.part.row)
            case PartState.REPLACED:
                yield "DELETE FROM batch WHERE id = ?", (one.part.row,)
            case PartState.UNDELIVERED:
                yield _LEAVE, ("undelivered", one.attempts > 0, one.attempts, now, one.error, one.part.row)
            case PartState.PENDING:
                yield _LEAVE, ("pending", one.attempts > 0, one.attempts, None, one.error, one.part.row)


def tallies_of(entries: Sequence[JournalEntry], now: float) -> Iterator[dict[str, Any]]:
    """Values of `TALLY`, for each source that the entries are about."""
    by_source: dict[int, list[JournalEntry]] = {}
    for one in entries:
        by_source.setdefault(one.delta.source, []).append(one)
    for source, own in by_source.items():
        yield {
            "read": sum(one.read for one in own),
            "accepted": sum(one.delta.accepted for one in own),
            "rejected": sum(len(one.delta.rejected) for one in own),
            "batches": sum(one.delta.batches for one in own),
            "requests": sum(one.delta.requests for one in own),
            "retries": sum(one.delta.retries for one in own),
            "elapsed": sum(one.elapsed for one in own),
            # They are in the order in which the source was read.
            "position": next((one.position for one in reversed(own) if one.position is not None), None),
            "number": max(one.delta.number for one in own),
            "now": now,
            "source": source,
        }


def rejection_of(source: int, one: Rejection, item: bytes | None, now: float) -> tuple[Any, ...]:
    """Values of `REJECT`."""
    return source, one.index, one.line, one.event_id, one.reason, item, now


def json_text(value: object) -> str:
    """A value as JSON, in text rather than bytes: SQLite's own functions for JSON then take it."""
    return codec.dumps(value).decode()


def _packed(numbers: Sequence[int | None]) -> int | list[int | None]:
    """The first of numbers that follow one another; else all of them."""
    if isinstance(numbers, range):
        return numbers.start
    first, last = numbers[0], numbers[-1]
    if first is None or last is None or last - first != len(numbers) - 1 or None in numbers:
        return list(numbers)
    return first


PREPARE = """
CREATE TEMP VIEW step (
    source, opened, stuff, ended, now, position, read, accepted, rejected, batches, requests, retries, number, elapsed
) AS SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL;
CREATE TEMP TRIGGER take_step INSTEAD OF INSERT ON step BEGIN
    INSERT INTO batch (id, source, number, state, counted, items, attempts, created_at, places, ids, body)
        SELECT json_extract(value, '$[0]'), NEW.source, json_extract(value, '$[1]'), 'sending',
            json_extract(value, '$[2]'), json_extract(value, '$[3]'), 0, NEW.now,
            CAST(substr(NEW.stuff, json_extract(value, '$[4]'), json_extract(value, '$[5]')) AS TEXT),
            CAST(substr(NEW.stuff, json_extract(value, '$[6]'), json_extract(value, '$[7]')) AS TEXT),
            substr(NEW.stuff, json_extract(value, '$[8]'), json_extract(value, '$[9]'))
        FROM json_each(NEW.opened);
    UPDATE batch SET state = 'accepted', counted = 1, settled_at = NEW.now, error = NULL, places = NULL, body = NULL,
        attempts = attempts + (
            SELECT json_extract(value, '$[1]') FROM json_each(NEW.ended) WHERE json_extract(value, '$[0]') = batch.id)
        WHERE id IN (SELECT json_extract(value, '$[0]') FROM json_each(NEW.ended));
    UPDATE source SET position = ifnull(NEW.position, position), read = read + NEW.read,
        accepted = accepted + NEW.accepted, rejected = rejected + NEW.rejected, batches = batches + NEW.batches,
        requests = requests + NEW.requests, retries = retries + NEW.retries,
        last_number = max(last_number, NEW.number), elapsed = elapsed + NEW.elapsed, updated_at = NEW.now
        WHERE id = NEW.source;
END;
"""
"""Nothing of it is in the file: it belongs to the connection."""
STEP = (
    "INSERT INTO step VALUES (:source, :opened, :stuff, :ended, :now, :position, :read, :accepted, :rejected, "
    ":batches, :requests, :retries, :number, :elapsed)"
)
"""A transaction by itself."""


def step_of(entries: Sequence[JournalEntry], now: float) -> dict[str, Any] | None:
    """Values of `STEP`; None where there is anything unusual to write."""
    tallies = list(tallies_of(entries, now))
    if len(tallies) != 1 or any(_is_unusual(one) for one in entries):
        return None
    opened, stuff = _opened(entries, now)
    ended = [[one.part.row, one.attempts] for entry in entries for one in entry.delta.ended]
    return {**tallies[0], "opened": json_text(opened), "stuff": stuff, "ended": json_text(ended)}


def _is_unusual(entry: JournalEntry) -> bool:
    delta = entry.delta
    half_done = delta.batches and delta.unfinished
    return bool(delta.rejected) or half_done or any(one.state is not PartState.ACCEPTED for one in delta.ended)


def _opened(entries: Sequence[JournalEntry], now: float) -> tuple[list[list[Any]], bytes]:
    """New parts, and all that is long in them laid end to end: where each begins, counted from 1, and its length."""
    rows: list[list[Any]] = []
    stuff = bytearray()
    for entry in entries:
        for part in entry.delta.opened:
            row, _, number, counted, items, _, places, ids, body = row_of(part, entry.delta, now)
            spans: list[int] = []
            for piece in (places.encode(), ids.encode(), body):
                spans += [len(stuff) + 1, len(piece)]
                stuff += piece
            rows.append([row, number, counted, items, *spans])
    return rows, bytes(stuff)
