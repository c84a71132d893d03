"""What a journal usually has to write, in one statement: parts that go out, and parts that were accepted.

Between any two statements, the thread that writes has to get the interpreter back from the one that encodes and sends,
and waits for that longer than for the disk. So the statements are SQLite's own business, in a trigger; measured, a
journalled run is a quarter faster for it. Whatever else there is to write goes the long way, statement by statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from omnivery.automations.bulk.journal_rows import Entry, json_text, row_of, tallies_of
from omnivery.automations.bulk.parts import Fate

PREPARE = """
CREATE TEMP VIEW step (
    source, opened, stuff, ended, now, position, read, accepted, rejected, batches, requests, retries, number, elapsed
) AS SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL;
CREATE TEMP TRIGGER take_step INSTEAD OF INSERT ON step BEGIN
    INSERT INTO batch (id, source, number, state, begun, events, attempts, created_at, places, ids, body)
        SELECT json_extract(value, '$[0]'), NEW.source, json_extract(value, '$[1]'), 'sending',
            json_extract(value, '$[2]'), json_extract(value, '$[3]'), 0, NEW.now,
            CAST(substr(NEW.stuff, json_extract(value, '$[4]'), json_extract(value, '$[5]')) AS TEXT),
            CAST(substr(NEW.stuff, json_extract(value, '$[6]'), json_extract(value, '$[7]')) AS TEXT),
            substr(NEW.stuff, json_extract(value, '$[8]'), json_extract(value, '$[9]'))
        FROM json_each(NEW.opened);
    UPDATE batch SET state = 'accepted', begun = 1, settled_at = NEW.now, error = NULL, places = NULL, body = NULL,
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


def step_of(entries: Sequence[Entry], now: float) -> dict[str, Any] | None:
    """Values of `STEP`; None where there is anything unusual to write."""
    tallies = list(tallies_of(entries, now))
    if len(tallies) != 1 or any(_is_unusual(one) for one in entries):
        return None
    opened, stuff = _opened(entries, now)
    ended = [[one.part.row, one.attempts] for entry in entries for one in entry.news.ended]
    return {**tallies[0], "opened": json_text(opened), "stuff": stuff, "ended": json_text(ended)}


def _is_unusual(entry: Entry) -> bool:
    news = entry.news
    half_done = news.begun and news.unfinished
    return bool(news.rejected) or half_done or any(one.fate is not Fate.ACCEPTED for one in news.ended)


def _opened(entries: Sequence[Entry], now: float) -> tuple[list[list[Any]], bytes]:
    """New parts, and all that is long in them laid end to end: where each begins, counted from 1, and its length."""
    rows: list[list[Any]] = []
    stuff = bytearray()
    for entry in entries:
        for part in entry.news.opened:
            row, _, number, begun, events, _, places, ids, body = row_of(part, entry.news, now)
            spans: list[int] = []
            for piece in (places.encode(), ids.encode(), body):
                spans += [len(stuff) + 1, len(piece)]
                stuff += piece
            rows.append([row, number, begun, events, *spans])
    return rows, bytes(stuff)
