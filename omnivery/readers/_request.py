"""From a request in a web server's log to a click, whatever the log's format."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence

from attrs import define, field

from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.events.ids import event_id_for, part_of_id, request_id
from omnivery.events.ip_address import client_address, client_fault
from omnivery.readers._carrier import Carrier
from omnivery.readers._client_ip import FORWARDED_FAULT, ForwardedClient
from omnivery.readers._format import Placed
from omnivery.readers._joined_reader import JoinedReader
from omnivery.readers._lines import Block
from omnivery.readers._log_check import LogCheck
from omnivery.readers._log_time import NO_TIME


@define(kw_only=True)
class Request:
    """What a line says of one request. Text is as the client sent it, without a server's escapes."""

    client: str
    """The peer, as it was logged."""
    forwarded: str = ""
    """The value of the header in which proxies forward the client."""
    agent: str | None
    """Empty or `-` where the client sent none, None where the line does not tell."""
    ts: int | None
    url: str | None = None
    id: str | None = None
    """The server's own id of the request."""


@define(eq=False, kw_only=True)
class RequestReader(JoinedReader[BotEvent]):
    """Reads lines of which each is one request."""

    forwarded: ForwardedClient | None = field(init=False, default=None)
    """Finds the client behind proxies; None if the peer is the client."""
    check: LogCheck | None = field(init=False, default=None)
    """Looks at the first requests; None if the caller knows whose addresses they have."""
    carrier: Carrier | None = field(init=False, default=None)
    """What is written around each line."""
    timed: bool = field(init=False, default=True)
    """Whether each line tells its time."""
    no_agent: str = "no user agent"
    """Why a line cannot be read that does not tell the user agent."""

    @abstractmethod
    def request(self, line: bytes, number: int) -> Request | UnreadableLine | None:
        """Return what a line says; None if it is no record."""

    def reads(self, line: bytes) -> bool:
        """Whether a line, without what carries it, is one of the format; what stands for a client in it may be one."""
        found = self.request(line, 1)
        return is_plausible(found.client, found.forwarded) if isinstance(found, Request) else found is None

    def count(self, sample: Sequence[bytes]) -> int:
        """Return how many lines of a sample it reads."""
        return sum(map(self.reads, sample))

    def learn(self, sample: Sequence[bytes]) -> None:
        """Look at the first lines, without what carries them, if they tell how others are to be read."""

    def item(self, line: bytes, number: int, position: int | None = None) -> BotEvent | UnreadableLine | None:
        """Return the click of a line.

        Args:
            line: the line.
            number: its number.
            position: what tells it from equal ones, if its number does not.
        """
        found = self.request(self.inside(line), number)
        return None if found is None else self.click(found, number, position)

    def inside(self, line: bytes) -> bytes:
        """Return a line without what carries it."""
        return ((self.carrier.unwrap(line) or line) if self.carrier else line).lstrip()

    def read_whole(self, blocks: Iterable[Block]) -> Iterator[Placed[BotEvent]]:
        """Yield the clicks of blocks in which no line is split, and warn before those that look like a proxy's."""
        for placed in super().read_whole(blocks):
            self.look_at(placed.items)
            yield placed

    def look_at(self, items: Iterable[object]) -> None:
        """Look at the log's first items, before they are handed over."""
        if self.check is not None and not self.check.done:
            self.check.look_at(items)

    def click(
        self, found: Request | UnreadableLine, number: int, position: int | None = None
    ) -> BotEvent | UnreadableLine:
        """Return the event of a request, or why there is none."""
        if isinstance(found, UnreadableLine):
            return found
        ip = self.client_of(found.client, found.forwarded)
        if ip is None:
            return UnreadableLine(line=number, reason=self.client_fault(found.client, found.forwarded))
        if found.ts is None and self.timed:
            return UnreadableLine(line=number, reason=NO_TIME)
        if found.agent is None:
            return UnreadableLine(line=number, reason=self.no_agent)
        uas = found.agent or "-"
        return BotEvent(
            ip=ip,
            uas=uas,
            event_id=found.id
            if found.id and found.id != "-"
            else _derived_id(ip, uas, found, number if position is None else position),
            action="click",
            ts=found.ts,
            attributes={"line": number} if found.url is None else {"url": found.url, "line": number},
        )

    def client_of(self, client: str, forwarded: str) -> str | None:
        """Return the address that the request came from; None if the line has none."""
        if self.forwarded is None:
            return client_address(client)
        if "," in client and not forwarded:
            # A proxy's header in place of the peer.
            return self.forwarded(None, client)
        return self.forwarded(client_address(client), forwarded)

    def client_fault(self, client: str, forwarded: str) -> str:
        """Say why there is no address, in words that hold nothing of the line."""
        if self.forwarded is not None and (forwarded not in {"", "-"} or "," in client):
            return FORWARDED_FAULT
        return client_fault(client)


def _derived_id(ip: str, uas: str, found: Request, number: int) -> str:
    if found.url is None:
        return event_id_for(ip=ip, uas=uas, ts=found.ts, position=number)
    return request_id(ip, uas, part_of_id(found.ts), found.url, number)


def is_plausible(client: str, forwarded: str) -> bool:
    """Whether fields hold what servers write for a client: an address or a list of them."""
    listed = forwarded.strip('"').partition(",")[0]
    if client_address(client) is None and client != "unix:" and "," not in client:
        return False
    return listed in {"", "-", "unknown"} or "=" in listed or client_address(listed) is not None
