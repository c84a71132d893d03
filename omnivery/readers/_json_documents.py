"""The objects in JSON that is not one object a line: an array, objects over many lines, objects without line breaks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from attrs import define, field

from omnivery.events.event import EventLine, UnreadableLine
from omnivery.readers._json_envelope import BRACKET, IsRecord, Records, records_in
from omnivery.readers._lines import MAX_LINE, too_long

NOT_AN_OBJECT = "not a JSON object"
"""Why what stands between two objects cannot be read."""

_BETWEEN = re.compile(rb"(?:[\s,\x1e\0]++|[\[\]]|\xef\xbb\xbf)*+")
"""What may stand between objects: blanks, commas, arrays' brackets, the separator of RFC 7464, NULs and the byte order
marks of joined files."""
_WITHIN = re.compile(rb"[\s,\x1e\0]*+")
"""The same between the records of an envelope, whose end is told by a bracket."""
_OTHER = re.compile(rb"[^{}\[\]\n]*+[}\n]?|\Z")
_OTHER_WITHIN = re.compile(rb'(?:[^{}\[\]\n"]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+[}\n]?|\Z', re.DOTALL)
"""The same in an envelope, in which a bracket that is none would seem to end the list."""


def json_objects(
    pieces: Iterable[bytes], is_record: IsRecord | None = None, *, leave: Callable[[int], None] | None = None
) -> Iterator[EventLine | UnreadableLine]:
    """Yield the objects in JSON, of which one is in memory at a time, with the lines on which they begin.

    Arrays around them are taken apart. An object that does not end, or is longer than a line may be, comes out as an
    `UnreadableLine`, and so does whatever else stands between two objects.

    Args:
        pieces: the JSON.
        is_record: which objects are wanted. Of one that is none, and holds a list of these, they come out instead.
        leave: if the JSON may still grow: told how many bytes have not come to their end, instead of an item that says
            so.
    """
    cutter = _Cutter(is_record)
    for piece in pieces:
        yield from cutter.feed(piece)
    yield from cutter.rest_of_records()
    if leave is None:
        yield from cutter.finish()
    else:
        leave(cutter.unfinished)


@define(eq=False)
class _Cutter:
    _is_record: IsRecord | None
    _rest: bytes = field(init=False, default=b"")
    """What was not handed over: from the beginning of an object, if one was begun."""
    _scanned: int = field(init=False, default=0)
    """How much of it was looked at."""
    _depth: int = field(init=False, default=0)
    """Brackets that are open in the object."""
    _arrays: int = field(init=False, default=0)
    """Arrays that are open around the objects."""
    _around: int = field(init=False, default=0)
    """Brackets that are open around the list of records in an envelope; 0 outside of one."""
    _lists: int = field(init=False, default=0)
    """Arrays that are open in the envelope: the list, and what may be in it."""
    _line: int = field(init=False, default=1)
    """The number of the line on which the rest begins."""
    _dropping: bool = field(init=False, default=False)
    """Whether the object is not kept: it is too long, or the end of an envelope."""
    _leaving: bool = field(init=False, default=False)
    """Whether it is the end of an envelope."""

    def feed(self, data: bytes) -> Iterator[EventLine | UnreadableLine]:
        """Yield what has come to its end with more data."""
        text = self._rest + data
        at = 0
        while True:
            if self._depth == 0:
                at = self._passed(text, at)
                if at == len(text):
                    break
                if text[at : at + 1] != b"{" and not self._leaving:
                    end = self._end_of_other(text, at)
                    if end is None:
                        break
                    yield UnreadableLine(line=self._line, reason=NOT_AN_OBJECT)
                    at = self._moved(text, at, end)
                    continue
            end = self._end_of_object(text, at)
            if end is None:
                break
            if not self._dropping:
                one = text[at:end]
                if (records := self._records_in(one)) is not None:
                    at = self._entered(text, at, records)
                    continue
                yield EventLine(data=_in_one_line(one), line=self._line)
            at, self._dropping, self._leaving = self._moved(text, at, end), False, False
        self._rest = text[at:]
        if len(self._rest) > MAX_LINE:
            yield from self._dropped()

    @property
    def unfinished(self) -> int:
        """Bytes that are left, or 1 if nothing is missing but brackets."""
        is_open = self._arrays > 0 or self._around or self._leaving
        return len(self._rest) if self._rest.strip() else int(bool(is_open))

    def finish(self) -> Iterator[EventLine | UnreadableLine]:
        """Say what did not come to its end."""
        if self._leaving:
            yield UnreadableLine(line=self._line, reason="cut off: the JSON object around the records does not end")
        elif self._depth and not self._dropping:
            yield UnreadableLine(line=self._line, reason="cut off: the JSON object that begins here does not end")
        elif self._rest.strip():
            yield UnreadableLine(line=self._line, reason=NOT_AN_OBJECT)
        elif self._arrays > 0 or self._around:
            yield UnreadableLine(line=self._line, reason="cut off: the JSON array does not end")

    def _passed(self, text: bytes, at: int) -> int:
        """The end of what stands between objects."""
        if self._around:
            at = self._passed_within(text, at)
            if self._lists == 0:
                # The list has ended; what follows up to the envelope's own end is of no interest.
                self._depth, self._around, self._dropping, self._leaving = self._around, 0, True, True
            return at
        end = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]  # it matches anything
        self._arrays += text.count(b"[", at, end) - text.count(b"]", at, end)
        return self._moved(text, at, end)

    def _passed_within(self, text: bytes, at: int) -> int:
        end = at
        while self._lists:
            end = _WITHIN.match(text, end).end()  # type: ignore[union-attr]  # it matches anything
            bracket = text[end : end + 1]
            if bracket not in {b"[", b"]"}:
                break
            self._lists += 1 if bracket == b"[" else -1
            end += 1
        return self._moved(text, at, end)

    def _end_of_other(self, text: bytes, at: int) -> int | None:
        """Where something ends that is no object; None if more of it may come."""
        pattern = _OTHER_WITHIN if self._around else _OTHER
        end = pattern.match(text, at).end()  # type: ignore[union-attr]  # it matches anything
        is_open = end == len(text) or text[end : end + 1] == b'"'
        return None if is_open and len(text) - at <= MAX_LINE else max(end, at + 1)

    def _moved(self, text: bytes, at: int, end: int) -> int:
        self._line += text.count(b"\n", at, end)
        return end

    def _end_of_object(self, text: bytes, at: int) -> int | None:
        """Where the object ends that begins here; None if that is not known yet."""
        found = BRACKET.match(text, at + self._scanned)
        while found is not None:
            self._depth += 1 if found[1] in b"{[" else -1
            if self._depth == 0:
                self._scanned = 0
                return found.end()
            self._scanned = found.end() - at
            found = BRACKET.match(text, found.end())
        return None

    def _records_in(self, one: bytes) -> Records | None:
        return None if self._is_record is None or self._around else records_in(one, self._is_record)

    def _entered(self, text: bytes, at: int, records: Records) -> int:
        """Go on with the records that an envelope holds."""
        self._around, self._lists, self._depth, self._scanned = records.open - 1, 1, 0, 0
        return self._moved(text, at, at + records.at)

    def rest_of_records(self) -> Iterator[EventLine | UnreadableLine]:
        """Yield the records that an object holds which has not come to its end, if it holds any."""
        if self._depth and not self._dropping and (records := self._records_in(self._rest)) is not None:
            self._rest = self._rest[self._entered(self._rest, 0, records) :]
            yield from self.feed(b"")

    def _dropped(self) -> Iterator[EventLine | UnreadableLine]:
        """Give up what is too long, without holding it in memory; but not the records that it holds."""
        if not self._dropping:
            yield from self.rest_of_records()
            if len(self._rest) <= MAX_LINE:
                return
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
