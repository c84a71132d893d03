"""What a receiver counts and logs of its calls. Repeated records are throttled, and hold no personal data of a call."""

from __future__ import annotations

import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from logging import ERROR, WARNING, Logger
from threading import Lock

from attrs import define, field, frozen

from omnivery._logging import LogThrottle, get_logger, redact
from omnivery.display.record import Record
from omnivery.webhooks.delivery import DeliveryEvent
from omnivery.webhooks.payload import WebhookEvent
from omnivery.webhooks.reasons import RefusalReason
from omnivery.webhooks.verdicts import BotVerdicts

WINDOW = 3600.0
"""Seconds after which a throttle begins anew: what repeats for days is still logged each hour."""
MAX_TRACEBACK = 8_000
"""Characters of a traceback: an exception's text may quote a whole body."""
REPLAYS = frozenset({RefusalReason.REPLAYED, RefusalReason.IN_PROGRESS})
FAILURES = frozenset(
    {
        RefusalReason.STORE_FAILED,
        RefusalReason.HANDLER_FAILED,
        RefusalReason.VERIFIER_FAILED,
        RefusalReason.SPOOL_FAILED,
        RefusalReason.CANCELLED,
    }
)

logger: Logger = get_logger("omnivery.webhooks", prints=True)


class CallFailedError(Exception):
    """A call that may not count as handled: the service shall try again."""

    def __init__(self, reason: RefusalReason, text: str, error: Exception | None = None) -> None:
        super().__init__(text)
        self.reason: RefusalReason = reason
        self.text: str = text
        self.error: Exception | None = error


@contextmanager
def failing(reason: RefusalReason, text: str, *, but: type[Exception] | tuple[()] = ()) -> Iterator[None]:
    """Turn what is raised into a `CallFailedError`, except for errors of one type."""
    try:
        yield
    except but:
        raise
    except Exception as error:
        raise CallFailedError(reason, f"{text} {type(error).__name__}", error) from error


@frozen(kw_only=True)
class ReceiverStatistics(Record):
    """Counts of a receiver's calls so far."""

    accepted: int = 0
    """Handled: the response was 200."""
    refused: int = 0
    """Refused with a 4xx status, replays left out."""
    replayed: int = 0
    """Refused because the same call was handled before, or is being handled."""
    failed: int = 0
    """Accepted, but not stored or not handled: the store, the handler or the verifier failed, or was cancelled."""
    unreadable: int = 0
    """Entries of accepted calls that are not events. They are kept, see `BotVerdicts.unreadable`."""
    by_reason: Mapping[str, int] = field(factory=dict[str, int], eq=False)
    """`refused`, `replayed` and `failed` broken down by `RefusalReason`. Left out when statistics are compared."""


@define(kw_only=True, eq=False)
class CallLog:
    """Counts and log records of one receiver. Threads may share it."""

    now: Callable[[], float] = time.monotonic
    accepted: int = field(init=False, default=0)
    unreadable: int = field(init=False, default=0)
    _reasons: Counter[str] = field(init=False, factory=Counter[str])
    _throttles: dict[str, _Window] = field(init=False, factory=dict[str, "_Window"])
    _lock: Lock = field(init=False, factory=Lock)

    @property
    def statistics(self) -> ReceiverStatistics:
        """The counts."""
        with self._lock:
            reasons = {str(reason): count for reason, count in self._reasons.items()}
        replayed = sum(count for reason, count in reasons.items() if reason in REPLAYS)
        failed = sum(count for reason, count in reasons.items() if reason in FAILURES)
        return ReceiverStatistics(
            accepted=self.accepted,
            refused=sum(reasons.values()) - replayed - failed,
            replayed=replayed,
            failed=failed,
            unreadable=self.unreadable,
            by_reason=reasons,
        )

    def add_accepted(self, unreadable: int) -> None:
        """Count a call that was handled."""
        with self._lock:
            self.accepted += 1
            self.unreadable += unreadable
        if unreadable:
            self._log(WARNING, "unreadable", f"unreadable entries in a webhook call: {unreadable}. They are kept")

    def add_refused(self, reason: str, text: str) -> None:
        """Count and log a call that was refused."""
        self._count(reason)
        self._log(WARNING, reason, f"refused a webhook call: {text}")

    def add_failed(
        self, reason: str, text: str, error: BaseException | None = None, personal: frozenset[str] = frozenset()
    ) -> None:
        """Count and log a call that failed.

        Args:
            reason: what failed.
            text: the log record's message.
            error: its traceback is logged.
            personal: values of the call, which are masked in the traceback.
        """
        self._count(reason)
        place = f"{type(error).__name__} {_line_of(error)}" if error else ""
        self._log(ERROR, f"{reason} {place}", text, lambda: f":\n{_traceback(error, personal)}" if error else "")

    def _count(self, reason: str) -> None:
        with self._lock:
            self._reasons[reason] += 1

    def _log(self, level: int, key: str, text: str, details: Callable[[], str] = str) -> None:
        with self._lock:
            window = self._throttles.get(key)
            if window is None or window.ends < self.now():
                window = self._throttles[key] = _Window(ends=self.now() + WINDOW)
            is_due, count = window.throttle.add(1), window.throttle.count
        if is_due:
            repeated = f" ({count} times within the hour)" if count > 1 else ""
            # Not as `exc_info`: error trackers would report the frames' variables, and the event among them.
            logger.log(level, "%s%s%s", text, repeated, details())


@frozen(kw_only=True)
class _Window:
    ends: float
    throttle: LogThrottle = field(factory=LogThrottle)


def personal_values(event: WebhookEvent) -> frozenset[str]:
    """Values of a call that are personal data, and may be part of an exception's text."""
    found = _of_delivery(event) if isinstance(event, DeliveryEvent) else _of_verdicts(event)
    return frozenset(value for value in found if isinstance(value, str) and len(value) > 3)  # noqa: PLR2004  # "-"


def _of_delivery(event: DeliveryEvent) -> Iterator[object]:
    yield from (event.recipient, event.ip, event.url, event.client_info.user_agent, event.envelope.targets)


def _of_verdicts(event: BotVerdicts) -> Iterator[object]:
    for verdict in event:
        yield from (verdict.request.ip, verdict.request.uas, verdict.request.recipient_id)


def _traceback(error: BaseException, personal: frozenset[str]) -> str:
    # Cut before the masking, which takes time, and again after it, lest half a value is left at the cut.
    text = _abridge("".join(traceback.format_exception(error)).rstrip(), 10 * MAX_TRACEBACK)
    for value in sorted(personal, key=len, reverse=True):  # the longest first: one may be part of another
        text = text.replace(value, "***")
    return _abridge(redact(text), MAX_TRACEBACK)


def _abridge(text: str, length: int) -> str:
    half = length // 2
    return text if len(text) <= length else f"{text[:half]}\n[…]\n{text[-half:]}"


def _line_of(error: BaseException) -> str:
    steps = [f"{frame.f_code.co_filename}:{line}" for frame, line in traceback.walk_tb(error.__traceback__)]
    return steps[-1] if steps else ""
