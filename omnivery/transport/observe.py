"""Watching calls: observers, the SDK's own log, and the filter that keeps secrets and addresses out of it."""

from __future__ import annotations

import logging
from typing import Protocol

from attrs import frozen


@frozen(kw_only=True)
class Attempt:
    """One attempt of a call, when it is over."""

    operation: str
    """The operation's name, such as `automations.bots.submit_batch`."""
    method: str
    """HTTP method."""
    path: str
    """Path template, never the filled path: that may hold addresses."""
    number: int
    """Which attempt of its call, from 1."""
    elapsed: float
    """Seconds that it took, queueing included."""
    status: int | None = None
    """HTTP status; None if no answer came."""
    error: str | None = None
    """Name of the error's type; None if the answer was good."""
    retry_in: float | None = None
    """Seconds until the next attempt; None if there is none."""


class Observer(Protocol):
    """Anything that wants to know of attempts: for logs, metrics, traces."""

    def attempt_ended(self, attempt: Attempt) -> None:
        """One attempt is over. Called between awaits: be quick, and do not block. What it raises is only logged."""
        ...


@frozen(kw_only=True)
class LogObserver:
    """Writes attempts to a logger: good ones at DEBUG, those that are tried again at INFO, lost ones at WARNING."""

    logger: logging.Logger

    def attempt_ended(self, attempt: Attempt) -> None:
        """Write one line."""
        level = logging.DEBUG
        if attempt.error:
            level = logging.WARNING if attempt.retry_in is None else logging.INFO
        if not self.logger.isEnabledFor(level):
            return
        result = attempt.status or "no answer"
        if attempt.error:
            result = f"{result} ({attempt.error})"
        after = "" if attempt.retry_in is None else f", next attempt in {attempt.retry_in:.2f} s"
        self.logger.log(
            level,
            "%s: %s %s, attempt %d: %s after %.3f s%s",
            attempt.operation,
            attempt.method,
            attempt.path,
            attempt.number,
            result,
            attempt.elapsed,
            after,
        )
