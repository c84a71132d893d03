"""Values of a fault specification: shares such as `5%`, durations such as `50ms±20ms`, rates such as `10/s`."""

from __future__ import annotations

import re
from typing import Self

from attrs import field, frozen

from omnivery.errors import ConfigError

NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
DURATION = re.compile(rf"({NUMBER})(ms|s|m|h)(?:(?:±|\+-|\+/-)({NUMBER})(ms|s|m|h))?")
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
LONGEST = 24 * 3600.0
"""Most seconds of a duration."""


@frozen
class Share:
    """A share of all requests, or of all webhooks."""

    text: str = field(eq=False)
    """The value as it was written."""
    share: float
    """From 0 to 1."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a percentage.

        Raises:
            ConfigError: it is none, or not from 0% to 100%.
        """
        number = text.removesuffix("%").rstrip()
        if not text.endswith("%") or not re.fullmatch(NUMBER, number) or float(number) > 100:  # noqa: PLR2004  # per cent
            raise ConfigError("a share is written as a percentage from 0% to 100%, such as 5% or 0.5%")
        return cls(f"{number}%", float(number) / 100)

    def __str__(self) -> str:
        return self.text


@frozen
class Duration:
    """A time, the same or a little different each time."""

    text: str = field(eq=False)
    """The value as it was written."""
    seconds: float
    """The middle of the range."""
    jitter: float = 0.0
    """How far from the middle it may be, in seconds."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a duration with a unit, and possibly a jitter.

        Raises:
            ConfigError: it is none, is too long, or its jitter exceeds it.
        """
        match = DURATION.fullmatch(text.replace(" ", ""))
        if match is None:
            raise ConfigError("a duration is written with its unit (ms, s, m, h), such as 50ms, 2s or 50ms±20ms")
        number, unit, jitter, jitter_unit = match.groups()
        seconds = float(number) * SECONDS[unit]
        spread = float(jitter) * SECONDS[jitter_unit] if jitter else 0.0
        if seconds > LONGEST:
            raise ConfigError("a duration is at most 24h")
        if spread > seconds:
            raise ConfigError(f"the jitter {jitter}{jitter_unit} exceeds the duration {number}{unit}")
        return cls(match[0].replace("+/-", "±").replace("+-", "±"), seconds, spread)

    def at(self, position: float) -> float:
        """Return the seconds at a position in the range: 0 for the shortest, 1 for the longest."""
        return self.seconds + (2 * position - 1) * self.jitter

    def __str__(self) -> str:
        return self.text


@frozen
class Rate:
    """A number of requests in a unit of time."""

    text: str = field(eq=False)
    """The value as it was written."""
    count: int
    """Requests in one unit of time. All of them may come at once."""
    per: float
    """The unit of time in seconds."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a rate.

        Raises:
            ConfigError: it is none.
        """
        match = re.fullmatch(r"([1-9][0-9]{0,8})/(s|m|h)", text.replace(" ", ""))
        if match is None:
            raise ConfigError("a rate is a whole number of requests per s, m or h, such as 10/s or 600/m")
        return cls(match[0], int(match[1]), SECONDS[match[2]])

    def __str__(self) -> str:
        return self.text
