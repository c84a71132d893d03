"""One webhook delivery through the control API, and sending it again."""

from __future__ import annotations

import httpx

from omnivery.emulator import Emulator
from omnivery.webhooks import verify
from tests.support.emulator import listening


def test_it_is_sent_again_with_the_same_body_and_a_new_signature(emu: Emulator, control: httpx.Client) -> None:
    with listening() as hook:
        first = control.post("/_/trigger/opened", json={"url": f"{hook.url}/gone"}).json()["deliveries"][0]
        emu.wait_idle(30)
        shown = control.get(f"/_/deliveries/{first}").json()
        assert shown["state"] == "given up"
        assert [(each["number"], each["status"]) for each in shown["attempts"]] == [(1, 404), (2, 404)]
        assert "signature" not in shown["body"]

        same = control.post(f"/_/deliveries/{first}/resend", json={}).json()["id"]
        other = control.post(f"/_/deliveries/{first}/resend", json={"url": f"{hook.url}/hook"}).json()["id"]
        emu.wait_idle(30)
        assert control.get(f"/_/deliveries/{same}").json()["state"] == "given up"
        again = control.get(f"/_/deliveries/{other}").json()
        assert (again["state"], again["again_of"], again["body"]) == ("delivered", first, shown["body"])
        bodies = [body for _, body in hook.calls]
        [last] = [body for path, body in hook.calls if path == "/hook"]
        assert len({body["signature"]["token"] for body in bodies}) == 5
        assert all(verify(body, emu.signing_key) for body in bodies)
        assert {str(body["event-data"]) for body in bodies} == {str(shown["body"]["event-data"])}
        assert last["signature"] == again["attempts"][0]["signature"], "the record says what was sent"


def test_what_cannot_be_sent_again_says_why(emu: Emulator, control: httpx.Client) -> None:
    number = control.post("/_/trigger/bot", json={}).json()["deliveries"][0]
    emu.wait_idle(30)
    for options in ({"url": "ftp://x"}, {"url": 1}):
        response = control.post(f"/_/deliveries/{number}/resend", json=options)
        assert (response.status_code, response.json()["message"]) == (400, "url must be an http or https URL")
    assert control.post(f"/_/deliveries/{number}/resend", json={"no": 1}).status_code == 400
    assert control.post("/_/deliveries/999999/resend", json={}).status_code == 404
    assert control.get("/_/deliveries/x").status_code == 404
    emu._parts.store.database.execute("DELETE FROM delivery_bodies")
    assert control.get(f"/_/deliveries/{number}").json()["body"] is None
    gone = control.post(f"/_/deliveries/{number}/resend", json={})
    assert (gone.status_code, gone.json()["message"]) == (410, "The body of this delivery is no longer kept")
