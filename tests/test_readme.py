"""The README as a stranger meets it: its commands and examples, one after the other, typed as they stand."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.cli.test_emulator import shell

README = Path(__file__).parent.parent / "README.md"
BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)


COMMANDS = (
    "python3 -m venv .venv && .venv/bin/pip install -q '.[emulator]' && .venv/bin/omnivery demo",
    "python3 -m venv .venv && .venv/bin/pip install -q nox && .venv/bin/nox -s tests",
)
"""What has to work on a machine that has Python and nothing else."""


def test_the_two_commands_stand_there_as_they_are_promised() -> None:
    installing = [text for kind, text in BLOCKS if kind == "sh" and "pip install" in text]
    assert installing == [f"{command}\n" for command in COMMANDS]


def test_what_is_said_of_speed_is_what_was_measured() -> None:
    measured = (README.parent / "docs/performance.md").read_text("utf-8")
    kinds = "(?:mappings|`BotEvent`s|NDJSON lines)"
    for lane, said in (("", " of the events of a"), (", fast lane", ' with `adapter="aiohttp"`')):
        ratios = sorted(
            re.findall(rf"^\| omnivery, {kinds}{lane} \|.* ([\d.]+) \|$", measured, re.MULTILINE), key=float
        )
        assert len(ratios) == 3
        assert f"{ratios[0]} to {ratios[-1]}{said}" in README.read_text("utf-8")


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
def test_every_example_runs_alone_after_the_one_line_that_starts_the_emulator(tmp_path: Path) -> None:
    """Without an account, without editing, each in a process of its own: what a reader would do."""
    commands = [text for kind, text in BLOCKS if kind == "sh" and "pip install" not in text]
    examples = [text for kind, text in BLOCKS if kind == "python"]
    activate, start = commands.pop().split(" && ")
    assert (activate, start, commands) == (". .venv/bin/activate", 'eval "$(omnivery emulator --export)"\n', [])
    steps = [
        f'"$PYTHON" -W error - <<"END_OF_EXAMPLE" || echo FAILED {number}\n{text}END_OF_EXAMPLE'
        for number, text in enumerate(examples)
    ]
    script = [start, *steps, 'eval "$(omnivery emulator --stop)"']
    done = shell(tmp_path, "\n".join(script))
    assert "FAILED" not in done.stdout, done.stderr
    assert done.stderr == ""
    assert done.returncode == 0
    assert "1200 of 1200 accepted in 3 batches" in done.stdout
    assert re.search(r"^<[0-9a-f-]+@mail\.example\.com>$", done.stdout, re.MULTILINE), "the message's id"
    assert len(examples) >= 6
