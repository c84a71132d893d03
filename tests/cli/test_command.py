"""What each command has: examples in its help, `--json`, and a line in the list."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from itertools import takewhile

import click
import pytest

from omnivery.cli.app import omnivery
from omnivery.cli.command import Command
from tests.support.cli import error_of, in_process, seen_in_process
from tests.test_house import loaded_by


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        if isinstance(found, click.Group):
            yield from commands(found, f"{path} {name}")
        else:
            yield f"{path} {name}", found


ALL = dict(commands(omnivery, "omnivery"))


@pytest.mark.parametrize("path", ALL)
def test_each_command_has_examples_of_itself(path: str) -> None:
    command = ALL[path]
    assert isinstance(command, Command)
    assert command.examples
    assert all(path in line for line in command.examples)


@pytest.mark.parametrize("path", ALL)
def test_each_command_says_what_it_does_and_takes_json(path: str) -> None:
    command = ALL[path]
    assert command.help
    assert any("--json" in option.opts for option in command.params)


def examples() -> Iterator[tuple[str, str]]:
    for path, command in ALL.items():
        assert isinstance(command, Command)
        for line in command.examples:
            yield path, line


@pytest.mark.parametrize(("path", "line"), list(examples()))
def test_examples_use_options_that_there_are(path: str, line: str) -> None:
    words = list(
        takewhile(lambda word: word not in {"|", ">", "<"}, shlex.split(line.partition(path)[2].removesuffix(')"')))
    )
    known = {option for each in ALL[path].params for option in (*each.opts, *each.secondary_opts)}
    given = {word.split("=")[0] for word in words if word.startswith("-") and word != "-"}
    assert given <= known


def test_help_shows_examples_unwrapped() -> None:
    shown = in_process("bots", "results", "--help").stdout.decode()
    lines = shown.partition("Examples:\n")[2].splitlines()
    assert len(lines) == 3
    assert lines[0] == ("  omnivery bots results --store verdicts.db --journal run.journal --output verdicts.parquet")


def test_the_command_without_arguments_shows_its_help() -> None:
    for arguments in ((), ("bots",), ("addresses",)):
        status, shown = seen_in_process(*arguments)
        assert status == 2
        assert "\nCommands:\n" in shown
    assert error_of(in_process("bots")) == {
        "type": "UsageError",
        "message": "Missing command.",
        "hint": "Try 'omnivery bots --help'.",
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("domain",), "Did you mean 'domains'?"),
        (("bots", "chek"), "Did you mean 'check'?"),
        (("submit",), "No such command 'submit'. Did you mean 'bots submit'?"),
        (("list",), "Did you mean 'domains list' or 'suppressions list' or 'webhooks list'?"),
        (("domains", "lst"), "'list'"),
        (("qqqq",), "No such command 'qqqq'."),
    ],
)
def test_a_misspelt_command_is_guessed(arguments: tuple[str, ...], words: str) -> None:
    result = in_process(*arguments)
    assert (result.returncode, words in error_of(result)["message"]) == (2, True)


def test_help_loads_nothing_heavy() -> None:
    loaded = loaded_by("from omnivery.cli.app import omnivery\nomnivery.main(['--help'], standalone_mode=False)")
    names = {name.partition(".")[0] for name in loaded}
    assert names & {"httpx", "rich", "starlette", "uvicorn", "anyio", "attr", "cattrs", "orjson"} == set()
    assert {name for name in loaded if name.startswith("omnivery.emulator")} == set()
