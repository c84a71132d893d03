"""Completion in shells."""

from __future__ import annotations

import pytest

from tests.support.cli import in_process, process
from tests.test_house import loaded_by


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell: str) -> None:
    done = in_process("completion", shell)
    assert done.returncode == 0
    assert f"_OMNIVERY_COMPLETE={shell}_complete" in done.stdout.decode()


def test_the_shell_is_given_commands_and_options() -> None:
    """As the script calls it."""
    done = process(environment={"_OMNIVERY_COMPLETE": "bash_complete", "COMP_WORDS": "omnivery bo", "COMP_CWORD": "1"})
    assert done.stdout == b"plain,bots\n"


def test_nothing_is_loaded_to_complete_a_name() -> None:
    """A person who presses Tab waits for it."""
    loaded = loaded_by(
        "import click; from omnivery.cli.app import omnivery as o\n"
        "assert [one.value for one in o.shell_complete(click.Context(o), 'do')] == ['doctor', 'domains']\n"
        "assert [one.value for one in o.shell_complete(click.Context(o), '--j')] == ['--json']"
    )
    assert {"omnivery.cli.domains", "attr"} & loaded == set()
