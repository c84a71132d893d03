"""Signatures have the form of the dialect's document, and are right in both."""

from __future__ import annotations

import pytest

from omnivery import webhooks
from omnivery.emulator import Emulator
from omnivery.emulator.signer import Signer
from tests.support.emulator import listening, mailgun_client


@pytest.mark.parametrize(("like_mailgun", "kind", "digits"), [(False, int, 32), (True, str, 50)])
def test_the_form_of_a_signature(like_mailgun: bool, kind: type, digits: int) -> None:
    signer = Signer(key="key", like_mailgun=like_mailgun)
    first, second = signer.sign(), signer.sign()
    assert (type(first["timestamp"]), len(first["token"])) == (kind, digits)
    assert first["token"] != second["token"]
    assert webhooks.verify({"signature": first}, "key")
    assert "key=" not in repr(signer)


def test_webhooks_are_signed_in_mailguns_form() -> None:
    with Emulator(dialect="mailgun") as emu, mailgun_client(emu) as client, listening() as hook:
        form = {"from": f"a@{emu.domain}", "to": "b@example.org", "text": "t", "callback_url": f"{hook.url}/hook"}
        client.post(f"/{emu.domain}/messages", data=form)
        emu.wait_idle(30)
    ((_, body),) = hook.calls
    assert isinstance(body["signature"]["timestamp"], str)
    assert webhooks.verify(body, emu.signing_key)
