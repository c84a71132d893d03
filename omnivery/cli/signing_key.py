"""Signing keys: from the environment, from files, or asked for; never from the command line itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from omnivery.cli.arguments import secret
from omnivery.errors import ConfigError

Command = TypeVar("Command", bound=Callable[..., Any])

VARIABLE = "OMNIVERY_SIGNING_KEY"
OTHERS = ("OMNIVERY_TOKEN", "OMNIVERY_API_KEY", "OMNIVERY_SENDING_KEY")
"""Variables of secrets that are no signing keys."""


def key_file_option(command: Command) -> Command:
    """Give a command the option `--key-file`; it gets the paths as `key_files`."""
    return click.option(
        "--key-file",
        "key_files",
        multiple=True,
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Also take a signing key from this file, such as the old one while it changes. Repeatable.",
    )(command)


def raw_keys(key_files: Iterable[Path]) -> list[str]:
    """Return the keys as they are, with whatever stands around them.

    Raises:
        ConfigError: a file is not text.
    """
    found = [os.environ.get(VARIABLE, "")]
    for path in key_files:
        try:
            found.append(path.read_text())
        except UnicodeDecodeError:
            raise ConfigError(f"{path} holds no key: it is not text") from None
    return [key for key in found if key.strip()]


def clean_keys(key_files: Iterable[Path]) -> list[str]:
    """Return the keys without blanks and line breaks around them.

    Raises:
        ConfigError: a file is not text.
    """
    return [key.strip() for key in raw_keys(key_files)]


def needed_keys(key_files: Iterable[Path]) -> list[str]:
    """Return the keys as they are; ask for one on a terminal if there is none.

    Raises:
        ConfigError: there is none, and nobody to ask.
    """
    return raw_keys(key_files) or [secret(VARIABLE, "signing key")]


def namesake(keys: Iterable[str]) -> str | None:
    """Return the variable of another secret that is the same as one of the keys: a wrong setting, and a common one."""
    given = {key.strip() for key in keys}
    return next((name for name in OTHERS if os.environ.get(name, "").strip() in given), None)
