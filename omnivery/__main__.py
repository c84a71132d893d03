"""`python -m omnivery` is the command `omnivery`."""

from __future__ import annotations

from omnivery.cli import main

if __name__ == "__main__":
    main()
