"""A request's body while it arrives: a large one goes to disk, so that stalled uploads hold little memory."""

from __future__ import annotations

from tempfile import TemporaryFile
from threading import Lock
from types import TracebackType
from typing import IO, Self

from attrs import define, field, frozen

from omnivery.transport.runtime import run_in_thread

IN_MEMORY = 1_000_000
"""Bytes of one body that are held in memory; beyond it, the body goes to a temporary file."""
IN_MEMORY_TOGETHER = 24_000_000
"""Bytes that all uploads in progress hold in memory; beyond it, each of them goes to disk as it arrives."""
BLOCK = 65_536
"""Bytes that are written to disk at once."""


@define(eq=False)
class Memory:
    """What the uploads in progress hold in memory together. Threads may share it."""

    held: int = field(init=False, default=0)
    _lock: Lock = field(init=False, factory=Lock, repr=False)

    def add(self, count: int) -> None:
        """Count bytes that are held from now on, or, below 0, no longer."""
        with self._lock:
            self.held += count

    @property
    def is_spent(self) -> bool:
        """Whether uploads go to disk as they arrive."""
        return self.held > IN_MEMORY_TOGETHER


@define(kw_only=True, eq=False)
class Upload:
    """One body. Leaving the block deletes its file."""

    memory: Memory
    size: int = field(init=False, default=0)
    """Bytes received so far."""
    _buffer: bytearray = field(init=False, factory=bytearray, repr=False)
    _file: IO[bytes] | None = field(init=False, default=None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()
        if self._file:
            self._file.close()

    @property
    def is_small(self) -> bool:
        """Whether it is in memory, and small enough to be parsed on an event loop."""
        return self._file is None and self.size <= IN_MEMORY

    async def add(self, data: bytes) -> None:
        """Take the next part of the body.

        Raises:
            OSError: the temporary file cannot be written.
        """
        self._buffer += data
        self.size += len(data)
        self.memory.add(len(data))
        if len(self._buffer) > (BLOCK if self._file or self.memory.is_spent else IN_MEMORY):
            await run_in_thread(self._spill)

    def content(self) -> bytes:
        """The whole body. Blocks while it is read from disk.

        Raises:
            OSError: the temporary file cannot be read.
        """
        if not self._file:
            return bytes(self._buffer)
        self._file.seek(0)
        return self._file.read() + self._buffer

    def _spill(self) -> None:
        if not self._file:
            self._file = TemporaryFile()  # noqa: SIM115  # __exit__ closes it
        self._file.write(self._buffer)
        self._release()

    def _release(self) -> None:
        self.memory.add(-len(self._buffer))
        self._buffer = bytearray()


@frozen
class WholeBody:
    """A body that a framework has read already."""

    data: bytes

    @property
    def is_small(self) -> bool:
        """Whether it may be parsed where it is."""
        return True

    def content(self) -> bytes:
        """The whole body."""
        return self.data
