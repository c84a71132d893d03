"""What reads lines that may have been split by a container's runtime or the journal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import define

from omnivery.readers._format import EachLine, Placed, T
from omnivery.readers._lines import Block
from omnivery.readers._parts import Joiner


@define(eq=False, kw_only=True)
class JoinedReader(EachLine[T]):
    """Reads each line by itself, once those that were split are joined."""

    parts: Joiner | None = None
    """Joins lines that were split by what carries them."""

    def read(self, blocks: Iterable[Block]) -> Iterator[Placed[T]]:
        """Yield the items of one block after the other; those of a line whose end may yet come are left."""
        parts = self.parts
        if parts is None:
            yield from self.read_whole(blocks)
            return
        parts.growing = self.growing
        if isinstance(self.state, dict) and "passed" in self.state:
            parts.passed, self.state = self.state["passed"], self.state["inside"]
        for placed in self.read_whole(parts.joined(blocks)):
            state = {"passed": parts.passed, "inside": placed.state} if parts.passed else placed.state
            yield placed._replace(state=state)
        self.unfinished = parts.unfinished

    def read_whole(self, blocks: Iterable[Block]) -> Iterator[Placed[T]]:
        """Yield the items of blocks in which no line is split."""
        yield from EachLine.read(self, blocks)
