"""The service against the emulator: no account, no network, nothing patched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from invitations import create_app

from omnivery import Mailgun
from omnivery.emulator import Emulator
from omnivery.testing import Recorder, delivery_payload
from omnivery.webhooks import Listener


@pytest.fixture
def client(omnivery_emulator: Emulator) -> Iterator[TestClient]:
    """The app; its keys in the environment are the emulator's."""
    with TestClient(create_app()) as client:
        yield client


def invite(client: Any, email: str = "ann@example.com") -> Any:
    """What a browser would do."""
    return client.post("/invitations", json={"email": email})


def test_an_invitation_is_sent(client: TestClient, omnivery_emulator: Emulator) -> None:
    response = invite(client)
    assert (response.status_code, response.json()["status"]) == (201, "queued")
    (message,) = omnivery_emulator.messages
    assert (message.to, message.subject) == (("ann@example.com",), "You are invited")


def test_it_is_tagged_and_sent_once(client: TestClient, omnivery_recorder: Recorder) -> None:
    invite(client)
    omnivery_recorder.assert_called("mailgun.messages.send", times=1, sent={"o:tag": "invitation"})


def test_a_bounce_comes_back(client: TestClient) -> None:
    invitation_id = invite(client).json()["id"]
    payload = delivery_payload("hardbounced", fields={"message.headers.message-id": invitation_id})
    assert client.post("/webhooks/", json=payload).status_code == 200
    assert client.get(f"/invitations/{invitation_id}").json()["status"] == "failed"


def test_a_forged_webhook_changes_nothing(client: TestClient) -> None:
    invitation_id = invite(client).json()["id"]
    payload = delivery_payload(fields={"message.headers.message-id": invitation_id}, signing_key="not-ours")
    assert client.post("/webhooks/", json=payload).status_code == 406
    assert client.get(f"/invitations/{invitation_id}").json()["status"] == "queued"


def test_a_lost_response_is_not_sent_again(client: TestClient, omnivery_emulator: Emulator) -> None:
    """A second attempt could be a second e-mail."""
    omnivery_emulator.fail_next("messages", after="accepted")
    response = invite(client)
    assert (response.status_code, "may have been sent" in response.json()["detail"]) == (502, True)
    assert len(omnivery_emulator.messages) == 1


def test_what_the_service_refuses_is_the_callers_mistake(client: TestClient) -> None:
    assert invite(client, "nobody").status_code == 422
    assert client.get("/invitations/unknown").status_code == 404


def test_the_whole_loop_over_real_sockets(omnivery_emulator: Emulator, mailgun: Mailgun) -> None:
    """The emulator delivers, and calls the app's webhook itself."""
    with Listener(create_app()) as listener, httpx.Client(base_url=listener.url) as client:
        mailgun.webhooks.create("delivered", [f"{listener.url}/webhooks/"])
        invitation_id = invite(client).json()["id"]
        omnivery_emulator.wait_idle()
        assert client.get(f"/invitations/{invitation_id}").json()["status"] == "delivered"
