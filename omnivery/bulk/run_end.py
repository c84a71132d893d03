"""Whether a run goes on, and else what has ended it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

if TYPE_CHECKING:
    from omnivery.bulk.source_reader import SourceReader
    from omnivery.transport.circuit_breaker import CircuitBreaker


@define(kw_only=True, eq=False)
class RunEnd:
    """Ends a run before its source does: no more is read, and nothing more goes out. The first reason counts."""

    source: SourceReader[Any]
    breaker: CircuitBreaker
    reason: BaseException | None = field(init=False, default=None)
    """What stopped the run; None while it goes on."""
    fault: tuple[str, Exception] | None = field(init=False, default=None)
    """A foreign exception, and what raised it."""

    def stop(self, error: BaseException) -> None:
        """Stop the run."""
        self.reason = self.reason or error
        self.source.stop()
        self.breaker.stop()

    def fail(self, what: str, error: Exception) -> None:
        """Stop the run for an exception that is not of the SDK, of which the caller must learn."""
        self.fault = self.fault or (what, error)
        self.stop(error)

    def raise_fault(self, noun: str) -> None:
        """Raise what something foreign raised, if anything did, be it the source of the items that `noun` names.

        Raises:
            Exception: that exception.
        """
        if self.fault is None and self.source.error is not None:
            self.fault = f"the source of {noun}", self.source.error
        if self.fault is not None:
            what, cause = self.fault
            if isinstance(cause, StopAsyncIteration):
                # It would be taken for the end of the outcomes.
                raise RuntimeError(f"{what} raised StopAsyncIteration") from cause
            raise cause
