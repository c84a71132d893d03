"""How far files were read, as a journal keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from attrs import asdict, define, field, frozen


@frozen(kw_only=True)
class Place:
    """How far a file was read, and what shows whether a file is that one. As JSON it is part of a journal's position.

    Nothing in it tells what the file holds, but for `state`: the names of columns, for instance.
    """

    head_bytes: int = 0
    head: str = ""
    """Digest of its first bytes."""
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
        default = Place()
        return asdict(self, filter=lambda attribute, value: value != getattr(default, attribute.name), recurse=False)

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


KEPT = 100
"""Earlier files that are remembered under a name, to recognize them when they are packed or renamed once more."""


@define
class Places:
    """How far the files of a source were read."""

    files: dict[str, Place] = field(factory=dict[str, Place])
    """By the file's name in the journal."""
    past: list[Place] = field(factory=list[Place])
    """In files that lay under these names before, the latest last."""
    _written: dict[str, tuple[Place, dict[str, Any]]] = field(
        init=False, eq=False, factory=dict[str, tuple[Place, dict[str, Any]]]
    )
    """Places in `files`, and their JSON: of thousands of files, one or two have changed since the last time."""

    @classmethod
    def of(cls, position: Mapping[str, Any]) -> Places:
        """Read them from a journal's position."""
        return cls(
            {key: Place(**value) for key, value in position.get("files", {}).items()},
            [Place(**value) for value in position.get("past", ())],
        )

    def as_json(self) -> dict[str, Any]:
        """Return a journal's position."""
        kept = [*(one for one in self.past[:-KEPT] if one.pending), *self.past[-KEPT:]]
        past = {"past": [one.as_json() for one in kept]} if kept else {}
        for key, place in self.files.items():
            if key not in self._written or self._written[key][0] is not place:
                self._written[key] = place, place.as_json()
        return {"files": {key: self._written[key][1] for key in self.files}, **past}

    @property
    def all(self) -> list[Place]:
        """Every place."""
        return [*self.files.values(), *self.past]


def digest(data: bytes) -> str:
    """Return the digest by which data is recognized."""
    return blake2b(data, digest_size=16).hexdigest()
