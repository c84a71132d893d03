"""The emulator's own receiver: the whole loop with nothing but the emulator."""

from __future__ import annotations

import httpx

from omnivery import Automations, Mailgun, Message
from omnivery.emulator import Emulator
from omnivery.webhooks import sign


def plain_client(emulator: Emulator) -> httpx.Client:
    return httpx.Client(base_url=emulator.automations_url, verify=False, trust_env=False)


def submit(emulator: Emulator) -> None:
    settings = {"base_url": emulator.automations_url, "domain": emulator.domain, "webhook_url": emulator.webhook_url}
    with Automations(emulator.token, **settings) as client:  # type: ignore[arg-type]
        report = client.bots.submit(
            {"ip": ip, "uas": "x", "event_id": ip, "campaign": "spring"} for ip in ("192.0.2.1", "198.51.100.7")
        )
    assert report.accepted == 2
    emulator.wait_idle(30)


def test_verdicts_come_back_to_the_emulator_itself() -> None:
    with Emulator() as emulator:
        submit(emulator)
        assert [(verdict.event_id, verdict.is_bot) for verdict in emulator.verdicts] == [
            ("192.0.2.1", True),
            ("198.51.100.7", False),
        ]
        with plain_client(emulator) as client:
            found = client.get("/_/verdicts").json()
        assert (found["verdicts"], found["bots"], found["humans"], found["unknown"]) == (2, 1, 1, 0)
        assert found["newest"][0]["is_bot"] is True
        assert found["newest"][0]["request"]["campaign"] == "spring"
        emulator.reset()
        assert (emulator.verdicts, emulator.received_counts["verdicts"]) == ([], 0)


def test_delivery_events_come_back_too() -> None:
    with Emulator() as emulator:
        settings = {"base_url": emulator.mailgun_url, "domain": emulator.domain}
        with Mailgun(emulator.api_key, **settings) as client:  # type: ignore[arg-type]
            sender, url = "news@mail.example.com", emulator.webhook_url
            client.messages.send(Message(from_=sender, to="open@example.com", text="x", callback_url=url))
        emulator.wait_idle(30)
        assert [event.event for event in emulator.delivery_events] == ["delivered", "opened"]


def test_only_the_signing_key_gets_a_call_in() -> None:
    with Emulator() as emulator, plain_client(emulator) as client:
        for key, status in (("another", 406), (emulator.signing_key, 200)):
            body = {"events": [{"event_id": "a", "is_bot": True}], "signature": sign(key)}
            assert client.post("/_/webhook", json=body).status_code == status
        assert len(emulator.verdicts) == 1


def test_what_is_kept_has_a_bound_and_the_counts_go_on() -> None:
    with Emulator(max_events_kept=1) as emulator:
        submit(emulator)
        assert [verdict.event_id for verdict in emulator.verdicts] == ["198.51.100.7"]
        assert emulator.received_counts == {"verdicts": 2, "bots": 1, "humans": 1, "unknown": 0}
