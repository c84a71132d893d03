"""One language: the words that this project gave up do not come back, in code, tests, docs or messages."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
KEPT = {
    "CHANGELOG.md": "tells the old names beside the new ones",
    "tests/test_words.py": "names them to look for them",
}
"""Files that may hold an old word, and why."""
TEXT = {".py", ".md", ".ipynb", ".toml", ".txt", ".json", ".cjs", ".mjs"}

WORDS = ("answer", "time-out", "ledger", "errand", "courier", "whoever")
"""Plain words: anywhere in a line, whatever their case."""

NAMES = """
    Ledger JournalLedger JournalView Terms SendOutcome.fate Fate Bookmark Supplier Flow Shape HookName Departure Placing
    Tally Caller Courier Site _Hurry GatedAdapter REPEATABLE survives_fork intake stdlib_json json_lines csv_rows
    sync_writer supplier
""".split()  # noqa: SIM905  # a list of so many strings is harder to read
"""Names of classes, methods and modules, as whole words."""
NAME = re.compile(rf"\b(?:{'|'.join(NAMES)})\b")


def old_words(text: str) -> set[str]:
    plain = text.lower()
    found = {word for word in WORDS if word in plain}
    return found | {*NAME.findall(text)}


@cache
def files() -> list[str]:
    """The files of the repository; without git, as in a source distribution, all that are in no hidden folder."""
    listed = ""
    if shutil.which("git"):
        command = ["git", "ls-files"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    names = listed.splitlines() or [str(path.relative_to(ROOT)) for path in ROOT.rglob("[!.]*") if path.is_file()]
    visible = [name for name in names if not any(part.startswith(".") for part in Path(name).parts)]
    return [name for name in visible if Path(name).suffix in TEXT and (ROOT / name).is_file() and name not in KEPT]


def test_the_reader_of_words_sees_them() -> None:
    assert old_words("def test_it_is_Answered() -> Tally: ...") == {"answer", "Tally"}
    assert old_words("Talying, a response, a timeout") == set()
    assert len(files()) > 300


@pytest.mark.parametrize("folder", ["omnivery", "tests", "docs", "benchmarks", "examples", "tools", ""])
def test_no_old_word_is_left(folder: str) -> None:
    own = [name for name in files() if (name.startswith(f"{folder}/") if folder else "/" not in name)]
    left = {name: old_words((ROOT / name).read_text("utf-8")) for name in own}
    assert {name: words for name, words in left.items() if words} == {}
