"""Events from the files that a command names."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import click

from omnivery import readers

if TYPE_CHECKING:
    from omnivery.readers import FileEvents


def events_of(file: str) -> FileEvents[Any]:
    """The events of a file, or of standard input for `-`. What a reader warns of is told on standard error.

    Raises:
        OSError: the file cannot be opened.
    """
    warnings.simplefilter("always", readers.LogWarning)
    warnings.showwarning = _tell
    return readers.read(file)


def _tell(message: Warning | str, *_: object, **__: object) -> None:
    click.echo(f"Warning: {message}", err=True)
