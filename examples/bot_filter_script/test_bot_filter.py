"""The script against the emulator."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bot_filter import main

from omnivery.emulator import Emulator

CLICKS = Path(__file__).parent / "clicks.ndjson"


def test_each_click_gets_its_verdict(omnivery_emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(CLICKS)]) == 1, "one line is no event"
    shown = capsys.readouterr()
    judged = {event["event_id"]: event for event in map(json.loads, shown.out.splitlines())}
    assert {name: event["is_bot"] for name, event in judged.items()} == {
        "click-1": True,  # from 192.0.2.0/24, always a bot
        "click-2": False,  # from 198.51.100.0/24, always a human
        "click-3": False,
    }
    assert judged["click-1"]["campaign"] == "spring", "attributes of one's own come back"
    assert "line 4: " in shown.err
    assert len(omnivery_emulator.bot_events) == 3


def test_a_bad_minute_of_the_service_is_waited_out(
    omnivery_emulator: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "clicks.csv"
    log.write_text("ip,uas,event_id\n198.51.100.7,Mozilla/5.0,click-1\n")
    omnivery_emulator.fail_next("bot", status=503, retry_after=0)
    omnivery_emulator.fail_next("bot", after="accepted")
    assert main([str(log)]) == 0
    assert json.loads(capsys.readouterr().out)["is_bot"] is False


def test_a_wrong_token_says_what_is_wrong(
    omnivery_emulator: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMNIVERY_TOKEN", "wrong")
    assert main([str(CLICKS)]) == 1
    assert "401" in capsys.readouterr().err


def test_without_settings_nothing_is_sent(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("OMNIVERY_SIGNING_KEY", "key")
    monkeypatch.delenv("OMNIVERY_TOKEN", raising=False)
    assert main([str(CLICKS)]) == 2
    assert "OMNIVERY_TOKEN" in capsys.readouterr().err
