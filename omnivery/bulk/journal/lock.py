"""The lock of a journal's only writer: by what the file is, whatever its name, and not inherited by a fork."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path

from attrs import define, field

from omnivery._fork import register_fork_reset
from omnivery._sqlite.paths import Identity, create_private, identity_of, is_moved

HELD_ELSEWHERE = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}
"""What a system says of a lock that another process has."""


class LockedError(Exception):
    """Another run has the lock, in this process or another."""


@define(eq=False)
class _Registry:
    """What this process has locked. The system's locks are a process's: it would give it another one at once."""

    held: dict[Identity, WriterLock] = field(factory=dict)

    def reset_after_fork(self) -> None:
        """A child has none of its parent's locks."""
        self.held = {}


# Module state, because the system's locks are the process's as well.
_REGISTRY = _Registry()
register_fork_reset(_REGISTRY)


@define(kw_only=True, eq=False)
class WriterLock:
    """The lock of one journal. Releasing it, or the end of the process however it comes, lets another writer in."""

    path: Path
    """The journal's."""
    _identity: Identity = field(alias="identity")
    _descriptor: int | None = field(alias="descriptor", repr=False)
    _is_new: bool = field(init=False, default=False, repr=False)
    """Whether the file beside the journal was created for it."""
    _keys: list[Identity] = field(init=False, factory=list[Identity], repr=False)

    @classmethod
    def take(cls, path: Path) -> WriterLock:
        """Lock an existing journal.

        The lock is on a file beside it. A lock on the journal itself would be released when any code in this process
        opens and closes that file.

        Raises:
            LockedError: another run has it.
            OSError: it cannot be locked.
        """
        lock = cls(path=path, identity=identity_of(path), descriptor=None)
        beside = lock._beside
        try:
            lock._register(lock._identity)
            # Check before opening it: to close it again would release a lock that this process has on it.
            with suppress(FileNotFoundError):
                lock._register(identity_of(beside))
            try:
                lock._descriptor, lock._is_new = create_private(beside, os.O_EXCL), True
            except FileExistsError:
                lock._descriptor = create_private(beside, 0)
            _lock(lock._descriptor)
            lock._register(identity_of(beside))
        except BaseException:
            lock.release()
            raise
        return lock

    @property
    def _beside(self) -> Path:
        return self.path.with_name(self.path.name + "-lock")

    def is_moved(self) -> bool:
        """Whether the journal is no longer the file of that name: moved, replaced or deleted."""
        return is_moved(self.path, self._identity)

    def release(self) -> None:
        """Let another writer in. A second time does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
        for key in self._keys:
            if _REGISTRY.held.get(key) is self:
                del _REGISTRY.held[key]
        self._keys = []

    def discard(self) -> None:
        """Release it, and leave no file of it: what was locked is no journal, nor will anybody make it one."""
        self.release()
        if self._is_new:
            with suppress(OSError):
                self._beside.unlink()

    def _register(self, key: Identity) -> None:
        if _REGISTRY.held.setdefault(key, self) is not self:
            raise LockedError
        self._keys.append(key)


def _lock(descriptor: int) -> None:
    try:
        _lock_at_once(descriptor)
    except OSError as error:
        if error.errno in HELD_ELSEWHERE:
            raise LockedError from None
        raise


if sys.platform == "win32":

    def _lock_at_once(descriptor: int) -> None:
        import msvcrt

        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:

    def _lock_at_once(descriptor: int) -> None:
        import fcntl

        # POSIX's kind, and not flock's, which a forked child would hold on to.
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
