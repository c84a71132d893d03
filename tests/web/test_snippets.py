"""Commands that the page offers for copying: they do what they say, as they stand there."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from omnivery.emulator import Emulator
from tests.web.conftest import Tab


@pytest.fixture(autouse=True)
def _needs_curl() -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")


def run(emu: Emulator, command: str) -> str:
    keys = {"PATH": os.environ["PATH"], "OMNIVERY_TOKEN": emu.token, "OMNIVERY_API_KEY": emu.api_key}
    shell = ["bash", "-euc", command]
    done = subprocess.run(
        shell, env={**keys, "OMNIVERY_SENDING_KEY": emu.sending_key}, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_every_command_works(tab: Tab, emu: Emulator) -> None:
    page = tab.open("/")
    commands = [text for text in page.locator("pre").all_inner_texts() if text.startswith("curl")]
    page = tab.open("/_/page/deliveries")
    commands = [page.locator("pre").first.inner_text(), *commands]
    page = tab.open("/_/page/suppressions")
    commands.append(page.locator("pre").first.inner_text())
    for command in commands:
        run(emu, command)
    emu.wait_idle(30)
    seen = emu.statistics
    assert (seen.messages, seen.bot_events, seen.requests) == (1, 2, 4)
    assert seen.webhooks_delivered == 2
    [message] = emu.messages
    assert (message.subject, message.html) == ("Hello", "<h1>Hello</h1>")
    page.locator('[data-count="suppressions"]', has_text="1").wait_for()


def test_what_is_exported_is_what_clients_need(tab: Tab, emu: Emulator) -> None:
    emu.reset()
    page = tab.open("/")
    [exports] = [text for text in page.locator("#start pre").all_inner_texts() if text.startswith("export")]
    shown = run(emu, f"{exports}\nenv").splitlines()
    for name in ("OMNIVERY_MAILGUN_URL", "OMNIVERY_AUTOMATIONS_URL"):
        assert f"{name}={emu.environment[name]}" in shown
