"""How far files were read, as a journal keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from attrs import asdict, define, field, frozen

from omnivery.bulk.position import PositionDelta


@frozen(kw_only=True)
class Place:
    """How far a file was read, and what shows whether a file is that one. As JSON it is part of a journal's position.

    Nothing in it tells what the file holds, but for `state`: the names of columns, for instance.
    """

    head_bytes: int = 0
    head: str = ""
    """Digest of its first bytes."""
    start: str = field(default="", eq=False)
    """What `start_digest` returns of these. An earlier release has not written it."""
    line: int = 1
    """Number of the first line of the block in which reading stands."""
    offset: int = 0
    """Bytes of the unpacked file before that block."""
    tail: str = ""
    """Digest of the last of these bytes."""
    skip: int = 0
    """Lines of the block that were read; in a file that is not made of lines, all items that were."""
    last_bytes: int = 0
    last: str = ""
    """Digest of the last line that was read, which may go on if it had no ending."""
    state: Any = None
    """`Placed.state` of the last item."""
    format: str | None = None
    """The name of the format, if it was recognized and not named."""
    newline: str | None = None
    path: str = ""
    """Where the file lay, links followed."""
    first: str = ""
    """Digest of the first line, where the file is a stream, of which no more can be read to recognize it."""
    modified: int = 0
    """When the file was written to last, in nanoseconds, before it was read: those rotated later were so later."""
    pending: bool = False
    """Whether another file lies under the name of this one now, and no run has come to its end since."""

    def as_json(self) -> dict[str, Any]:
        """Return its JSON form, without what says nothing."""
        said = ((name, getattr(self, name)) for name in _DEFAULTS)
        return {name: value for name, value in said if value != _DEFAULTS[name]}

    @property
    def is_whole(self) -> bool:
        """Whether it is in a file that is not made of lines, such as Parquet: who adds to one writes it anew."""
        return self.skip > 0 and self.offset == 0 and not self.last

    @property
    def rank(self) -> tuple[int, int]:
        """The greater, the further the file was read."""
        return (self.offset, self.line + self.skip)

    def begins(self, head: bytes) -> bool:
        """Whether a file with this beginning may be the one."""
        return 0 < self.head_bytes <= len(head) and digest(head[: self.head_bytes]) == self.head

    def ends_with(self, line: bytes) -> bool:
        """Whether a line is the last one that was read, or begins with it."""
        return digest(line[: self.last_bytes]) == self.last

    def is_of(self, other: Place) -> bool:
        """Whether both are places in one file, as far as its beginning tells."""
        return (self.head_bytes, self.head) == (other.head_bytes, other.head)


_DEFAULTS: dict[str, Any] = asdict(Place(), recurse=False)

KEPT = 100
"""Earlier files that are remembered under a name, to recognize them when they are packed or renamed once more."""


@define
class Places:
    """How far the files of a source were read, and which of these places a journal does not have yet."""

    _files: dict[str, Place] = field(alias="files", factory=dict[str, Place])
    """By the file's name in the journal."""
    _past: dict[int, Place] = field(alias="past", factory=dict[int, Place])
    """In files that lay under these names before, by serial numbers: the latest last."""
    _changed: set[tuple[str, str | int]] = field(init=False, factory=set[tuple[str, str | int]])
    """Members and keys of what has changed since the last delta."""
    _kept: set[int] = field(init=False, factory=set[int])
    """Past places that the last delta has left in the journal."""
    _is_whole: bool = field(init=False, default=True)
    """Whether the next delta holds all that there is."""

    @classmethod
    def of(cls, position: Mapping[str, Any]) -> Places:
        """Read them from a journal's position."""
        past = position.get("past", ())
        # In a journal they are entries by their serial numbers.
        values = [past[key] for key in sorted(past, key=int)] if isinstance(past, Mapping) else past
        return cls(
            files={key: Place(**value) for key, value in position.get("files", {}).items()},
            past={serial: Place(**value) for serial, value in enumerate(values)},
        )

    @property
    def files(self) -> Mapping[str, Place]:
        """Places by the file's name in the journal."""
        return self._files

    @property
    def past(self) -> Mapping[int, Place]:
        """Places in files that lay under these names before, by serial numbers: the latest last."""
        return self._past

    @property
    def all(self) -> list[Place]:
        """Every place."""
        return [*self._files.values(), *self._past.values()]

    def keep(self, name: str, place: Place) -> None:
        """Keep how far a file was read."""
        self._files[name] = place
        self._changed.add(("files", name))

    def drop(self, name: str) -> Place | None:
        """Forget how far the file of a name was read, and return that."""
        self._changed.add(("files", name))
        return self._files.pop(name, None)

    def keep_past(self, serial: int, place: Place) -> None:
        """Keep how far a file was read that is not under its name any more."""
        self._past[serial] = place
        self._changed.add(("past", serial))

    def add_past(self, places: Iterable[Place]) -> None:
        """Add places in files that are not under their names any more."""
        for place in places:
            self.keep_past(next(reversed(self._past), -1) + 1, place)

    def drop_past(self, place: Place) -> None:
        """Forget a place, if it is one of the past ones."""
        # Places take long to compare, and there may be thousands.
        for serial, one in self._past.items():
            if one.head == place.head and one == place:
                del self._past[serial]
                self._changed.add(("past", serial))
                return

    def as_json(self) -> dict[str, Any]:
        """Return a journal's position."""
        kept = self._kept_past()
        past = {"past": [self._past[serial].as_json() for serial in kept]} if kept else {}
        return {"files": {key: place.as_json() for key, place in self._files.items()}, **past}

    def take_delta(self) -> PositionDelta:
        """Return what has changed since it was asked last; the first time, everything."""
        changed, self._changed = self._changed, set()
        if self._is_whole or any(member == "past" for member, _ in changed):
            before, self._kept = self._kept, set(self._kept_past())
            # One more may have taken the room of an earlier one.
            changed |= {("past", serial) for serial in before ^ self._kept}
        if self._is_whole:
            changed |= {("files", name) for name in self._files}
        delta = PositionDelta(
            rest={},
            entries={(member, str(key)): self._entry(member, key) for member, key in changed},
            count=len(self._files) + len(self._kept),
            is_whole=self._is_whole,
        )
        self._is_whole = False
        return delta

    def _entry(self, member: str, key: Any) -> dict[str, Any] | None:
        """A place as JSON; None if it is none that is kept."""
        kept = self._files if member == "files" else self._past if key in self._kept else {}
        place = kept.get(key)
        return None if place is None else place.as_json()

    def _kept_past(self) -> list[int]:
        """Serial numbers of the past places that a journal is to keep."""
        serials = list(self._past)
        return [*(one for one in serials[:-KEPT] if self._past[one].pending), *serials[-KEPT:]]


DIGEST_BYTES = 16


def digest(data: bytes) -> str:
    """Return the digest by which data is recognized."""
    return blake2b(data, digest_size=DIGEST_BYTES).hexdigest()


def start_digest(head: bytes) -> str:
    """Return a short digest of a file's first bytes, as many as the greatest power of two that there are.

    A file that has grown can be looked up by it, where its whole `head` would have to be compared at any length.
    """
    return digest(head[: 1 << len(head).bit_length() - 1])[:16] if head else ""
