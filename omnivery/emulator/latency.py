"""Latency: how long the service takes, for those who want to see their code wait for it."""

from __future__ import annotations

import random
from typing import Literal

from omnivery.emulator.options import one_of

CHECK = (1.0, 1.5)
"""Seconds of a single check, which never takes less than one (documented)."""
VERDICTS = (1.0, 3.0)
"""Seconds until the verdicts of a batch: a guess."""
EVENTS = {
    "delivered": (0.5, 3.0),
    "failed": (0.5, 3.0),
    "opened": (5.0, 20.0),
    "clicked": (2.0, 8.0),
    "complained": (10.0, 30.0),
    "unsubscribed": (5.0, 20.0),
}
"""Seconds from the event before: guesses, shorter than life for people, who would not wait for hours."""


class Latency:
    """Chooses how long things take.

    Args:
        kind: `none`: everything happens at once. `real`: within the ranges above.
        seed: seed of the random numbers.
    """

    def __init__(self, kind: Literal["none", "real"], *, seed: int | None = None) -> None:
        one_of(kind, "none", "real", option="latency")
        self._is_real = kind == "real"
        self._random = random.Random(seed)  # noqa: S311  # not a secret

    def check(self) -> float:
        """Return the seconds of a single check."""
        return self._choose(CHECK)

    def verdicts(self) -> float:
        """Return the seconds until the verdicts of a batch are sent."""
        return self._choose(VERDICTS)

    def event(self, name: str) -> float:
        """Return the seconds between a delivery event and the one before it."""
        return self._choose(EVENTS.get(name, (0.0, 0.0)))

    def _choose(self, bounds: tuple[float, float]) -> float:
        return self._random.uniform(*bounds) if self._is_real else 0.0
