"""An emulator with a file: stopped and started again, it is the same one."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from omnivery.emulator import Emulator
from omnivery.emulator.account import Account
from omnivery.emulator.domain import SmtpCredential
from omnivery.emulator.records import database
from omnivery.emulator.records.account_file import AccountFile
from omnivery.emulator.records.database import RecordDatabase
from omnivery.errors import ConfigError
from tests.support.emulator import automations_client, mailgun_client

KEYS = ("token", "api_key", "sending_key", "signing_key")


def keys(emulator: Emulator) -> dict[str, str]:
    return {name: getattr(emulator, name) for name in KEYS}


def test_all_of_a_domain_comes_back(tmp_path: Path) -> None:
    file, account = RecordDatabase(tmp_path / "e.db"), Account("a.example")
    saved = AccountFile(file, account)
    account.create("b.example", wildcard=True).move("active")
    first = account.find("a.example")
    first.credentials["ann"] = SmtpCredential("ann", "secret")
    first.webhooks["opened"] = ["http://x/"]
    first.unsubscribes.put("ann@example.com", {"address": "ann@example.com", "tags": ["*"]})
    first.stats.count("delivered", "smtp")
    saved.save()

    other = Account("a.example")
    AccountFile(file, other)
    assert [(each.name, each.id, each.state, each.wildcard) for each in other.domains] == [
        ("a.example", 1, "active", False),
        ("b.example", 2, "active", True),
    ]
    again = other.find("a.example")
    assert (again.credentials, again.webhooks, again.unsubscribes, again.stats, again.created_at) == (
        first.credentials,
        first.webhooks,
        first.unsubscribes,
        first.stats,
        first.created_at,
    )
    assert other.create("c.example", wildcard=False).id > 2

    third = Account("new.example")
    AccountFile(file, third)
    assert third.find("new.example").state == "active", "the domain that exists from the start"
    file.release()


def test_an_emulator_that_starts_again_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "e.db"
    with Emulator(db=path) as first, mailgun_client(first) as client, automations_client(first) as events:
        client.post("/mail.example.com/bounces", data={"address": "ann@example.com"}).raise_for_status()
        message = {"from": "a@mail.example.com", "to": "ann@example.com", "text": "Hi"}
        client.post("/mail.example.com/messages", data=message).raise_for_status()
        events.post("/mail.example.com/bot", data={"ip": "192.0.2.1"}).raise_for_status()
    expected: tuple[Any, ...] = (first.messages, first.bot_events, first.requests, first.statistics)

    with Emulator(db=path) as second, mailgun_client(second) as client:
        assert keys(second) == keys(first)
        assert (second.messages, second.bot_events, second.requests, second.statistics) == expected
        assert client.get("/mail.example.com/bounces/ann@example.com").is_success
        second.reset()
        assert client.get("/mail.example.com/bounces/ann@example.com").status_code == 404
    with Emulator(db=path) as third, mailgun_client(third) as client:
        assert client.get("/mail.example.com/bounces/ann@example.com").status_code == 404
        assert third.messages == []


def test_a_key_that_is_given_is_not_written_down(tmp_path: Path) -> None:
    """It may be a real one, and random ones are the file's own."""
    path = tmp_path / "e.db"
    Emulator(db=path, token="PRODUCTION-TOKEN", signing_key="PRODUCTION-KEY")._parts.store.release()
    assert b"PRODUCTION" not in path.read_bytes()
    with sqlite3.connect(path) as file:
        names = [name for [name] in file.execute("SELECT name FROM settings WHERE name LIKE 'key %' ORDER BY name")]
    file.close()
    assert names == ["key api_key", "key sending_key"]
    again = Emulator(db=path)
    assert again.token not in {"PRODUCTION-TOKEN", ""}
    seeded = Emulator(db=tmp_path / "other.db", seed=1)
    assert keys(seeded) == keys(Emulator(seed=1))


def test_a_file_in_use_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOCK_TIMEOUT", 0.02)
    with Emulator(db=tmp_path / "e.db"), pytest.raises(ConfigError, match=r"another emulator or program uses it"):
        Emulator(db=tmp_path / "e.db")


def test_what_changes_is_written_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill loses half a second at most."""
    monkeypatch.setattr("omnivery.emulator.records.account_file.DELAY", 0.0)
    with Emulator(db=tmp_path / "e.db") as emulator, mailgun_client(emulator) as client:
        client.post("/domains", data={"name": "new.example"}).raise_for_status()
        client.get("/domains").raise_for_status()
        rows = emulator._parts.store.database.rows("SELECT name FROM domains ORDER BY position")
        assert rows == [("mail.example.com",), ("new.example",)]


def test_counts_survive_a_kill(tmp_path: Path) -> None:
    """They are saved when it stops; otherwise the records that are kept say how many there were at least."""
    with Emulator(db=tmp_path / "e.db") as emulator, automations_client(emulator) as client:
        events = [{"ip": "192.0.2.1", "uas": "x", "event_id": str(number)} for number in range(3)]
        body = {"events": events, "webhook_url": emulator.webhook_url}
        client.post("/mail.example.com/bot", json=body).raise_for_status()
        client.post("/mail.example.com/bot", data={"ip": "192.0.2.1"}).raise_for_status()
        emulator.wait_idle(30)
        counts = emulator.statistics
        assert (counts.bot_events, counts.webhooks_delivered) == (4, 1)
        emulator._parts.store.database.release()  # as the end of the process does
    RecordDatabase(tmp_path / "e.db").execute("DELETE FROM settings WHERE name = 'statistics'")
    assert Emulator(db=tmp_path / "e.db").statistics == counts
