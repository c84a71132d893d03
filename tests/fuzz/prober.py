"""Sends requests to an emulator, and says what is wrong with a response."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Self

from omnivery.emulator import Emulator
from tests.fuzz.routes import CONTROL
from tests.fuzz.wire import RawRequest, RawResponse, Wire


class Problems(logging.Handler):
    """Keeps what the emulator, its server and its event loop log as errors."""

    LOGGERS = ("omnivery", "uvicorn.error", "asyncio")

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.seen.append(f"{record.name}: {record.getMessage()}")

    def __enter__(self) -> Self:
        for name in self.LOGGERS:
            logging.getLogger(name).addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        for name in self.LOGGERS:
            logging.getLogger(name).removeHandler(self)


class Prober:
    """Sends requests, and fails a test where the emulator fails.

    Args:
        emulator: a running emulator.
        problems: what it logs.
        counts: counts the responses by status.
    """

    def __init__(self, emulator: Emulator, problems: Problems, counts: Counter[int | None]) -> None:
        self.emulator = emulator
        self._problems, self._counts = problems, counts
        self._wire = Wire(emulator.automations_url)

    def probe(self, request: RawRequest) -> RawResponse:
        """Send a request and return its response, which is none of a fault of the emulator's own.

        Raises:
            TimeoutError: there was no response in time.
        """
        self._problems.seen.clear()
        response = self._wire.exchange(request)
        self._counts[response.status] += 1
        if request.target.startswith(CONTROL.encode()):
            # It may have ordered faults, which would look like the emulator's own.
            self.emulator.reset()
            self.emulator.faults = None
        assert response.status is not None or not request.framed, f"no response to {request}"
        assert response.status is None or response.status < 500, f"{response} {response.body!r} to {request}"
        assert not self._problems.seen, f"{self._problems.seen} after {request}"
        return response

    def close(self) -> None:
        """Close the connection."""
        self._wire.close()
