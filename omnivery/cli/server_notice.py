"""Saying soon that a server cannot be reached: its URL may be wrong, and the attempts take half a minute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING

from attrs import define, field

from omnivery.cli.output import say

if TYPE_CHECKING:
    from omnivery.transport.observe import Attempt

SILENCE = 2.0
"""Seconds after which a server that has not responded is named."""


@define(kw_only=True)
class ServerNotice:
    """An observer of a client's attempts. Names the server once, if the first attempts get no response."""

    url: str
    proxied: bool = False
    """Whether a proxy is asked for it, which may be the one that cannot be reached."""
    _is_settled: bool = field(init=False, default=False)

    def attempt_ended(self, attempt: Attempt) -> None:
        """The first response settles it, and so does the first failure without one."""
        # What is not tried again ends the run, and is told then.
        if attempt.status is None and attempt.retry_in is not None:
            failed = "Cannot connect to" if attempt.error == "NotSentError" else "No response from"
            self._say(f"{failed} {self._server}: trying again. Ctrl-C ends it.")
        self._is_settled = True

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look at the clock, too, while the block runs: an attempt may wait for minutes."""
        if self._is_settled:
            yield  # there may be a block for each of a thousand files
            return
        timer = Timer(SILENCE, self._say, (f"No response from {self._server} yet: still waiting. Ctrl-C ends it.",))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    @property
    def _server(self) -> str:
        return f"{self.url} through the proxy" if self.proxied else self.url

    def _say(self, text: str) -> None:
        if not self._is_settled:
            self._is_settled = True
            say(text)
