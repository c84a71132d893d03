"""Choosing what reads a source: by its first lines, or as the caller says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from itertools import chain, islice

from attrs import frozen

from omnivery.readers._format import LineReader, Reader, Sample
from omnivery.readers._joined_reader import JoinedReader
from omnivery.readers._lines import Blocks
from omnivery.readers._packing import PIECE

SAMPLE_LINES = 200
"""Lines by which a format is recognized."""
_NULS = bytes(PIECE)
_SAMPLE_BYTES = 4 * 1024 * 1024
"""The most that is read ahead in search of a line that some format can read."""


@frozen
class Chosen:
    """What reads a source."""

    reader: Reader
    name: str | None = None
    """The format's name, if it was recognized."""


class Choice(ABC):
    """Chooses the reader of a source by its first lines."""

    @abstractmethod
    def choose(self, sample: Sample, *, final: bool) -> Chosen | None:
        """Return what reads a source; None if more lines are needed, and these are not final."""

    def again(self, sample: Sample, name: str | None) -> Chosen:  # noqa: ARG002  # of use where formats are recognized
        """Return what reads on a source that was read before in the format of this name."""
        chosen = self.choose(sample, final=True)
        assert chosen is not None  # noqa: S101  # what is final is decided
        return chosen


@frozen
class Fixed(Choice):
    """The caller has chosen."""

    make: Callable[[], Reader]

    def choose(self, sample: Sample, *, final: bool) -> Chosen:  # noqa: ARG002  # it needs to see nothing
        """Return the one reader."""
        return Chosen(self.make())


def chosen_by_sample(pieces: Iterator[bytes], choice: Choice, *, growing: bool) -> tuple[Chosen, Iterator[bytes]]:
    """Choose by the first lines, and return the choice and everything from the start.

    Args:
        pieces: the content.
        choice: what chooses.
        growing: whether a last line without an ending is still being written: it decides only where it is the only one.
    """
    seen: list[bytes] = []
    hole = size = lines = enough = enough_lines = 0
    chosen = choice.choose((), final=False)
    failure: Exception | None = None
    while chosen is None:
        piece = None
        try:
            piece = next(pieces, None)
        except Exception as error:  # noqa: BLE001  # it comes out behind what was read before it
            failure = error
        if piece is not None:
            if not size and not piece.strip(b"\0"):
                # An emptied log can begin with gigabytes of NULs, which tell nothing: they share their memory.
                seen.append(_NULS[: len(piece)])
                hole += 1
                continue
            seen.append(piece)
            size += len(piece)
            lines += piece.count(b"\n")
            # Each look costs as much as there is; a few short lines may be all that comes for a while.
            if size < enough and lines < enough_lines:
                continue
        final = piece is None or size > _SAMPLE_BYTES
        chosen = _chosen(b"".join(seen[hole:]), choice, final=final, growing=growing)
        enough, enough_lines = size + size // 4, lines + 1 + lines // 4
    return chosen, chain(seen, pieces if failure is None else _raising(failure))


def _chosen(text: bytes, choice: Choice, *, final: bool, growing: bool) -> Chosen | None:
    whole, every = _lines_of(text, final=final and not growing), _lines_of(text, final=final)
    chosen = choice.choose(whole or every, final=final)
    if chosen is None or chosen.name is not None or len(whole) == len(every):
        return chosen
    if isinstance(chosen.reader, JoinedReader) and chosen.reader.parts is not None:
        return chosen  # the rest of a line that was split is what is being written
    # By its last line it may be known, that of an object over many lines, say.
    known = choice.choose(every, final=final)
    return known if known is not None and known.name is not None else chosen


def chosen_again(
    head: bytes, data: Iterator[bytes], choice: Choice, name: str | None, *, growing: bool
) -> tuple[Chosen, Iterator[bytes]]:
    """Choose what reads on a source, and return the choice and the data.

    Args:
        head: how the source begins.
        data: what it holds from the place on.
        choice: what chooses.
        name: of the format in which it was read before; None if it was in none that is known: then what has come since
            may show it.
        growing: as in `chosen_by_sample`.
    """
    sample, text = _whole_lines(head), b""
    # Of long lines the beginning holds few, or none. What comes next may be all that there is for a while.
    while not (sample and text) and len(sample) < SAMPLE_LINES and len(text) < _SAMPLE_BYTES:
        piece = next(data, None)
        if piece is None:
            break
        text += piece
        sample = [*sample, *_whole_lines(text)]
    data = chain((text,), data) if text else data
    chosen = choice.again(sample, name)
    if chosen.name is None:
        later, data = chosen_by_sample(data, choice, growing=growing)
        # A reader of another kind counts in another way how far it has come, or has missed its header.
        if later.name is not None and isinstance(later.reader, LineReader) and not later.reader.headed:
            chosen = later
    return chosen, data


def _raising(error: Exception) -> Iterator[bytes]:
    yield from ()
    raise error


def _lines_of(data: bytes, *, final: bool) -> Sample:
    """The first lines of some data that are not blank; of a line that is very long, its beginning."""
    return _whole_lines(data, final=final) or ([data[:PIECE]] if len(data) >= PIECE else [])


def _whole_lines(data: bytes, *, final: bool = False) -> Sample:
    lines = (
        line for _, some in Blocks(iter([data]), growing=not final) for line in some if line and not line.isspace()
    )
    return list(islice(lines, SAMPLE_LINES))
