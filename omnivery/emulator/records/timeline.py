"""Numbers of bot events by time, also of those that are no longer kept."""

from __future__ import annotations

from attrs import define, field

SECONDS = 3600
"""Number of the newest seconds with events that have a number of their own; older ones are counted by the minute."""
MINUTES = 7 * 24 * 60
"""Number of minutes that are kept."""
MINUTE = 60


@define
class Timeline:
    """Numbers by second for an hour at least, and by minute for a week. Its memory is bounded."""

    _seconds: dict[int, tuple[int, int, int]] = field(factory=dict[int, tuple[int, int, int]])
    _minutes: dict[int, tuple[int, int, int]] = field(factory=dict[int, tuple[int, int, int]])

    def add(self, at: float, *, events: int, bots: int, humans: int) -> None:
        """Count events of one moment."""
        _count(self._seconds, int(at), (events, bots, humans))
        if len(self._seconds) > SECONDS:
            oldest = next(iter(self._seconds))
            _count(self._minutes, oldest - oldest % MINUTE, self._seconds.pop(oldest))
            if len(self._minutes) > MINUTES:
                del self._minutes[next(iter(self._minutes))]

    def since(self, moment: float) -> list[tuple[int, int, int, int]]:
        """Return a row for each second or minute with events: its beginning in unix seconds, events, bots, humans."""
        rows = [*self._minutes.items(), *self._seconds.items()]
        return [(at, *numbers) for at, numbers in rows if at >= moment]


def _count(numbers: dict[int, tuple[int, int, int]], at: int, more: tuple[int, int, int]) -> None:
    events, bots, humans = numbers.get(at, (0, 0, 0))
    numbers[at] = (events + more[0], bots + more[1], humans + more[2])
