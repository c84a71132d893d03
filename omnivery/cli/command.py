"""The classes of commands: each takes `--json`, and shows examples at the end of its help."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from omnivery.cli.wording import in_options
from omnivery.errors import ConfigError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

HELP: Mapping[str, Any] = {"help_option_names": ["-h", "--help"]}
"""Settings of each command's context."""


class Command(click.Command):
    """A command.

    Args:
        arguments: as for `click.Command`.
        examples: command lines, one below the other, which the help shows unchanged.
        options: as for `click.Command`.
    """

    def __init__(self, *arguments: Any, examples: str = "", **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.examples: list[str] = [line.strip() for line in examples.strip().splitlines()]
        self.params.append(json_option())

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. An error that names an argument of the SDK names the option instead."""
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            if (words := in_options(str(error))) == str(error):
                raise
            raise ConfigError(words) from error

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        super().format_epilog(ctx, formatter)
        write_examples(self.examples, formatter)


class Group(click.Group):
    """A group of commands, each of which is made by `Command`."""

    command_class: type[click.Command] | None = Command

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params.append(json_option())


class LazyGroup(Group):
    """A group that imports a command when it is called for.

    Args:
        arguments: as for `click.Group`.
        table: name of each command to the module that defines it and its line in the help. The module has the command
            under the same name.
        options: as for `click.Group`.
    """

    def __init__(self, *arguments: Any, table: Mapping[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Return the names."""
        return sorted(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        """Return one command, loaded."""
        if cmd_name not in self.table:
            return None
        command = getattr(importlib.import_module(self.table[cmd_name][0]), cmd_name)
        assert isinstance(command, click.Command)  # noqa: S101  # the table is ours
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; for a name that is misspelt or in another group, say which may be meant."""
        name = args[0]
        if name in self.table or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        from difflib import get_close_matches

        meant = [f"{group} {name}" for group in self._groups_with(ctx, name)] or get_close_matches(name, self.table)
        hint = f" Did you mean {' or '.join(map(repr, meant))}?" if meant else ""
        raise click.UsageError(f"No such command {name!r}.{hint}", ctx)

    def _groups_with(self, ctx: click.Context, name: str) -> Iterator[str]:
        """The groups in this one that have a command of that name."""
        for group in self.list_commands(ctx):
            command = self.get_command(ctx, group)
            if isinstance(command, click.Group) and name in command.list_commands(ctx):
                yield group

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands that begin so, without importing them, and the group's own options."""
        from click.shell_completion import CompletionItem

        names = (name for name in self.list_commands(ctx) if name.startswith(incomplete))
        found = [CompletionItem(name, help=self.table[name][1]) for name in names]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list in the help, without importing a thing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.table[name][1]) for name in self.list_commands(ctx)])


class RootGroup(LazyGroup):
    """The group of all commands."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. Of Ctrl-C, click would keep neither what the command says of it nor which signal it was."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interruption:
            raise Interruption(cause=interruption) from interruption


class Interruption(Exception):  # noqa: N818  # no error, as KeyboardInterrupt is none
    """A signal ended a command.

    Attributes:
        cause: what the signal raised, with the command's own words if it has any.
    """

    def __init__(self, *, cause: KeyboardInterrupt) -> None:
        super().__init__(*cause.args)
        self.cause = cause


def json_option() -> click.Option:
    """Return the option `--json`. It only has to be known here: `output.asked_for_json` looks for it."""
    return click.Option(
        ["--json"], is_flag=True, expose_value=False, help="Print JSON, also on a terminal. Elsewhere it is the rule."
    )


def command(name: str | None = None, *, examples: str, **settings: Any) -> Callable[[Callable[..., Any]], Command]:
    """Make a command of a function, outside a group.

    Args:
        name: its name; the function's if left out.
        examples: as for `Command`.
        settings: as for `click.Command`.
    """
    return click.command(name, cls=Command, examples=examples, context_settings=dict(HELP), **settings)


def write_examples(lines: list[str], formatter: click.HelpFormatter) -> None:
    """Write command lines as they are: wrapped, they could not be copied."""
    if lines:
        with formatter.section("Examples"):
            indent = " " * formatter.current_indent
            formatter.write("".join(f"{indent}{line}\n" for line in lines))
