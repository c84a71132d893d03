"""The command line. One file for each group of commands; each loads what it needs when it runs."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command `omnivery`."""
    try:
        _run()
    except KeyboardInterrupt:
        # It came while modules were imported. Later, `run` tells of it.
        sys.exit(130)


def _run() -> None:
    try:
        from omnivery.cli.app import run
    except ModuleNotFoundError as error:
        if error.name not in {"click", "rich"}:
            raise
        sys.exit(f"The command line needs {error.name}: pip install 'omnivery[cli]', or 'omnivery[emulator]' for all.")
    # httpx has a command line, too, and imports it with rich and Pygments: a third of the time of a start.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None is how Python is told not to import
    run()
