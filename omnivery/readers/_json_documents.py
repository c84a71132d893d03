"""The objects in JSON that is not one object a line: an array, objects over many lines, objects without line breaks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from attrs import define, field

from omnivery.events.event import EventLine, UnreadableLine
from omnivery.readers._lines import MAX_LINE, too_long

NOT_AN_OBJECT = "not a JSON object"
"""Why what stands between two objects cannot be read."""

_BRACKET = re.compile(rb'[^{}\[\]"]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^{}\[\]"]*+)*+([{}\[\]])', re.DOTALL)
"""Up to the next bracket outside of quotes."""
_BETWEEN = re.compile(rb"(?:[\s,\x1e\0]++|[\[\]]|\xef\xbb\xbf)*+")
"""What may stand between objects: blanks, commas, arrays' brackets, the separator of RFC 7464, NULs and the byte order
marks of joined files."""
_OTHER = re.compile(rb"[^{}\[\]\n]*+[}\n]?|\Z")


def json_objects(pieces: Iterable[bytes]) -> Iterator[EventLine | UnreadableLine]:
    """Yield the objects in JSON, of which one is in memory at a time, with the lines on which they begin.

    Arrays around them are taken apart. An object that does not end, or is longer than a line may be, comes out as an
    `UnreadableLine`, and so does whatever else stands between two objects.
    """
    cutter = _Cutter()
    for piece in pieces:
        yield from cutter.feed(piece)
    yield from cutter.finish()


@define(eq=False)
class _Cutter:
    _rest: bytes = field(init=False, default=b"")
    """What was not handed over: from the beginning of an object, if one was begun."""
    _scanned: int = field(init=False, default=0)
    """How much of it was looked at."""
    _depth: int = field(init=False, default=0)
    """Brackets that are open in the object."""
    _arrays: int = field(init=False, default=0)
    """Arrays that are open around the objects."""
    _line: int = field(init=False, default=1)
    """The number of the line on which the rest begins."""
    _dropping: bool = field(init=False, default=False)
    """Whether the object is too long, and not kept."""

    def feed(self, data: bytes) -> Iterator[EventLine | UnreadableLine]:
        """Yield what has come to its end with more data."""
        text = self._rest + data
        at = 0
        while True:
            if self._depth == 0:
                at = self._passed(text, at)
                if at == len(text):
                    break
                if text[at : at + 1] != b"{":
                    end = _OTHER.match(text, at).end()  # type: ignore[union-attr]  # it matches anything
                    if end == len(text) and len(text) - at <= MAX_LINE:
                        break  # more of it may come
                    yield UnreadableLine(line=self._line, reason=NOT_AN_OBJECT)
                    at = self._moved(text, at, end)
                    continue
            end = self._end_of_object(text, at)
            if end is None:
                break
            if not self._dropping:
                yield EventLine(data=_in_one_line(text[at:end]), line=self._line)
            at, self._dropping = self._moved(text, at, end), False
        self._rest = text[at:]
        if len(self._rest) > MAX_LINE:
            yield from self._dropped()

    def finish(self) -> Iterator[EventLine | UnreadableLine]:
        """Say what did not come to its end."""
        if self._depth and not self._dropping:
            yield UnreadableLine(line=self._line, reason="cut off: the JSON object that begins here does not end")
        elif self._rest.strip():
            yield UnreadableLine(line=self._line, reason=NOT_AN_OBJECT)
        elif self._arrays > 0:
            yield UnreadableLine(line=self._line, reason="cut off: the JSON array does not end")

    def _passed(self, text: bytes, at: int) -> int:
        """The end of what stands between objects."""
        end = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]  # it matches anything
        self._arrays += text.count(b"[", at, end) - text.count(b"]", at, end)
        return self._moved(text, at, end)

    def _moved(self, text: bytes, at: int, end: int) -> int:
        self._line += text.count(b"\n", at, end)
        return end

    def _end_of_object(self, text: bytes, at: int) -> int | None:
        """Where the object ends that begins here; None if that is not known yet."""
        found = _BRACKET.match(text, at + self._scanned)
        while found is not None:
            self._depth += 1 if found[1] in b"{[" else -1
            if self._depth == 0:
                self._scanned = 0
                return found.end()
            self._scanned = found.end() - at
            found = _BRACKET.match(text, found.end())
        return None

    def _dropped(self) -> Iterator[UnreadableLine]:
        """Give up what is too long, without holding it in memory."""
        if not self._dropping:
            yield too_long(self._line)
        # Where not even a bracket was found in all of it, nobody knows what follows: an object may begin anywhere.
        at = self._scanned or len(self._rest)
        self._dropping = self._depth > 0 and self._scanned > 0
        self._depth = self._depth if self._dropping else 0
        self._moved(self._rest, 0, at)
        self._rest, self._scanned = self._rest[at:], 0


def _in_one_line(data: bytes) -> bytes:
    # Within an object, line breaks can only be blanks: in text they are escaped.
    return data.replace(b"\r", b" ").replace(b"\n", b" ") if b"\n" in data or b"\r" in data else data
