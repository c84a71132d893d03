"""Retention in a file: what is old enough is forgotten, bit by bit while more is written, or all at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from attrs import define, field

from omnivery._sqlite.kind import checked_age

PRUNE_EVERY = 60.0
"""Seconds between two looks for what is old enough to be pruned, while more is written."""


@define(kw_only=True, eq=False)
class Retention(ABC):
    """Forgets what a file has kept for long enough."""

    clock: Callable[[], float]
    """The time in unix seconds."""
    keep: float | None = None
    """Seconds after which it is forgotten while more is written; None keeps it."""
    look_at: float = field(init=False, default=0.0)
    """On the clock: when to look again for what is old enough."""

    def prune_some(self) -> None:
        """Forget some of what is old enough, at most once in a while unless there is more."""
        now = self.clock()
        # Not later than that: a clock that was ahead for a while may have been set back.
        if self.keep is None or self.look_at - PRUNE_EVERY <= now < self.look_at:
            return
        # As long as there is more, some with each writing; else a look now and then.
        self.look_at = now if self.forget_some(now - self.keep) else now + PRUNE_EVERY

    def moment(self, older_than: float) -> float:
        """Return when so many seconds ago was.

        Raises:
            ConfigError: that is no age.
        """
        return self.clock() - checked_age("older_than", older_than)

    @abstractmethod
    def forget_some(self, before: float) -> bool:
        """Forget some of what is older than a moment; say whether there was any."""
