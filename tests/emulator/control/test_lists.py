"""Lists of records through the control API."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from omnivery.emulator import Emulator


def submit(emu: Emulator, client: httpx.Client, *events: dict[str, Any], url: str | None = None) -> None:
    body = {"events": events, "webhook_url": url or emu.webhook_url}
    client.post(f"/{emu.domain}/bot", json=body).raise_for_status()


def event(number: int, **fields: Any) -> dict[str, Any]:
    return {"ip": "198.51.100.1", "uas": "Mozilla/5.0", "event_id": f"e{number}", **fields}


def test_bot_events_come_with_their_verdicts(emu: Emulator, control: httpx.Client, automations: httpx.Client) -> None:
    events = [event(1), event(2, ip="192.0.2.1", action="click"), event(3, ip="203.0.113.1")]
    submit(emu, automations, *events)
    found = control.get("/_/bot-events").json()
    assert [(each["event"], each["is_bot"]) for each in found["bot_events"]] == list(
        zip(events, [False, True, None], strict=True)
    )
    ids = [each["id"] for each in found["bot_events"]]
    assert ids == list(range(ids[0], ids[0] + 3))

    def names(**query: Any) -> list[str]:
        found = control.get("/_/bot-events", params=query).json()["bot_events"]
        return [each["event"]["event_id"] for each in found]

    assert names(verdict="bot") == names(action="click") == ["e2"]
    assert names(after=ids[0], limit=1) == ["e2"]
    assert names(before=ids[1]) == ["e1"]
    assert control.get("/_/bot-events?verdict=maybe").json()["message"] == "verdict must be one of bot, human, none"


def test_verdicts_and_their_delivery(emu: Emulator, control: httpx.Client, automations: httpx.Client) -> None:
    submit(emu, automations, event(1), event(2, ip="192.0.2.1"))
    emu.wait_idle(30)
    verdicts = control.get("/_/verdicts", params={"is_bot": "true"}).json()
    assert (verdicts["verdicts"], verdicts["bots"]) == (2, 1)
    assert [each["event_id"] for each in verdicts["newest"]] == ["e2"]
    assert control.get("/_/verdicts?is_bot=yes").json()["message"] == "is_bot must be one of true, false"
    [delivery] = control.get("/_/deliveries", params={"state": "delivered"}).json()["deliveries"]
    assert (delivery["url"], delivery["kind"], delivery["events"]) == (emu.webhook_url, "bot", 2)
    [attempt] = delivery["attempts"]
    assert (attempt["number"], attempt["status"], attempt["error"]) == (1, 200, None)
    assert control.get("/_/deliveries?state=waiting").json() == {"deliveries": [], "more": False}


def test_delivery_events_and_requests(emu: Emulator, control: httpx.Client, mailgun: httpx.Client) -> None:
    message = {"from": "a@mail.example.com", "to": "open@x.org", "text": "x", "callback_url": emu.webhook_url}
    mailgun.post("/mail.example.com/messages", data=message).raise_for_status()
    emu.wait_idle(30)
    found = control.get("/_/delivery-events", params={"event": "opened"}).json()["delivery_events"]
    assert [each["event_data"]["recipient"] for each in found] == ["open@x.org"]
    [request] = control.get("/_/requests").json()["requests"]
    assert (request["method"], request["path"], request["route"], request["status"]) == (
        "POST",
        "/v3/mail.example.com/messages",
        "messages",
        200,
    )


def test_statistics_name_the_newest_ids(emu: Emulator, control: httpx.Client, automations: httpx.Client) -> None:
    """A test asks for what comes after them, and needs no reset."""
    before = control.get("/_/statistics").json()["newest"]["bot_events"]
    submit(emu, automations, event(1))
    counts = control.get("/_/statistics").json()
    assert (counts["bot_events"], counts["newest"]["bot_events"]) == (1, before + 1)


@pytest.mark.parametrize("path", ["bot-events", "deliveries", "delivery-events", "requests", "verdicts"])
def test_what_is_misspelt_is_refused(control: httpx.Client, path: str) -> None:
    assert control.get(f"/_/{path}?no_such=1").status_code == 400
