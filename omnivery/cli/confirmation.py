"""Asking before something is deleted."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from omnivery.cli.output import say

yes_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option("--yes", is_flag=True, help="Do not ask.")


def confirm(question: str, *, yes: bool) -> None:
    """Ask whether to go on, unless `--yes` was given. End the command if the reply is no.

    Raises:
        click.UsageError: there is nobody to ask.
    """
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError(f"{question} Nobody can be asked here: say --yes.")
    if not click.confirm(question, err=True):
        say("Nothing was changed.")
        sys.exit(1)
