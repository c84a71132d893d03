"""The command line. One file for each group of commands; each loads what it needs when it runs."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command `omnivery`."""
    try:
        from omnivery.cli.app import run
    except ModuleNotFoundError as error:
        if error.name not in {"click", "rich"}:
            raise
        sys.exit(f"The command line needs {error.name}: pip install 'omnivery[cli]', or 'omnivery[emulator]' for all.")
    run()
