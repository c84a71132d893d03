"""`omnivery completion`: what a shell evaluates to complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from omnivery.cli.command import command
from omnivery.cli.streams import written

SHELLS = ("bash", "fish", "zsh")


@command(
    examples="""
    eval "$(omnivery completion bash)"
    omnivery completion zsh > "${fpath[1]}/_omnivery"
    omnivery completion fish > ~/.config/fish/completions/omnivery.fish
    """
)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script that completes commands and options in a SHELL.

    For bash, put the first example into ~/.bashrc; it needs bash 4.4. The other two take effect in the next shell.
    """
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101  # click has the three
    with written():
        click.echo(found(_root(), {}, "omnivery", "_OMNIVERY_COMPLETE").source())


def _root() -> click.Command:
    return click.get_current_context().find_root().command
