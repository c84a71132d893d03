"""Observers, which are notified of every attempt; the SDK's own log is one of them."""

from __future__ import annotations

import logging
from typing import Protocol

from attrs import frozen


@frozen(kw_only=True)
class Attempt:
    """One finished attempt of a call."""

    operation: str
    """The operation's name, such as `automations.bots.submit_batch`."""
    method: str
    """HTTP method."""
    path: str
    """Path template. The filled path is never shown, because it may hold e-mail addresses."""
    number: int
    """Number of this attempt within its call, from 1."""
    elapsed: float
    """Duration in seconds, queueing included."""
    status: int | None = None
    """HTTP status; None if no response came."""
    error: str | None = None
    """Name of the error's type; None if the attempt succeeded."""
    retry_in: float | None = None
    """Seconds until the next attempt; None if this is the last one."""
    gave_up: str | None = None
    """Why there is no next attempt, such as `the retry budget is spent`; None if there is one, or none is needed."""


class Observer(Protocol):
    """Receives every attempt: for logs, metrics, traces."""

    def attempt_ended(self, attempt: Attempt) -> None:
        """Handle the end of one attempt. Runs between awaits, so it must be quick. What it raises is only logged."""
        ...


@frozen(kw_only=True)
class LogObserver:
    """Logs attempts: successes at DEBUG, failures that are retried at INFO, final failures at WARNING."""

    logger: logging.Logger

    def takes_successes(self) -> bool:
        """Whether it writes successes at present."""
        return self.logger.isEnabledFor(logging.DEBUG)

    def attempt_ended(self, attempt: Attempt) -> None:
        """Write one line."""
        level = logging.DEBUG
        if attempt.error:
            level = logging.WARNING if attempt.retry_in is None else logging.INFO
        if not self.logger.isEnabledFor(level):
            return
        result = attempt.status or "no response"
        if attempt.error:
            result = f"{result} ({attempt.error})"
        after = f", gave up: {attempt.gave_up}" if attempt.gave_up else ""
        if attempt.retry_in is not None:
            after = f", next attempt in {attempt.retry_in:.2f} s"
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
