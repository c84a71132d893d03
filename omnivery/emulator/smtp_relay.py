"""The SMTP relay: passes accepted messages on to an SMTP server, such as Mailpit, for its page and its checks."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator

from attrs import evolve, frozen

from omnivery.emulator.activity import Activity, ActivityFeed
from omnivery.emulator.composition import compose
from omnivery.emulator.message import StoredMessage
from omnivery.emulator.smtp_connection import SmtpConnection, SmtpFailure, SmtpServer, failure_of
from omnivery.emulator.smtp_statistics import SmtpStatistics

CAPACITY = 10_000
"""Most messages that wait for the server, one for each recipient with variables; further ones are dropped."""
CAPACITY_BYTES = 256 * 1024 * 1024
"""Most bytes of such messages."""
RETRY_DELAYS = (0.5, 2.0, 5.0)
"""Seconds before each further attempt."""
STOP_TIMEOUT = 2.0
"""Seconds that messages have to leave when the emulator stops."""
OK = 250
"""The reply to a message that was accepted."""


class SmtpRelay:
    """Passes messages on in a thread of its own, in their order. It never holds up or fails the API call.

    Args:
        server: where to.
        feed: is told of every attempt.
        retry_delays: seconds before each further attempt.
    """

    def __init__(
        self, server: SmtpServer, *, feed: ActivityFeed, retry_delays: tuple[float, ...] = RETRY_DELAYS
    ) -> None:
        self.server = server
        self._feed = feed
        self._waits = (0.0, *retry_delays)
        self._waiting: deque[_Envelope] = deque()
        self._bytes = 0
        self._counts = SmtpStatistics()
        self._change = threading.Condition()
        self._stopping = threading.Event()
        self._is_failing = False
        self._thread: threading.Thread | None = None
        self._connection = SmtpConnection(server)

    def add(self, message: StoredMessage) -> None:
        """Pass a message on soon. A message in test mode is not."""
        if message.test_mode:
            return
        for envelope in _envelopes(message):
            self._add(envelope)

    def start(self) -> None:
        """Start the thread."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="omnivery-smtp-relay", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Give waiting messages `STOP_TIMEOUT` seconds to leave, drop the rest, and end the thread."""
        if not self._is_failing:
            self.wait_idle(STOP_TIMEOUT)
        self._stopping.set()
        with self._change:
            self._counts.dropped += len(self._waiting)
            if self._waiting:
                self._counts.last_error = "the emulator stopped"
            self._waiting.clear()
            self._bytes = 0
            self._change.notify_all()
        if self._thread is not None:
            self._thread.join(STOP_TIMEOUT)

    def reset(self) -> None:
        """Drop the messages that wait, and forget the counts."""
        with self._change:
            self._waiting.clear()
            self._bytes = 0
            self._counts = SmtpStatistics()
            self._change.notify_all()

    def wait_idle(self, seconds: float) -> bool:
        """Block until no message is waiting; return False if that takes longer."""
        with self._change:
            return self._change.wait_for(lambda: not self._waiting, seconds)

    @property
    def statistics(self) -> SmtpStatistics:
        """A copy of the counts."""
        with self._change:
            return evolve(self._counts, waiting=len(self._waiting))

    def _add(self, envelope: _Envelope) -> None:
        with self._change:
            is_full = len(self._waiting) >= CAPACITY or self._bytes + envelope.size > CAPACITY_BYTES
            if not is_full:
                self._waiting.append(envelope)
                self._bytes += envelope.size
                self._change.notify_all()
                return
            self._counts.dropped += 1
            self._counts.last_error = error = "too many messages wait for the SMTP server"
        self._tell(envelope, "dropped", status=None, started=time.perf_counter(), note=error)

    def _run(self) -> None:
        while (envelope := self._next()) is not None:
            self._pass_on(envelope)
        self._connection.close()

    def _next(self) -> _Envelope | None:
        """Wait for the next message; None when the emulator stops."""
        if not self._waiting:
            self._connection.close()
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._stopping.is_set())
            return None if self._stopping.is_set() else self._waiting[0]

    def _pass_on(self, envelope: _Envelope) -> None:
        failure: SmtpFailure | None = None
        for attempt, wait in enumerate(self._waits, 1):
            if self._stopping.wait(wait):
                return
            failure = self._try(envelope, attempt)
            if failure is None or not failure.is_temporary:
                break
        self._settle(envelope, failure)

    def _settle(self, envelope: _Envelope, failure: SmtpFailure | None) -> None:
        with self._change:
            if not self._waiting or self._waiting[0] is not envelope:  # stop() has dropped and counted it
                return
            self._waiting.popleft()
            self._bytes -= envelope.size
            if failure is None:
                self._counts.passed_on += 1
            else:
                self._counts.failed += 1
                self._counts.last_error = failure.text
            self._change.notify_all()

    def _try(self, envelope: _Envelope, attempt: int) -> SmtpFailure | None:
        started, failure = time.perf_counter(), None
        try:
            refused = self._send(envelope)
        except Exception as error:  # noqa: BLE001  # smtplib, sockets and MIME fail in many ways, and the thread goes on
            failure, refused = failure_of(error), 0
            self._connection.close()
        self._is_failing = failure is not None
        notes = [f"attempt {attempt}"] if attempt > 1 else []
        notes += [f"{refused} of {len(envelope.recipients)} recipients refused"] if refused else []
        notes += [failure.text] if failure else []
        status = failure.status if failure else OK
        self._tell(
            envelope, "failed" if failure else "passed on", status=status, started=started, note=", ".join(notes)
        )
        return failure

    def _send(self, envelope: _Envelope) -> int:
        text = compose(envelope.message, recipient=envelope.recipient)
        return self._connection.send(envelope.message.sender, envelope.recipients, text)

    def _tell(self, envelope: _Envelope, outcome: str, *, status: int | None, started: float, note: str) -> None:
        if self._feed:
            count = len(envelope.recipients)
            self._feed.tell(
                Activity(
                    kind="smtp",
                    name=outcome,
                    target=str(self.server),
                    status=status,
                    seconds=time.perf_counter() - started,
                    note=", ".join(filter(None, (f"{count:,} recipients" if count != 1 else "", note))),
                )
            )


@frozen(kw_only=True)
class _Envelope:
    """One SMTP transaction."""

    message: StoredMessage
    recipients: tuple[str, ...]
    recipient: str | None = None
    """The only recipient, if the message has variables for each."""
    size: int = 0
    """Bytes that are held until it has left; several envelopes of one message hold it once, until the last has left."""


def _envelopes(message: StoredMessage) -> Iterator[_Envelope]:
    if message.value("recipient-variables") is None:
        yield _Envelope(message=message, recipients=message.recipients, size=_size(message))
        return
    *others, last = message.recipients
    for recipient in others:
        yield _Envelope(message=message, recipients=(recipient,), recipient=recipient)
    yield _Envelope(message=message, recipients=(last,), recipient=last, size=_size(message))


def _size(message: StoredMessage) -> int:
    files = sum(len(file.content) for file in (*message.attachments, *message.inline))
    return files + len(message.mime or b"") + sum(len(value) for _, value in message.fields)
