"""List the mutants that no test noticed. Each one needs a test, or a sentence in `docs/internals/mutants.md`.

Usage: mutmut run; python -m tools.mutants

The exit status is 1 if a mutant has neither. `nox -s mutants` does both.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "internals" / "mutants.md"
UNNOTICED = ("survived", "no tests")


def main() -> int:
    """Print the mutants without a test or a sentence; the exit status."""
    names = unnoticed(_mutmut("results"))
    page = PAGE.read_text("utf-8")
    left = {name: change for name in names if not is_explained(change := changed_lines(_mutmut("show", name)), page)}
    for name, change in left.items():
        print(name, *change, sep="\n")
    print(f"{len(names)} mutants were not noticed; {len(left)} of them have no sentence in {PAGE.name}")
    return 1 if left else 0


def unnoticed(results: str) -> list[str]:
    """The names of the mutants that no test noticed, from `mutmut results`."""
    pairs = (line.strip().rpartition(": ") for line in results.splitlines())
    return [name for name, _, status in pairs if status in UNNOTICED]


def changed_lines(diff: str) -> list[str]:
    """The lines of a diff that a mutant takes away and puts in their place."""
    return [line for line in diff.splitlines() if line[:1] in {"+", "-"} and line[:3] not in {"+++", "---"}]


def is_explained(change: list[str], page: str) -> bool:
    """Whether the page quotes what a mutant puts in: or, if it only takes lines away, the first of these."""
    put_in = [line for line in change if line.startswith("+")] or change[:1]
    return all(f"`{line[1:].strip()}`" in page for line in put_in)


def _mutmut(*arguments: str) -> str:
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603  # our own words


if __name__ == "__main__":
    sys.exit(main())
