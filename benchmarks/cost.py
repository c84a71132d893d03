"""What a way of sending costs, and where it sends: for our own ways and those of others."""

from __future__ import annotations

import time
from collections.abc import Callable
from resource import RUSAGE_SELF, getrusage
from typing import Any, TypeAlias

from attrs import define, frozen

from benchmarks.events import DOMAIN

TOKEN = "bench-token"


@frozen
class Target:
    """Where to send, and how many requests at a time."""

    url: str
    concurrency: int

    @property
    def endpoint(self) -> str:
        """The URL of the SDK's own requests."""
        return f"{self.url}/{DOMAIN}/bot"


@define
class Spent:
    """Seconds that a block took, and seconds of CPU, user and system, that this process spent in it."""

    seconds: float = 0.0
    cpu: float = 0.0

    def __enter__(self) -> None:
        self.cpu -= _cpu()
        self.seconds -= time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter()
        self.cpu += _cpu()


def _cpu() -> float:
    used = getrusage(RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


Send: TypeAlias = Callable[[Any, Target, Spent], None]
