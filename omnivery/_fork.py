"""Safety across `os.fork`: a child uses neither its parent's connections nor locks that no thread will release."""

from __future__ import annotations

# A fork calls the functions that were registered with `before=` in reverse order. logging registers one that takes its
# lock, which most modules need while they are imported. It must be called after ours, or both sides would wait.
import logging  # noqa: F401
import os
from contextlib import AbstractContextManager
from threading import RLock, local
from typing import Protocol
from weakref import WeakSet

LONGEST_DELAY = 10.0
"""Longest time in seconds that a fork waits."""


class ForkResettable(Protocol):
    """An object that holds connections, locks or threads of the process that made it."""

    def reset_after_fork(self) -> None:
        """Called in a forked child, whose only thread is the current one: drop what belongs to the parent."""
        ...


def register_fork_reset(thing: ForkResettable) -> None:
    """Call `thing.reset_after_fork()` in every child that this process forks. Holds only a weak reference to it."""
    _RESETTABLE.add(thing)


def delay_fork() -> AbstractContextManager[object]:
    """Return a context manager: forks in other threads wait until its block has ended.

    Use it around imports inside functions and around the start of a thread. While a thread imports a module, it holds
    Python's lock of that module, and a child that is forked then would wait for the lock forever.
    """
    return _FORK_LOCK.lock


class _ForkLock:
    """Held by a fork, and by threads that a fork must not interrupt."""

    def __init__(self) -> None:
        self._forking = local()
        self.reset_after_fork()

    def reset_after_fork(self) -> None:
        self.lock = RLock()

    def before(self) -> None:
        self._forking.has_lock = self.lock.acquire(timeout=LONGEST_DELAY)

    def after_in_parent(self) -> None:
        if self._forking.has_lock:
            self.lock.release()


def _reset_all() -> None:
    for thing in tuple(_RESETTABLE):
        thing.reset_after_fork()


# The exception to the rule that modules hold no state: a fork copies the whole process.
_RESETTABLE: WeakSet[ForkResettable] = WeakSet()
_FORK_LOCK = _ForkLock()
register_fork_reset(_FORK_LOCK)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_FORK_LOCK.before, after_in_parent=_FORK_LOCK.after_in_parent, after_in_child=_reset_all)
