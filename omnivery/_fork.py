"""Through `os.fork`: a child must use neither its parent's connections nor locks that nobody will ever release."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class ForkResettable(Protocol):
    """What holds connections, locks or threads of the process that made it."""

    def reset_after_fork(self) -> None:
        """Start afresh: this is a child, and the only thread in it."""
        ...


# The one exception to the rule that modules hold no state: fork copies a process, and knows nothing smaller.
_LIVING: WeakSet[ForkResettable] = WeakSet()


def register_fork_reset(thing: ForkResettable) -> None:
    """Have a thing renewed in every child that this process forks, for as long as it lives."""
    _LIVING.add(thing)


def _reset_all() -> None:
    for thing in tuple(_LIVING):
        thing.reset_after_fork()


if hasattr(os, "register_at_fork"):  # where there is no fork, there is nothing to do
    os.register_at_fork(after_in_child=_reset_all)
