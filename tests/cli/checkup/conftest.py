"""An emulator, an environment that leads to it, and the whole examination in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import anyio
import pytest

from omnivery.cli.checkup.examination import examine
from omnivery.cli.checkup.finding import Area, Finding, Level
from omnivery.emulator import Emulator
from omnivery.transport.adapters.httpx_async import HttpxAdapter

Examine: TypeAlias = Callable[..., "Findings"]


class Findings(list[Finding]):
    """What was found, to look into."""

    def of(self, area: Area, *levels: Level) -> list[Finding]:
        return [found for found in self if found.area is area and (not levels or found.level in levels)]

    def worst(self) -> list[Finding]:
        return [found for found in self if found.level in {Level.PROBLEM, Level.WARNING}]

    def text(self) -> str:
        return "\n".join(f"{found.message} {found.next} {found.details}" for found in self)


@pytest.fixture(scope="package")
def running() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(running: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The shared emulator, emptied, with every setting in the environment."""
    running.reset()
    for name, value in {
        "OMNIVERY_TOKEN": running.token,
        "OMNIVERY_API_KEY": running.api_key,
        "OMNIVERY_SENDING_KEY": running.sending_key,
        "OMNIVERY_SIGNING_KEY": running.signing_key,
        "OMNIVERY_DOMAIN": running.domain,
        "OMNIVERY_AUTOMATIONS_URL": running.automations_url,
        "OMNIVERY_MAILGUN_URL": running.mailgun_url,
        "OMNIVERY_WEBHOOK_URL": running.webhook_url,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("OMNIVERY_REGION", raising=False)
    return running


@pytest.fixture
def look() -> Examine:
    def examined(**options: object) -> Findings:
        return Findings(anyio.run(lambda: examine(HttpxAdapter(), **options)))  # type: ignore[arg-type]  # as given

    return examined
