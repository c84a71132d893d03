"""Watching calls: observers, the SDK's own log, and the filter that keeps secrets and addresses out of it."""

from __future__ import annotations

import logging
import re
from typing import Protocol

from attrs import frozen

_MASKS = (
    # "ov-token: abc", "authorization=Basic abc", "signing_key": "abc" and their like
    (
        re.compile(
            r"(?i)(?<![a-z])((?:ov[-_])?token|authorization|(?:api|sending|signing)[-_]?key|password|signature)"
            r"([\"']?\s*[:=]\s*[\"']?|[\"'],\s*b?[\"'])((?:basic|bearer)\s+)?[^\s\"',;&}]+"
        ),
        r"\1\2***",
    ),
    # %40 is how an address stands in a URL, such as those that httpx logs for a caller's own client.
    (re.compile(r"[\w.+%\-']+?(?:@|%40)[\w\-]+(?:\.[\w\-]+)+"), "***@***"),
)


def redact(text: str) -> str:
    """Mask what looks like a key, a token, a signature or a mail address."""
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return text


class RedactionFilter(logging.Filter):
    """Masks secrets and mail addresses in the final text of every record. Attach it to your own handlers, too."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; never drops one."""
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001  # arguments that do not fit: whatever they raise, logging reports it itself
            return True
        masked = redact(text)
        if masked != text:
            record.msg, record.args = masked, ()
        return True


_REDACTION = RedactionFilter()
_SILENCE = logging.NullHandler()


def get_logger(name: str) -> logging.Logger:
    """A logger below `omnivery` with the redaction filter on it."""
    # A program that has not set up logging must not find our lines on its standard error.
    logging.getLogger("omnivery").addHandler(_SILENCE)
    logger = logging.getLogger(name)
    # A parent's filters do not see a child's records. Adding one that is already there changes nothing.
    logger.addFilter(_REDACTION)
    return logger


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
