"""A recorder of calls, which asserts what a program sent."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from unittest import mock

from attrs import evolve

from omnivery.errors import ApiError, ConfigError, TransportError
from omnivery.testing.expectation import agrees
from omnivery.testing.operations import operation_name
from omnivery.testing.recorded_call import RecordedCall
from omnivery.testing.report import describe
from omnivery.transport.pipeline import Pipeline

if TYPE_CHECKING:
    from omnivery.transport.config import RetryPolicy
    from omnivery.transport.http import ApiResponse, Request
    from omnivery.transport.operation import Operation


class Recorder:
    """Keeps the calls that this process makes while the block is open, by any client, in any thread.

        with Recorder() as recorder:
            send_invitation("ann@example.com")
        recorder.assert_called("mailgun.messages.send", times=1, sent={"to": "ann@example.com", "o:tag": "invitation"})

    The calls still go out: to the emulator, to a mock, or to the service. A call that is retried is one call. In pytest
    there is the fixture `omnivery_recorder`.
    """

    def __init__(self) -> None:
        self._calls: dict[int, RecordedCall] = {}
        self._numbers = count()
        self._lock = threading.Lock()

    @property
    def calls(self) -> list[RecordedCall]:
        """All calls, in the order in which they began; those in progress have neither `status` nor `error`."""
        with self._lock:
            return list(self._calls.values())

    def calls_of(self, operation: Operation[Any] | str) -> list[RecordedCall]:
        """Return the calls of one operation.

        Args:
            operation: an operation or its name; the page `docs/reference.md` lists them.

        Raises:
            ConfigError: no operation has that name.
        """
        name = operation_name(operation)
        return [call for call in self.calls if call.operation == name]

    def assert_called(
        self,
        operation: Operation[Any] | str,
        *,
        times: int | None = None,
        sent: Mapping[str, Any] | None = None,
    ) -> list[RecordedCall]:
        """Check that an operation was called, and return the calls that match.

        Args:
            operation: an operation or its name.
            times: how many calls must match; at least one if left out.
            sent: what must have been sent, by the API's own names: parts of the path, query, and fields of the body.
                What is not named is not compared. A compiled pattern is searched for in a text; of an object, the given
                names are compared; and where a list was sent, one of its items may be given.

        Raises:
            AssertionError: another number of calls match; the message lists what was sent.
            ConfigError: no operation has that name.
        """
        __tracebackhide__ = True
        expected = dict(sent or {})
        found = [call for call in self.calls_of(operation) if agrees(expected, call.sent)]
        if len(found) != times if times is not None else not found:
            raise AssertionError(describe(self.calls, operation_name(operation), times=times, sent=expected))
        return found

    def assert_not_called(self, operation: Operation[Any] | str, *, sent: Mapping[str, Any] | None = None) -> None:
        """Check that an operation was not called, or not with what `sent` says.

        Args:
            operation: an operation or its name.
            sent: as in `assert_called`.

        Raises:
            AssertionError: it was called; the message lists what was sent.
            ConfigError: no operation has that name.
        """
        __tracebackhide__ = True
        self.assert_called(operation, times=0, sent=sent)

    def clear(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._calls.clear()

    def __enter__(self) -> Self:
        original = Pipeline.run

        async def run(
            pipeline: Pipeline,
            operation: Operation[Any],
            request: Request,
            *,
            policy: RetryPolicy,
            deadline: float | None = None,
        ) -> ApiResponse[Any]:
            number = self._begin(operation, request)
            try:
                response = await original(pipeline, operation, request, policy=policy, deadline=deadline)
            except BaseException as error:
                self._end(number, **_failure(error))
                raise
            self._end(number, status=response.status, attempts=response.attempts)
            return response

        # Every client's calls pass here, those of clients that exist already among them.
        self._patch = mock.patch.object(Pipeline, "run", run)
        self._patch.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._patch.stop()

    def __repr__(self) -> str:
        return f"<Recorder of {len(self.calls)} calls>"

    def _begin(self, operation: Operation[Any], request: Request) -> int:
        call = RecordedCall(
            operation=operation.name,
            method=operation.method,
            url=request.url,
            template=operation.path,
            content_type=dict(request.headers).get("content-type"),
            content=_content(request),
        )
        with self._lock:
            number = next(self._numbers)
            self._calls[number] = call
        return number

    def _end(self, number: int, **outcome: Any) -> None:
        with self._lock:
            if number in self._calls:  # it may have been cleared meanwhile
                self._calls[number] = evolve(self._calls[number], **outcome)


def _content(request: Request) -> bytes:
    if isinstance(request.content, bytes):
        return request.content
    try:
        return b"".join(request.content.blocks())
    except ConfigError:  # a file cannot be read: the call itself will say so
        return b""


def _failure(error: BaseException) -> dict[str, Any]:
    attempts = error.attempts if isinstance(error, ApiError | TransportError) else 0
    return {"error": error, "attempts": attempts, "status": error.status if isinstance(error, ApiError) else None}
