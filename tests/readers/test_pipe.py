"""Pipes are waited for, whatever mode they are in."""

from __future__ import annotations

import itertools
import os
import threading

from omnivery.readers import ndjson
from tests.support.opened import THREE


def test_a_pipe_in_non_blocking_mode_is_waited_for() -> None:
    """A parent process may have set that for all who share the pipe."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    with os.fdopen(reader, "rb") as file, os.fdopen(writer, "wb", buffering=0) as other:
        events = ndjson(file)
        other.write(THREE)
        assert len(list(itertools.islice(events, 3))) == 3

        def write_the_rest() -> None:
            other.write(THREE)
            other.close()

        timer = threading.Timer(0.02, write_the_rest)
        timer.start()
        assert len(list(events)) == 3
        timer.join()
