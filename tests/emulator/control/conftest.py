"""One emulator for all tests of the control API, reset before each, and a client without a key."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from omnivery.emulator import Emulator
from tests.support.emulator import automations_client, mailgun_client


@pytest.fixture(scope="package")
def running() -> Iterator[Emulator]:
    with Emulator(webhook_retry_delays=(0.001,)) as emulator:
        yield emulator


@pytest.fixture
def emu(running: Emulator) -> Emulator:
    running.reset()
    running.faults = None
    return running


@pytest.fixture
def control(emu: Emulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=emu.automations_url, timeout=30, verify=False, trust_env=False) as client:
        yield client


@pytest.fixture
def automations(emu: Emulator) -> Iterator[httpx.Client]:
    with automations_client(emu) as client:
        yield client


@pytest.fixture
def mailgun(emu: Emulator) -> Iterator[httpx.Client]:
    with mailgun_client(emu) as client:
        yield client
