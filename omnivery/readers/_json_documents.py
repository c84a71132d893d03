"""The objects in JSON that is not one object a line: an array, objects over many lines, objects without line breaks."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator

from attrs import define, field

from omnivery.events.event import EventLine, UnreadableLine
from omnivery.readers._json_envelope import BRACKET, ENVELOPE_CUT_OFF, IsRecord, Records, records_in
from omnivery.readers._json_level import ANY, DEEPEST, END_OF_LIST, LISTS, NONE, OPENED_BY, OPENING, Level
from omnivery.readers._lines import MAX_LINE, too_long

TOO_DEEP = "nested deeper than 1,024 levels"
TORN = "torn: the next JSON object begins before this one has come to its end"
"""Why an object cannot be read whose end is missing, though others follow."""
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


_BLANKS = 1_024
"""The most before an object on a line of its own, behind the colon of its member."""


@define(eq=False)
class _Cutter:
    _is_record: IsRecord | None
    _rest: bytes = field(init=False, default=b"")
    """What was not handed over: from the beginning of an object, if one was begun."""
    _scanned: int = field(init=False, default=0)
    """How much of it was looked at."""
    _arrays: int = field(init=False, default=0)
    """Arrays that are open around the objects."""
    _around: int = field(init=False, default=0)
    """Brackets that are open around the list of records in an envelope; 0 outside of one."""
    _lists: int = field(init=False, default=0)
    """Arrays that are open in the envelope: the list, and what may be in it."""
    _line: int = field(init=False, default=1)
    """The number of the line on which the rest begins."""
    _open: bytearray = field(init=False, factory=bytearray)
    """The brackets that are open in the object."""
    _level: Level = field(init=False, factory=Level)
    _first: int = field(init=False, default=0)
    """How far behind the beginning of the object the first line begins that may be another one; 0 if none does."""
    _fault: str = field(init=False, default=TORN)
    """Why an object is given up."""
    _in_line: bool = field(init=False, default=False)
    """Whether what is left of a line is passed over."""
    _budget: int = field(init=False, default=2 * MAX_LINE)
    """Bytes that may yet be looked at once more: of each that is torn without a sign, up to the longest object."""
    _dropping: bool = field(init=False, default=False)
    """Whether the object is not kept: it is too long, or the end of an envelope."""
    _leaving: bool = field(init=False, default=False)
    """Whether it is the end of an envelope."""

    def feed(self, data: bytes) -> Iterator[EventLine | UnreadableLine]:
        """Yield what has come to its end with more data."""
        self._budget += len(data)
        yield from self._cut(self._rest + data)
        while len(self._rest) > MAX_LINE and self._may_be_torn:
            yield from self._again()
        if len(self._rest) > MAX_LINE:
            yield from self._dropped()

    def _cut(self, text: bytes) -> Iterator[EventLine | UnreadableLine]:
        at = self._behind_line(text)
        while True:
            if not self._open:
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
            if not self._scanned:
                self._level.learn(text, at)
            end = self._end_of_object(text, at)
            if end is None:
                break
            if self._open:
                at = yield from self._given_up(text, at, end)
                continue
            at = yield from self._come_to_its_end(text, at, end)
        self._rest = text[at:]
        self._level.renew(text, at)

    def _come_to_its_end(self, text: bytes, at: int, end: int) -> Generator[EventLine, None, int]:
        """Hand an object over, and return where to go on."""
        if not self._dropping:
            one = text[at:end]
            if (records := self._records_in(one)) is not None:
                return self._entered(text, at, records)
            yield EventLine(data=_in_one_line(one), line=self._line)
        self._dropping = self._leaving = False
        return self._moved(text, at, end)

    def _behind_line(self, text: bytes) -> int:
        """Where the next line begins, if what is left of one is passed over."""
        if not self._in_line:
            return 0
        end = text.find(b"\n") + 1
        self._in_line = not end
        return self._moved(text, 0, end or len(text))

    @property
    def unfinished(self) -> int:
        """Bytes that are left, or 1 if nothing is missing but brackets."""
        is_open = self._arrays > 0 or self._around or self._leaving
        return len(self._rest) if self._rest.strip() else int(bool(is_open))

    def finish(self) -> Iterator[EventLine | UnreadableLine]:
        """Say what did not come to its end."""
        while self._open and self._may_be_torn:
            yield from self._again()
            yield from self.rest_of_records()
        if self._leaving:
            yield UnreadableLine(line=self._line, reason=ENVELOPE_CUT_OFF)
        elif self._open and not self._dropping:
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
                self._open[:] = ANY * self._around
                self._around, self._dropping, self._leaving = 0, True, True
                self._level.leave()
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
        """Where the object ends that begins here, or where to go on if it is torn; None if that is not known yet."""
        place, opened, level = at + self._scanned, self._open, self._level
        start = NONE if self._leaving else level.after(text, max(at, place - 1))
        while (found := BRACKET.match(text, place, start + 1 or len(text))) is not None:
            place = found.end()
            if place == start + 1:
                if not self._may_begin_inside(text, start):
                    return self._torn_at(at, start)
                self._first = self._first or start - at
                start = level.after(text, start)
            bracket = text[place - 1]
            if bracket in OPENING:
                opened.append(bracket)
                if len(opened) > DEEPEST:
                    return self._too_deep(text, place)
            elif opened[-1] in OPENED_BY[bracket]:
                del opened[-1:]
            elif bracket == END_OF_LIST:
                return self._torn_at(at, place - 1)  # it closes what lies around the object
            else:
                del opened[opened.rfind(b"{") :]  # of an array in the object, the end is missing
            if not opened:
                self._scanned = self._first = 0
                return place
            self._scanned = place - at
        # Up to the line no bracket is outside of quotes: it begins in a text, which has no line breaks.
        return None if start == NONE else self._torn_at(at, start)

    def _torn_at(self, at: int, place: int) -> int:
        return at + self._first if self._first else place

    def _too_deep(self, text: bytes, place: int) -> int:
        """Where to go on behind an object that nobody can read: on the next line."""
        self._fault = TOO_DEEP
        end = text.find(b"\n", place) + 1
        self._in_line = not end
        return end or len(text)

    def _may_begin_inside(self, text: bytes, at: int) -> bool:
        """Whether JSON has an object here: as the value of a member, or in a list."""
        return self._open[-1] in LISTS or text[max(0, at - _BLANKS) : at].rstrip().endswith(b":")

    @property
    def _may_be_torn(self) -> bool:
        """Whether the object that does not end may have another one inside that is none of its own."""
        return self._first > 0 and not self._dropping and self._budget > 0

    def _again(self) -> Iterator[EventLine | UnreadableLine]:
        """Give up the object that does not end, and look again at what begins inside of it."""
        at = yield from self._given_up(self._rest, 0, self._first)
        yield from self._cut(self._rest[at:])

    def _given_up(self, text: bytes, at: int, end: int) -> Generator[UnreadableLine, None, int]:
        """Give an object up as far as the next one begins, and return where to go on."""
        if not self._dropping:
            if (records := self._records_in(text[at:end])) is not None:
                return self._entered(text, at, records)  # it is one of these that is torn
            yield UnreadableLine(line=self._line, reason=self._fault)
        self._budget -= max(0, at + self._scanned - end)
        self._scanned = self._first = 0
        self._open.clear()
        self._dropping, self._leaving, self._fault = False, False, TORN
        return self._moved(text, at, end)

    def _records_in(self, one: bytes) -> Records | None:
        return None if self._is_record is None or self._around else records_in(one, self._is_record)

    def _entered(self, text: bytes, at: int, records: Records) -> int:
        """Go on with the records that an envelope holds."""
        self._around, self._lists, self._scanned = records.open - 1, 1, 0
        self._open.clear()
        self._level.leave()
        self._first = 0
        return self._moved(text, at, at + records.at)

    def rest_of_records(self) -> Iterator[EventLine | UnreadableLine]:
        """Yield the records that an object holds which has not come to its end, if it holds any."""
        if self._open and not self._dropping and (records := self._records_in(self._rest)) is not None:
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
        self._dropping = bool(self._open) and self._scanned > 0
        if not self._dropping:
            self._open.clear()
        self._moved(self._rest, 0, at)
        self._rest, self._scanned, self._first = self._rest[at:], 0, 0


def _in_one_line(data: bytes) -> bytes:
    # Within an object, line breaks can only be blanks: in text they are escaped.
    return data.replace(b"\r", b" ").replace(b"\n", b" ") if b"\n" in data or b"\r" in data else data
