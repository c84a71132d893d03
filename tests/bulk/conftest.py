"""An emulator for the tests of one file, as new for each of them, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from omnivery import AsyncAutomations
from omnivery.emulator import Emulator
from tests.support.bots import client_of


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emu(running: Emulator) -> Iterator[Emulator]:
    running.reset()
    yield running
    running.faults = None


@pytest.fixture
async def client(emu: Emulator) -> AsyncIterator[AsyncAutomations]:
    async with client_of(emu) as made:
        yield made
