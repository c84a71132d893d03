"""Long lines that a container's runtime or the journal has split, joined again before they are read.

Docker's json-file driver has no line feed at the end of what goes on; files of CRI have a flag, `P`; the journal has a
field. https://docs.docker.com/engine/logging/drivers/json-file/,
https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md,
https://docs.docker.com/engine/logging/drivers/journald/.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from attrs import define, field

from omnivery import codec
from omnivery.readers._lines import MAX_LINE, PART, Block, Cut, Line

_HELD = 1_000
"""Lines that are held back for the end of one that was split."""
_SPLIT_AT = 16 * 1024
"""Bytes of each part of Docker but the last one. A shorter one without an end is what a process wrote last."""


Pair: TypeAlias = list[int]


class Part(NamedTuple):
    """One line of a file of a container."""

    stream: str
    """What other streams may write between its parts."""
    text: bytes
    goes_on: bool
    head: bytes = b""
    """What carries it, if that is a prefix."""

    def with_text(self, text: bytes) -> bytes:
        """The line with all that it was before it was split."""
        return self.head + text if self.head else codec.dumps({"log": list(text)})


@define(eq=False)
class _Open:
    """A line of which parts were read."""

    at: int
    """The place of the first one among the lines held back."""
    parts: list[Part]
    others: list[int]
    """The places of the others."""

    @property
    def text(self) -> bytes:
        return b"".join([part.text for part in self.parts])


@define(eq=False, kw_only=True)
class PartJoiner:
    """Joins parts at the place of the first one; in the others' place there is `PART`.

    So each item has a line, and ids stay the same. Reading resumes behind any item: lines that belong to one before it
    are `passed`.
    """

    part_of: Callable[[bytes], Part | None]
    """Returns what a line is, if it may be a part."""
    may_have_parts: Callable[[bytes, int], bool]
    """Says whether a text of so many lines may have some that go on; nearly none has, and is passed on as a whole."""
    reads: Callable[[bytes], bool]
    """Says whether a line can be read."""
    growing: bool = field(init=False, default=False)
    """Set before `joined` if the source may grow."""
    unfinished: int = field(init=False, default=0)
    """Bytes of lines that were left, as it may."""
    passed: list[Pair] = field(init=False, factory=list["Pair"])
    """The numbers of lines that belong to one before them, each behind the number of that one."""
    _again: set[int] = field(init=False, factory=set[int])
    """Those of them that an earlier reading has joined."""
    _held: list[Line] = field(init=False, factory=list[Line])
    _first: int = field(init=False, default=1)
    """The number of the first one of these."""
    _open: dict[str, _Open] = field(init=False, factory=dict[str, _Open])

    def joined(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """Yield the lines, as many as there were."""
        begun = False
        for first, lines in blocks:
            if not begun:
                # What belongs to a line that is read again is joined again.
                begun, self.passed = True, [pair for pair in self.passed if pair[0] < first]
                self._again = {number for _, number in self.passed}
            if not self._open and self._is_whole(first, lines):
                self.passed = []
                yield first, lines
                continue
            if not self._held:
                self._first = first
            for line in lines:
                self._take(line)
            yield from self._done(min((one.at for one in self._open.values()), default=len(self._held)))
        if self.growing:
            self.unfinished = sum(len(line or b"") + 1 for line in self._held)
            return
        for stream in list(self._open):
            self._close(stream)
        yield from self._done(len(self._held))

    def _is_whole(self, first: int, lines: Sequence[Line]) -> bool:
        if any(number >= first for _, number in self.passed):
            return False
        if isinstance(lines, Cut):
            return not self.may_have_parts(lines.text, len(lines))
        return None not in lines and not self.may_have_parts(b"\n".join(lines), len(lines))  # type: ignore[arg-type]

    def _take(self, line: Line) -> None:
        place = len(self._held)
        if self._first + place in self._again:
            line = PART
        self._held.append(line)
        part = None if line is None or line is PART else self.part_of(line)
        if part is None:
            return
        before = self._open.get(part.stream)
        if before is not None:
            before.parts.append(part)
            before.others.append(place)
        elif part.goes_on:
            self._open[part.stream] = _Open(place, [part], [])
        if (not part.goes_on and before is not None) or (before is not None and len(before.text) > MAX_LINE):
            self._close(part.stream)
        for stream, one in list(self._open.items()):
            if place - one.at > _HELD:
                self._close(stream)

    def _close(self, stream: str) -> None:
        """Put a line together, whether it has its end or not."""
        one = self._open.pop(stream)
        if self._is_apart(one):
            return
        text = one.text
        self._held[one.at] = one.parts[0].with_text(text) if len(text) <= MAX_LINE else None
        for place in one.others:
            self._held[place] = PART
        first = self._first + one.at
        self.passed = [*self.passed, *([first, self._first + place] for place in one.others)]

    def _is_apart(self, one: _Open) -> bool:
        """Whether a process had ended in the middle of a line, and what follows is another one's first."""
        first, *others = one.parts
        if not others or _is_split(first) or first.head:
            return False
        return self.reads(others[-1].text.rstrip(b"\r\n")) and not self.reads(one.text.rstrip(b"\r\n"))

    def _done(self, count: int) -> Iterator[Block]:
        if not count:
            return
        first, lines = self._first, self._held[:count]
        self._held, self._first = self._held[count:], first + count
        for one in self._open.values():
            one.at -= count
            one.others = [place - count for place in one.others]
        # Those before this block are behind every place at which reading may yet resume.
        self.passed = [pair for pair in self.passed if pair[1] >= first]
        yield first, lines


def of_cri(line: bytes) -> Part | None:
    """What a line in a file of CRI is."""
    found = _CRI.match(line)
    if found is None:
        return None
    return Part(found[1].decode(), line[found.end() :], found[2] == b"P", line[: found.end()])


_CRI = re.compile(rb"\d{4}-\d\d-\d\dT\S{8,32} (stdout|stderr) ([FP])(?::\S*)? ")


def of_json(line: bytes) -> Part | None:
    """What a line in a file of Docker, or one of the journal, is."""
    try:
        fields: Any = codec.loads(line)
    except ValueError:
        return None
    if not isinstance(fields, dict):
        return None
    if isinstance(log := fields.get("log"), str) and isinstance(stream := fields.get("stream"), str):
        return Part(stream, log.encode("utf-8", "surrogatepass"), not log.endswith("\n"))
    return _of_journal(fields)


def _of_journal(fields: Mapping[str, Any]) -> Part | None:
    message = fields.get("MESSAGE")
    stream = fields.get("CONTAINER_ID_FULL") or fields.get("_STREAM_ID")
    try:
        text = message.encode("utf-8", "surrogatepass") if isinstance(message, str) else bytes(message)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    if not isinstance(stream, str) or isinstance(message, int):
        return None
    goes_on = fields.get("_LINE_BREAK") == "line-max" or (
        fields.get("CONTAINER_PARTIAL_MESSAGE") == "true" and fields.get("CONTAINER_PARTIAL_LAST") != "true"
    )
    return Part(f"{stream} {fields.get('PRIORITY')}", text, goes_on)


@define(eq=False)
class EntryJoiner:
    """Puts `PART` in place of all lines of a journal's entry but its message.

    `journalctl -o export` and `-o verbose` write each field of an entry on a line of its own:
    https://systemd.io/JOURNAL_EXPORT_FORMATS/.
    """

    growing: bool = field(init=False, default=False)
    unfinished: int = field(init=False, default=0)
    passed: list[Pair] = field(init=False, factory=list["Pair"])

    def joined(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """Yield the lines, as many as there were."""
        for first, lines in blocks:
            yield first, [PART if line and _is_other_field(line) else line for line in lines]


Joiner: TypeAlias = PartJoiner | EntryJoiner


def _is_other_field(line: bytes) -> bool:
    found = JOURNAL_FIELD.match(line)
    return (found is not None and found[1] != b"MESSAGE") or _ENTRY.match(line) is not None


JOURNAL_FIELD = re.compile(rb"\s{0,8}([A-Z_][A-Z\d_]{0,63})=")
_ENTRY = re.compile(rb"[A-Z][a-z]{2} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S* \S{1,6} \[s=")
"""What stands above an entry in `-o verbose`."""


def joiner_for(carrier: str, sample: Sequence[bytes], reads: Callable[[bytes], bool]) -> Joiner | None:
    """Make what joins the parts in a file, if what carries its lines splits them; a sample of it shows that."""
    if carrier == "fields":
        names = {found[1] for line in sample if (found := JOURNAL_FIELD.match(line))}
        return EntryJoiner() if b"_BOOT_ID" in names else None
    if carrier == "container":
        return PartJoiner(part_of=of_cri, may_have_parts=lambda text, _lines: b" P" in text, reads=reads)
    if carrier != "JSON":
        return None
    if any(_JOURNAL.search(line) for line in sample):
        return PartJoiner(part_of=of_json, may_have_parts=lambda text, _lines: bool(_SPLIT.search(text)), reads=reads)
    # Where no line has an end, a collector has taken the ends away.
    if any((part := of_json(line)) is not None and (not part.goes_on or _is_split(part)) for line in sample):
        return PartJoiner(part_of=of_json, may_have_parts=lambda text, lines: text.count(_WHOLE) < lines, reads=reads)
    return None


def _is_split(part: Part) -> bool:
    return len(part.text) >= _SPLIT_AT


_JOURNAL = re.compile(rb'"(?:__CURSOR|_BOOT_ID|CONTAINER_ID_FULL)"')
_SPLIT = re.compile(rb'"(?:CONTAINER_PARTIAL_MESSAGE|_LINE_BREAK)"')
_WHOLE = b'\\n","stream":"'
"""In each line that Docker has not split, as it writes them."""
