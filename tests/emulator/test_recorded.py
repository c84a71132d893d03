"""What an emulator has recorded: tests look at it, and wait for it."""

from __future__ import annotations

import threading

import pytest

from omnivery.emulator import Emulator
from omnivery.errors import ConfigError
from tests.emulator.test_emulator import check


def test_a_test_can_wait_for_records() -> None:
    with Emulator() as emu:
        threading.Timer(0.02, check, args=(emu, emu.token)).start()
        assert emu.wait_for("bot_events", ip="192.0.2.1", timeout=30)
        assert emu.wait_for("requests", 1, route="bot", timeout=30)
        assert not emu.wait_for("bot_events", 2, timeout=0.01)
        assert not emu.wait_for("bot_events", timeout=0.01, verdict="human")
        with pytest.raises(ConfigError, match="there are no records of the kind 'mails', but of bot_events"):
            emu.wait_for("mails")  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match="messages have no filter 'to', but search, tag, recipient"):
            emu.wait_for("messages", to="ann@example.com")
    assert emu.wait_for("bot_events", timeout=0), "records can be read when it has stopped"
