"""Logs of web servers whose lines follow a pattern."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, TypeAlias

from attrs import define

from omnivery import codec
from omnivery.events.encoded import CheckedBlock
from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.events.ids import LENGTHS, hashed_texts, part_of_id, request_id
from omnivery.events.ip_address import are_addresses
from omnivery.readers._format import Placed
from omnivery.readers._lines import PART, Block, Cut, Line, too_long
from omnivery.readers._log_notation import Role
from omnivery.readers._log_pattern import LogPattern, UsualFields
from omnivery.readers._request import Request, RequestReader, is_plausible


@define(eq=False, kw_only=True)
class TextLogReader(RequestReader):
    """Reads lines that match a pattern."""

    pattern: LogPattern
    otherwise: LogPattern | None = None
    """What lines are read by that `pattern` does not match: a server that was told to log more had logged less."""

    def __attrs_post_init__(self) -> None:
        self.timed = Role.TIME in self.pattern.roles

    def read_whole(self, blocks: Iterable[Block]) -> Iterator[Placed[BotEvent]]:
        """Yield the clicks of one block after the other."""
        for first, lines in blocks:
            # A warning may be due, which is about events.
            encoded = self.encoded and (self.check is None or self.check.done)
            placed = self._encoded(first, lines) if encoded else self._placed(first, lines)
            self.look_at(placed.items)
            yield placed

    def _placed(self, first: int, lines: Sequence[Line]) -> Placed[BotEvent]:
        """What `item` returns for each line, in half the time: what is not as in nearly all lines is left to it."""
        seconds = self.pattern.clock
        items: list[BotEvent | UnreadableLine | None] = []
        stamp, ts, when = "", None, "-"
        for number, (client, time, url, uas, hops) in enumerate(self._usual_fields(lines), first):
            ip = self.client_of(client, hops) if url and uas else None
            if time != stamp:
                stamp, ts = time, seconds(time)
                when = part_of_id(ts)
            if ip is None or (ts is None and self.timed):
                items.append(self._unusual(lines[number - first], number))
            else:
                items.append(
                    BotEvent(
                        ip=ip,
                        uas=uas,
                        event_id=request_id(ip, uas, when, url, number),
                        action="click",
                        ts=ts,
                        attributes={"url": url, "line": number},
                    )
                )
        return _without_blanks(first, items)

    def _encoded(self, first: int, lines: Sequence[Line]) -> Placed[Any]:
        """The same in JSON, in less time than it takes to make an event and to encode it later.

        Column by column, as C goes through one. What is not as in nearly all lines is written as if it were, too, and
        then replaced.
        """
        clients, times, urls, agents, hops = zip(*self._usual_fields(lines), strict=True)
        ips = self._addresses(clients, hops)
        seconds = {time: self.pattern.clock(time) for time in {*times}}
        block = _clicks(
            ips=ips,
            agents=[*map(_agent, agents)],
            moments=[*map({time: _moment(ts) for time, ts in seconds.items()}.__getitem__, times)],
            urls=urls,
            # The URL of a usual request line has nothing that JSON escapes.
            spelled=urls if Role.REQUEST in self.pattern.roles else [encode_basestring(url)[1:-1] for url in urls],
            numbers=range(first, first + len(lines)),
        )
        needed: list[Sequence[object]] = [ips, urls, agents]
        if self.timed and None in seconds.values():
            needed.append([seconds[time] is not None for time in times])
        others: dict[int, Any] = {}
        if not all(map(all, needed)):
            unusual = [place for place, fields in enumerate(zip(*needed, strict=True)) if not all(fields)]
            others = {place: self._unusual(lines[place], first + place) for place in unusual}
        return self._with_others(first, block, others)

    def _addresses(self, clients: Sequence[str], hops: Sequence[str]) -> Sequence[str]:
        """The addresses that requests came from; empty for none."""
        if self.forwarded is not None:
            return [self.client_of(*pair) or "" for pair in zip(clients, hops, strict=True)]
        try:
            if are_addresses([*filter(None, clients)]):
                return clients
        except (OSError, ValueError):
            pass
        known = {client: self.client_of(client, "") or "" for client in {*clients}}
        return [known[client] for client in clients]

    def _with_others(self, first: int, block: CheckedBlock, others: Mapping[int, Any]) -> Placed[Any]:
        """The items of a block, with others in the places of some; None for blank lines."""
        left: dict[int, Any] = {}
        for place, item in others.items():
            if isinstance(item, BotEvent) and item.event_id:
                block.texts[place], block.ids[place] = codec.dumps(item.to_fields()).decode(), item.event_id
            else:
                left[place] = item
        if not left and self.in_blocks:
            whole: Any = block
            return Placed(whole, range(first, first + len(block)))
        items: list[Any] = [*block]
        for place, item in left.items():
            items[place] = item
        return _without_blanks(first, items)

    def _usual_fields(self, lines: Sequence[Line]) -> Sequence[UsualFields]:
        """The fields of each line; empty ones for what is not as in nearly all lines."""
        unwrap = self.carrier.unwrap if self.carrier else None
        inside: Sequence[Line] = [line and (unwrap(line) or line) for line in lines] if unwrap else lines
        return self.pattern.usual_fields(_text_of(inside), len(lines)) or [_UNUSUAL] * len(lines)

    def _unusual(self, line: Line, number: int) -> BotEvent | UnreadableLine | None:
        if line is None:
            return too_long(number)
        if not line or line.isspace():
            self.skipped["part" if line is PART else "blank"] += 1
            return None
        return self.item(line, number)

    def reads(self, line: bytes) -> bool:
        """Whether a line matches; why one does not takes longer to find out, and is of no interest here."""
        match = self.pattern.match(decoded(line.lstrip()))
        if match is None:
            return False
        client, _, _, _, _, forwarded = self.pattern.fields(match)
        return is_plausible(client if Role.CLIENT in self.pattern.roles else forwarded, forwarded)

    def request(self, line: bytes, number: int) -> Request | UnreadableLine:
        """Return the request of a line."""
        text, pattern = decoded(line), self.pattern
        match = pattern.match(text)
        if match is None and self.otherwise is not None:
            pattern = self.otherwise
            match = pattern.match(text)
        if match is None:
            return UnreadableLine(line=number, reason=self._fault(text))
        client, time, url, query, agent, forwarded = pattern.fields(match)
        return Request(
            client=client,
            forwarded=unescaped(forwarded),
            agent=unescaped(agent),
            ts=pattern.clock(time),
            url=_with_query(url, query),
        )

    def _fault(self, text: str) -> str:
        """Why a line cannot be read: what is missing of the pattern, or else of the other one."""
        fault = self.pattern.fault(text)
        return self.otherwise.fault(text) if self.otherwise and fault == self.pattern.no_match else fault


_UNUSUAL: UsualFields = ("", "", "", "", "")


def _text_of(lines: Sequence[Line]) -> str:
    """A block as text, with nothing in place of lines that are too long, have an escape, or are not UTF-8."""
    try:
        data = _joined(lines)
        if data is not None:
            return _without_escapes(data).decode()
    except UnicodeDecodeError:
        pass
    return "\n".join(map(_usual_text, lines))


def _joined(lines: Sequence[Line]) -> bytes | None:
    if isinstance(lines, Cut):
        return lines.text[:-1]
    try:
        data = b"\n".join(lines)  # type: ignore[arg-type]  # None raises a TypeError
    except TypeError:
        return None
    # What collectors carry may have line breaks inside.
    return data if data.count(b"\n") == len(lines) - 1 else None


def _without_escapes(lines: bytes) -> bytes:
    """Return lines with nothing in place of those that have a backslash."""
    kept: list[bytes] = []
    end = 0
    while (found := lines.find(b"\\", end)) >= 0:
        kept.append(lines[end : lines.rfind(b"\n", end, found) + 1])
        end = lines.find(b"\n", found)
        if end < 0:
            return b"".join(kept)
    return b"".join((*kept, lines[end:])) if kept else lines


def _usual_text(line: Line) -> str:
    text = decoded(line or b"")
    return "" if "\\" in text or "\n" in text else text


def _clicks(
    *,
    ips: Sequence[str],
    agents: Sequence[_Parts],
    moments: Sequence[_Parts],
    urls: Sequence[str],
    spelled: Sequence[str],
    numbers: Sequence[int],
) -> CheckedBlock:
    """Write clicks in JSON, each with its `request_id`, given the columns of their fields and how JSON spells URLs."""
    lengths = map(len, urls if all(map(str.isascii, urls)) else map(str.encode, urls))
    lines = [*map(repr, numbers)]
    ids = hashed_texts(
        [
            f"{LENGTHS[len(ip)]}{ip}{agent}{moment}{LENGTHS[length]}{url}{LENGTHS[len(line)]}{line}"
            for ip, (agent, _), (moment, _), length, url, line in zip(
                ips, agents, moments, lengths, urls, lines, strict=True
            )
        ]
    )
    texts = [
        f'{{"ip":"{ip}{agent}{event_id}{moment}{url}","line":{line}}}'
        for ip, (_, agent), (_, moment), url, line, event_id in zip(
            ips, agents, moments, spelled, lines, ids, strict=True
        )
    ]
    return CheckedBlock(texts=texts, ids=ids)


_Parts: TypeAlias = tuple[str, str]
"""What is written of a field in the hashed text, and in JSON with what stands around it."""


@lru_cache(maxsize=512)  # a few user agents stand in most lines
def _agent(uas: str) -> _Parts:
    return part_of_id(uas), f'","uas":{encode_basestring(uas)},"event_id":"'


def _moment(ts: int | None) -> _Parts:
    in_json = "" if ts is None else f'"ts":{ts},'
    return f"{part_of_id(ts)}---", f'","action":"click",{in_json}"url":"'


def _without_blanks(first: int, items: list[Any]) -> Placed[Any]:
    numbers = range(first, first + len(items))
    if all(items):  # none of them is false but None
        return Placed(items, numbers)
    there = [(item, number) for item, number in zip(items, numbers, strict=True) if item is not None]
    return Placed([item for item, _ in there], [number for _, number in there])


def decoded(line: bytes) -> str:
    r"""A line as text; bytes that are no UTF-8 stay readable as `\xhh`."""
    return line.decode("utf-8", "backslashreplace")


def unescaped(text: str) -> str:
    r"""The text that a server has logged: escapes such as `\"`, `\\` and `\xhh` are undone."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(_replaced, text.encode()).decode("utf-8", "backslashreplace")


def _with_query(url: str | None, query: str) -> str | None:
    if not url:
        return None
    found = url if query in {"", "-"} else f"{url}?{query.removeprefix('?')}"
    return unescaped(found)


_ESCAPE = re.compile(rb'\\(?:x([0-9A-Fa-f]{2})|([bnrtv"\\]))')
_ESCAPED = {b"b": b"\b", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v", b'"': b'"', b"\\": b"\\"}


def _replaced(match: re.Match[bytes]) -> bytes:
    code, letter = match.groups()
    return bytes.fromhex(code.decode()) if code else _ESCAPED[letter]
