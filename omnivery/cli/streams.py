"""Standard output and standard error: on terminals of any encoding, and on a full disk."""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager

ASCII_FORMS = {"…": "...", "±": "+-", "█": "#", "·": ".", "\N{NO-BREAK SPACE}": " "}
"""What stands for a character of ours where the terminal's encoding does not have it."""
PLAIN = "omnivery_ascii"
"""ASCII under a name of our own."""


def adapt_streams() -> None:
    """Let no character end a command: one that the terminal's encoding does not have is written in another form."""
    codecs.register_error("omnivery.replace", _replacement)
    if not _is_known(PLAIN):
        codecs.register(_plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Click takes ASCII for a mistake, and writes UTF-8 in its place.
            encoding = PLAIN if codecs.lookup(stream.encoding).name == "ascii" else stream.encoding
            stream.reconfigure(encoding=encoding, errors="omnivery.replace")


def _is_known(encoding: str) -> bool:
    try:
        codecs.lookup(encoding)
    except LookupError:
        return False
    return True


def _plain(name: str) -> codecs.CodecInfo | None:
    if name != PLAIN:
        return None
    ascii_ = codecs.lookup("ascii")
    return codecs.CodecInfo(
        ascii_.encode,
        ascii_.decode,
        incrementalencoder=ascii_.incrementalencoder,
        incrementaldecoder=ascii_.incrementaldecoder,
        name=PLAIN,
    )


def _replacement(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(ASCII_FORMS.get(character, "?") for character in missing), error.end


class OutputError(OSError):
    """Standard output could not be written, as on a full disk."""


@contextmanager
def written() -> Iterator[None]:
    """Write what the block prints to standard output, to its end.

    Raises:
        BrokenPipeError: nobody reads it any more.
        OutputError: it cannot be written.
    """
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise  # click puts a wrapper around standard output, which must be there
    except OSError as error:
        sys.stdout = None  # at its end, Python would try once more to write what is left
        raise OutputError(*error.args) from error
