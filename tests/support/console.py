"""Examples of command lines in the docs: each is run, and its output compared with what the page shows."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path
from tempfile import mkdtemp

from sybil import Example

from tests.support.cli import in_process, seen_in_process

SETTINGS = {"OMNIVERY_SURFACE": "mailgun", "OMNIVERY_FROM": "news@mail.example.com"}
"""What the page says is set, beside the emulator's keys."""


def evaluate(example: Example) -> None:
    """Run the commands of a block in the page's own folder, one after the other.

    A line `$ omnivery …` is a command, and what follows is its output, with `...` for what differs each time. Its input
    is given by `printf '…' | ` before it, or by `< FILE` behind it; `> FILE` keeps its output. `# exit 1` behind it is
    the exit status, where it is not 0. `$ cat > FILE` takes the lines that follow.
    """
    folder = Path(example.namespace.setdefault("folder", mkdtemp()))
    before = Path.cwd()
    os.chdir(folder)
    try:
        for command, expected in _commands(example.parsed):
            _run(command, expected)
    finally:
        os.chdir(before)


def _commands(block: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = re.sub(r" *\\\n *", " ", part)
        command, _, expected = lines.partition("\n")
        yield command, expected


def _run(line: str, expected: str) -> None:
    line, _, wanted = line.partition("  # exit ")
    if line.startswith("cat > "):
        Path(line.removeprefix("cat > ")).write_text(expected, "utf-8")
        return
    words = shlex.split(line)
    stdin, output = b"", None
    if words[0] == "printf":
        stdin, words = words[1].encode().decode("unicode_escape").encode(), words[3:]
    for sign in ("<", ">"):
        if sign in words:
            place = words.index(sign)
            path = Path(words[place + 1])
            words = [*words[:place], *words[place + 2 :]]
            if sign == "<":
                stdin = path.read_bytes()
            else:
                output = path
    assert words[0] == "omnivery", line
    if output is not None:
        done = in_process(*words[1:], stdin=stdin, environment=SETTINGS)
        output.write_bytes(done.stdout)
        status, shown = done.returncode, done.stderr.decode()
    else:
        status, shown = seen_in_process(*words[1:], stdin=stdin, environment=SETTINGS)
    assert status == int(wanted or 0), f"$ {line}\nexit status {status}\n{shown}"
    if expected.strip() and not OutputChecker().check_output(expected, shown, ELLIPSIS | NORMALIZE_WHITESPACE):
        raise AssertionError(f"$ {line}\nexpected:\n{expected}\ngot:\n{shown}")
