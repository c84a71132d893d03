"""Clients that others wrote, run against the emulator: only their base URL and key are changed.

Not part of the ordinary suite: `nox -s interop` installs the clients and runs `pytest tests/interop`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from omnivery.emulator import Emulator

SIGNING_KEY = "a-signing-key"


@pytest.fixture
def emu() -> Iterator[Emulator]:
    with Emulator(signing_key=SIGNING_KEY, webhook_retry_delays=()) as made:
        yield made


@pytest.fixture
def emulators() -> Iterator[dict[str, Emulator]]:
    """An emulator of each dialect."""
    with (
        Emulator(signing_key=SIGNING_KEY, webhook_retry_delays=()) as omnivery,
        Emulator(signing_key=SIGNING_KEY, webhook_retry_delays=(), dialect="mailgun") as mailgun,
    ):
        yield {"omnivery": omnivery, "mailgun": mailgun}
