"""What is written to a journal: one statement for all that has changed, and the values that go into it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any, TypeAlias
from zlib import crc32

from attrs import define, field, frozen

from omnivery import codec
from omnivery.bulk.journal.position import WRITE_ENTRIES, StoredPosition, joined
from omnivery.bulk.journal.values import checksum_of, ids_text, places_text, storable, storable_integer
from omnivery.bulk.part import BatchDelta, Part, PartState, SettledPart

BODIES = 32
"""Bodies of a transaction that are values of their own, which saves two copies of each; further ones are pieces."""
_COLUMNS = (
    *(
        "opened",
        "claimed",
        "counted",
        "accepted",
        "named",
        "kept",
        "replaced",
        "rejected",
        "totals",
        "whole",
        "entries",
        "pieces",
        "now",
    ),
    *(f"body{index}" for index in range(BODIES)),
)
_BODY = " ".join(f"WHEN {index} THEN NEW.body{index}" for index in range(BODIES))

PREPARE = (
    f"CREATE TEMP VIEW step ({', '.join(_COLUMNS)}) AS SELECT {', '.join(['NULL'] * len(_COLUMNS))}",
    f"""
CREATE TEMP TRIGGER take_step INSTEAD OF INSERT ON step BEGIN
    INSERT INTO batch (id, source, number, counted, items, place, checksum, ids_checksum, state, attempts, settled_at,
            created_at, places, ids, digest, body)
        SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
            json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),
            json_extract(value, '$[6]'), json_extract(value, '$[7]'),
            iif(json_extract(value, '$[8]') IS NULL, 'sending', 'accepted'), ifnull(json_extract(value, '$[8]'), 0),
            iif(json_extract(value, '$[8]') IS NULL, NULL, NEW.now), NEW.now,
            CAST(substr(NEW.pieces, json_extract(value, '$[9]'), json_extract(value, '$[10]')) AS TEXT),
            CAST(substr(NEW.pieces, json_extract(value, '$[11]'), json_extract(value, '$[12]')) AS TEXT),
            substr(NEW.pieces, json_extract(value, '$[13]'), json_extract(value, '$[14]')),
            CASE json_extract(value, '$[15]') {_BODY}
                ELSE substr(NEW.pieces, json_extract(value, '$[16]'), json_extract(value, '$[17]')) END
        FROM json_each(NEW.opened);
    UPDATE batch SET state = 'sending', settled_at = NULL WHERE id IN (SELECT value FROM json_each(NEW.claimed));
    UPDATE batch SET counted = 1
        WHERE state = 'sending' AND state <> 'accepted' AND number IN (SELECT value FROM json_each(NEW.counted));
    UPDATE batch SET state = 'accepted', counted = 1, settled_at = NEW.now, error = NULL, places = NULL, body = NULL,
            attempts = attempts + one.tries
        FROM (SELECT json_extract(value, '$[0]') AS row, json_extract(value, '$[1]') AS tries
            FROM json_each(NEW.accepted)) AS one
        WHERE batch.id = one.row;
    UPDATE batch SET ids = one.text, ids_checksum = one.checksum
        FROM (SELECT json_extract(value, '$[0]') AS row, json_extract(value, '$[1]') AS checksum,
            CAST(substr(NEW.pieces, json_extract(value, '$[2]'), json_extract(value, '$[3]')) AS TEXT) AS text
            FROM json_each(NEW.named)) AS one
        WHERE batch.id = one.row;
    UPDATE batch SET state = one.state, counted = max(counted, one.tries > 0), attempts = attempts + one.tries,
            settled_at = CASE one.state WHEN 'pending' THEN NULL ELSE NEW.now END, error = ifnull(one.text, error)
        FROM (SELECT json_extract(value, '$[0]') AS row, json_extract(value, '$[1]') AS state,
            json_extract(value, '$[2]') AS tries,
            CAST(substr(NEW.pieces, json_extract(value, '$[3]'), json_extract(value, '$[4]')) AS TEXT) AS text
            FROM json_each(NEW.kept)) AS one
        WHERE batch.id = one.row;
    DELETE FROM batch WHERE id IN (SELECT value FROM json_each(NEW.replaced));
    INSERT INTO rejection (source, place, line, rejected_at, item_id, reason, digest, item, file)
        SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), NEW.now,
            CAST(substr(NEW.pieces, json_extract(value, '$[3]'), json_extract(value, '$[4]')) AS TEXT),
            CAST(substr(NEW.pieces, json_extract(value, '$[5]'), json_extract(value, '$[6]')) AS TEXT),
            substr(NEW.pieces, json_extract(value, '$[7]'), json_extract(value, '$[8]')),
            substr(NEW.pieces, json_extract(value, '$[9]'), json_extract(value, '$[10]')),
            CAST(substr(NEW.pieces, json_extract(value, '$[11]'), json_extract(value, '$[12]')) AS TEXT)
        FROM json_each(NEW.rejected);
{WRITE_ENTRIES}    UPDATE source SET position = ifnull(one.position, source.position),
            position_checksum = ifnull(one.checksum, position_checksum),
            position_entries = iif(one.position IS NULL, position_entries, one.entries), read = read + one.read_,
            accepted = accepted + one.accepted_, rejected = rejected + one.rejected_, batches = batches + one.batches_,
            requests = requests + one.requests_, retries = retries + one.retries_,
            last_number = max(last_number, one.number), elapsed = elapsed + one.seconds, updated_at = NEW.now
        FROM (SELECT json_extract(value, '$[0]') AS row, json_extract(value, '$[1]') AS number,
            json_extract(value, '$[2]') AS read_, json_extract(value, '$[3]') AS accepted_,
            json_extract(value, '$[4]') AS rejected_, json_extract(value, '$[5]') AS batches_,
            json_extract(value, '$[6]') AS requests_, json_extract(value, '$[7]') AS retries_,
            json_extract(value, '$[8]') AS seconds, json_extract(value, '$[9]') AS position,
            json_extract(value, '$[10]') AS checksum, json_extract(value, '$[11]') AS entries
            FROM json_each(NEW.totals)) AS one
        WHERE source.id = one.row;
END
""",  # noqa: S608  # our own words
)
"""A trigger of the connection, of which nothing is in the file. It takes a whole transaction as one row of a view: one
call of SQLite, where statement by statement the thread that writes would wait for Python's lock again and again."""
STEP = f"INSERT INTO step VALUES ({', '.join(f':{column}' for column in _COLUMNS)})"  # noqa: S608  # our own words
"""A transaction by itself."""

Span: TypeAlias = tuple[int | None, int | None]
"""Where a piece begins, counted from 1, and its length; of no piece, two NULLs."""
_KEPT = {PartState.UNDELIVERED: "undelivered", PartState.UNKNOWN: "unknown", PartState.PENDING: "pending"}


@frozen(kw_only=True, eq=False)
class _OpenedPart:
    """A new part as it is written."""

    numbers: tuple[int | None, ...]
    """The columns that are numbers, in the order of `take_step`."""
    places: bytes | None
    ids: bytes
    digest: bytes | None
    body: bytes | None

    @classmethod
    def of(cls, part: Part[Any], delta: BatchDelta, accepted: SettledPart | None) -> _OpenedPart:
        """A part that is new in a batch, and how it was accepted, if it was."""
        ids = accepted.ids if accepted and accepted.ids is not None else part.ids
        ids_as_text = ids_text(ids or [None] * len(part.items))
        # Of what is known by its digest nothing else is kept: it must not be sent again without its source. And nobody
        # asks for the body of what has been accepted, nor for its places.
        places = None if accepted else places_text(part, delta.files)
        body = None if accepted or part.digest is not None else part.body
        return cls(
            numbers=(
                part.row,
                delta.source,
                delta.number,
                int(delta.counted),
                len(part.items),
                part.indices[0],
                checksum_of(places or b"", body),
                crc32(ids_as_text),
                accepted.attempts if accepted else None,
            ),
            places=places,
            ids=ids_as_text,
            digest=part.digest,
            body=body,
        )

    def columns(self, pieces: _Pieces) -> tuple[int | None, ...]:
        """All columns, with the spans of what is no number."""
        return (
            *self.numbers,
            *pieces.add(self.places),
            *pieces.add(self.ids),
            *pieces.add(self.digest),
            *pieces.add_body(self.body),
        )


@frozen(kw_only=True, eq=False)
class JournalEntry:
    """What has changed in a batch."""

    delta: BatchDelta
    read: int = 0
    """Items that were read for it."""
    position: StoredPosition | None = None
    """Where its source stands then; None where that is as before."""
    elapsed: float = 0.0
    """Seconds of the run since the entry before."""
    opened: Sequence[_OpenedPart] = field(init=False)
    """The batch's new parts. They are made with the entry, on the event loop: a checksum lets go of Python's lock, and
    beside a busy loop the thread that writes would wait a millisecond for it, after each one."""
    accepted: Sequence[SettledPart] = field(init=False)
    """Parts that were accepted, but for the new ones."""

    def __attrs_post_init__(self) -> None:
        accepted = {one.part.row: one for one in self.delta.ended if one.state is PartState.ACCEPTED}
        opened = [_OpenedPart.of(part, self.delta, accepted.pop(part.row, None)) for part in self.delta.opened]
        object.__setattr__(self, "opened", opened)
        object.__setattr__(self, "accepted", [*accepted.values()])


@define(eq=False)
class _Pieces:
    """Text and bytes of a transaction, laid end to end: JSON holds no bytes, and SQLite cuts JSON's text at a NUL."""

    _pieces: list[bytes] = field(init=False, factory=list[bytes])
    _length: int = field(init=False, default=0)
    bodies: list[bytes | None] = field(init=False, factory=list["bytes | None"])
    """Those that are values of their own."""

    def add_body(self, body: bytes | None) -> tuple[int | None, int | None, int | None]:
        """Append a body, and return its number among those that are values of their own, or its span."""
        if body is None or len(self.bodies) == BODIES:
            return None, *self.add(body)
        self.bodies.append(body)
        return len(self.bodies) - 1, None, None

    def add(self, piece: bytes | None) -> Span:
        """Append a piece."""
        if piece is None:
            return None, None
        start = self._length + 1
        self._pieces.append(piece)
        self._length += len(piece)
        return start, len(piece)

    def add_text(self, text: str | None) -> Span:
        """Append text for people, whatever is in it."""
        return self.add(None if text is None else storable(text).encode())

    def joined(self) -> bytes:
        """All of them."""
        return b"".join(self._pieces)


def step_of(entries: Sequence[JournalEntry], now: float) -> dict[str, Any]:
    """Values of `STEP`, for all entries together."""
    pieces = _Pieces()
    deltas = [entry.delta for entry in entries]
    by_source = _by_source(entries)
    # They are in the order in which the source was read.
    positions = {
        source: joined(one.position for one in own if one.position is not None) for source, own in by_source.items()
    }
    settled = [one for delta in deltas for one in delta.ended]
    accepted = [one for entry in entries for one in entry.accepted]
    values = {
        "opened": _array(part.columns(pieces) for one in entries for part in one.opened),
        "claimed": _array(row for delta in deltas for row in delta.claimed),
        "counted": _array(delta.number for delta in deltas if delta.batches and delta.unfinished),
        "accepted": _array((one.part.row, one.attempts) for one in accepted),
        "named": _array(_named(one, pieces) for one in accepted if one.ids is not None),
        "kept": _array(_kept(one, pieces) for one in settled if one.state in _KEPT),
        "replaced": _array(one.part.row for one in settled if one.state is PartState.REPLACED),
        "rejected": _array(row for delta in deltas for row in _rejected(delta, pieces)),
        "totals": _array(_totals(one, own, positions[one]) for one, own in by_source.items()),
        "whole": _array(one for one, position in positions.items() if position and position.is_whole),
        "entries": _array(
            row for one, position in positions.items() if position for row in position.rows(one, pieces.add)
        ),
    }
    bodies = zip_longest(_COLUMNS[-BODIES:], pieces.bodies)
    return {**values, **dict(bodies), "pieces": pieces.joined(), "now": now}


def _named(one: SettledPart, pieces: _Pieces) -> tuple[Any, ...]:
    ids = ids_text(one.ids or ())
    return (one.part.row, crc32(ids), *pieces.add(ids))


def _kept(one: SettledPart, pieces: _Pieces) -> tuple[Any, ...]:
    return (one.part.row, _KEPT[one.state], one.attempts, *pieces.add_text(one.error))


def _rejected(delta: BatchDelta, pieces: _Pieces) -> Iterator[tuple[Any, ...]]:
    digests = {one.part.indices[0]: one.part.digest for one in delta.ended if one.state is PartState.REPLACED}
    for rejection, item in delta.rejected:
        yield (
            delta.source,
            rejection.index,
            storable_integer(rejection.line),
            *pieces.add_text(rejection.event_id),
            *pieces.add_text(rejection.reason),
            *pieces.add(digests.get(rejection.index)),
            *pieces.add(item),
            *pieces.add_text(rejection.file),
        )


def _by_source(entries: Sequence[JournalEntry]) -> dict[int, list[JournalEntry]]:
    by_source: dict[int, list[JournalEntry]] = {}
    for one in entries:
        by_source.setdefault(one.delta.source, []).append(one)
    return by_source


def _totals(source: int, own: Sequence[JournalEntry], position: StoredPosition | None) -> tuple[Any, ...]:
    """What goes up for a source, and where it stands then."""
    return (
        source,
        max(one.delta.number for one in own),
        sum(one.read for one in own),
        sum(one.delta.accepted for one in own),
        sum(len(one.delta.rejected) for one in own),
        sum(one.delta.batches for one in own),
        sum(one.delta.requests for one in own),
        sum(one.delta.retries for one in own),
        sum(one.elapsed for one in own),
        None if position is None else position.text,
        None if position is None else crc32(position.text.encode()),
        None if position is None else position.count,
    )


def _array(values: Iterable[Any]) -> str | None:
    """Values as a JSON array; None if there are none."""
    listed = list(values)
    return codec.dumps(listed).decode() if listed else None
