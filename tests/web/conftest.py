"""A browser for all tests, a tab for each, and whatever a tab complained of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from omnivery.emulator import Emulator
from tests.support.emulator import Hook, listening

# Loaded by name: it is there in this session alone, so type checkers cannot know it.
playwright: Any = pytest.importorskip("playwright.sync_api")

CHROMIUM = os.environ.get("OMNIVERY_CHROMIUM", "/usr/bin/chromium")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The distribution's Chromium. Its own sandbox needs rights that containers do not have."""
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def emu() -> Iterator[Emulator]:
    with Emulator(webhook_retry_delays=(), max_messages_kept=100_000) as made:
        yield made


@pytest.fixture
def hook() -> Iterator[Hook]:
    with listening() as found:
        yield found


class Tab:
    """A tab on the emulator's page, with everything that its console said."""

    def __init__(self, page: Any, base: str) -> None:
        self.page = page
        self.base = base
        self.complaints: list[str] = []
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("console", self._heard)
        page.on("dialog", self._asked)
        self.dialogs: list[str] = []

    def open(self, path: str) -> Any:
        """Go to a path, and return the page once it is live."""
        self.page.goto(f"{self.base}{path}")
        self.page.wait_for_selector('#live[data-state="on"]')
        return self.page

    def _heard(self, message: Any) -> None:
        # What a message's own document is refused is what its policy is for.
        where = message.location["url"]
        ours = where.startswith(self.base) and "/preview" not in where
        if ours and message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def _asked(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.accept()


@pytest.fixture
def tab(browser: Any, emu: Emulator) -> Iterator[Tab]:
    """A tab of a new profile. No test may leave a complaint in its console, such as a breach of the page's policy."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    found = Tab(context.new_page(), emu.automations_url)
    yield found
    context.close()
    assert found.complaints == []
