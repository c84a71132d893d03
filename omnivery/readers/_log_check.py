"""A look at the first requests of a log, before they are handed over: are these clients, or the proxy before them?"""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from attrs import define, field

from omnivery.events.event import BotEvent
from omnivery.readers._client_ip import is_private


class LogWarning(UserWarning):
    """A log does not seem to hold what verdicts need: its client addresses are a proxy's, or it has no user agents."""


_ENOUGH = 10
"""Requests that are no coincidence if all have one address, or no user agent."""
_ENOUGH_PRIVATE = 3
"""The same, if all have private addresses."""


@define(eq=False)
class LogCheck:
    """Warns once if the first requests of a log all have private addresses, or one address, or no user agent."""

    advice: str
    """What to do in this format about addresses of a proxy."""
    done: bool = field(init=False, default=False)
    _seen: int = field(init=False, default=0)
    _addresses: set[str] = field(init=False, factory=set[str])
    _agents: set[str | None] = field(init=False, factory=set[str | None])

    def look_at(self, events: Iterable[object]) -> None:
        """Look at more items of the log, until it is clear what they are."""
        found = [(event.ip, event.uas) for event in events if isinstance(event, BotEvent) and event.ip]
        self._seen += len(found)
        self._addresses.update(ip for ip, _ in found if ip)
        self._agents.update(uas for _, uas in found)
        if not self._addresses:
            return
        private = all(map(is_private, self._addresses))
        if self._seen >= (_ENOUGH_PRIVATE if private else _ENOUGH):
            self.done = True
            self._warn(private=private)

    def _warn(self, *, private: bool) -> None:
        if private or len(self._addresses) == 1:
            kind = "is private" if private else "is one and the same"
            _tell(
                f"every client address of the first {self._seen:,} requests {kind}: it looks like that of a proxy, and "
                f"the verdicts would be about the proxy. {self.advice}"
            )
        if self._agents == {"-"} and self._seen >= _ENOUGH:
            _tell(
                f"none of the first {self._seen:,} requests has a user agent: does the server log it? Without one, a "
                "client is judged to be a bot."
            )


def _tell(message: str) -> None:
    warnings.warn(message, LogWarning, stacklevel=3)
