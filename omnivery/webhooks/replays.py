"""Replays: the tokens of calls that were handled, or are being handled at this moment."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from omnivery.errors import ReplayError
from omnivery.webhooks.reasons import RefusalReason

MAX_TOKENS = 100_000
"""Tokens that are remembered at most, about 25 MB. The oldest are forgotten first."""


class ReplayGuard:
    """Lets each token in once. Threads may share it.

    Args:
        lifetime: seconds for which a token is remembered.
        clock: returns the time in unix seconds.
    """

    def __init__(self, lifetime: float, clock: Callable[[], float]) -> None:
        self._lifetime = lifetime
        self._clock = clock
        self._expires: OrderedDict[str, float] = OrderedDict()
        self._in_progress: set[str] = set()
        self._lock = Lock()

    def begin(self, token: str) -> None:
        """Let a call in. `end` must follow.

        Raises:
            ReplayError: a call with this token was handled before, or is being handled.
        """
        with self._lock:
            if token in self._in_progress:
                raise ReplayError("it came before, and is being handled", reason=RefusalReason.IN_PROGRESS)
            now = self._clock()
            while self._expires and next(iter(self._expires.values())) < now:
                self._expires.popitem(last=False)
            if token in self._expires:
                raise ReplayError("it came before", reason=RefusalReason.REPLAYED)
            self._in_progress.add(token)

    def end(self, token: str, *, handled: bool) -> None:
        """Remember a token whose call was handled; forget the others, so that a retry gets in."""
        with self._lock:
            self._in_progress.discard(token)
            if handled:
                self._expires[token] = self._clock() + self._lifetime
                if len(self._expires) > MAX_TOKENS:
                    self._expires.popitem(last=False)
