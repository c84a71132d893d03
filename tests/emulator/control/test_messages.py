"""Messages through the control API: found, taken apart, and sealed for browsers."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from omnivery.emulator import Emulator


def send(client: httpx.Client, files: Any = None, **fields: Any) -> str:
    message = {"from": "a@mail.example.com", "to": "ann@example.com", "subject": "Hi", "text": "Hello", **fields}
    response = client.post("/mail.example.com/messages", data=message, files=files)
    response.raise_for_status()
    return str(response.json()["id"])


def test_one_message_by_its_record_or_by_its_own_id(control: httpx.Client, mailgun: httpx.Client) -> None:
    message_id = send(mailgun, html="<b>x</b>", files={"attachment": ("a.txt", b"abc", "text/plain")})
    [listed] = control.get("/_/messages").json()["messages"]
    assert listed["id"] == message_id
    assert listed["attachments"] == [{"name": "a.txt", "media_type": "text/plain", "size": 3}]
    for name in (listed["record"], message_id, message_id.strip("<>")):
        assert control.get(f"/_/messages/{name}").json() == listed
    for name in ("0", "9" * 30, "nothing@mail.example.com", "\u0661"):
        assert control.get(f"/_/messages/{name}").status_code == 404


def test_lists_have_filters_and_pages(control: httpx.Client, mailgun: httpx.Client) -> None:
    for number in range(5):
        send(
            mailgun, subject=f"Number {number}", to=f"p{number}@example.com", **{"o:tag": "odd" if number % 2 else "e"}
        )

    def subjects(**query: Any) -> list[str]:
        return [each["subject"] for each in control.get("/_/messages", params=query).json()["messages"]]

    assert subjects(limit=2) == ["Number 3", "Number 4"]
    first = control.get("/_/messages", params={"limit": 2}).json()
    assert (first["count"], first["more"]) == (5, True)
    assert subjects(before=first["messages"][0]["record"], limit=2) == ["Number 1", "Number 2"]
    assert subjects(after=first["messages"][0]["record"]) == ["Number 4"]
    assert subjects(tag="odd") == ["Number 1", "Number 3"]
    # No digit alone: ids are searched as well, and may have a part that begins with it.
    assert subjects(search="number p2") == ["Number 2"]
    assert subjects(recipient="P4@example.com") == ["Number 4"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("limit=0", "limit must be a whole number from 1 to 1000"),
        ("limit=1001", "limit must be"),
        ("before=-1", "before must be"),
        ("before=%D9%A1", "before must be"),
        ("after=1e3", "after must be"),
        ("serach=x", "no parameter is named 'serach'; there are search, tag"),
    ],
)
def test_a_wrong_parameter_is_refused(control: httpx.Client, query: str, words: str) -> None:
    """A misspelt filter that is ignored makes a test pass that should not."""
    response = control.get(f"/_/messages?{query}")
    assert response.status_code == 400
    assert words in response.json()["message"]


def test_the_parts_of_a_message(control: httpx.Client, mailgun: httpx.Client) -> None:
    files = [
        ("attachment", ("ä .html", b"<script>alert(1)</script>", "text/html")),
        ("inline", ("b.svg", b"<svg onload=alert(1)>", "image/svg+xml")),
    ]
    send(mailgun, html="<script>alert(1)</script>", files=files)
    record = control.get("/_/messages").json()["messages"][0]["record"]
    html = control.get(f"/_/messages/{record}/html")
    assert (html.text, html.headers["content-type"]) == ("<script>alert(1)</script>", "text/html; charset=utf-8")
    text = control.get(f"/_/messages/{record}/text")
    assert (text.text, text.headers["content-type"]) == ("Hello", "text/plain; charset=utf-8")
    attached = control.get(f"/_/messages/{record}/attachments/0")
    assert attached.content == b"<script>alert(1)</script>"
    assert attached.headers["content-disposition"] == "attachment; filename*=UTF-8''%C3%A4%20.html"
    inline = control.get(f"/_/messages/{record}/inline/0")
    # Whatever type the sender chose, a browser gets bytes to save.
    assert {attached.headers["content-type"], inline.headers["content-type"]} == {"application/octet-stream"}
    for part in (html, text, attached, inline):
        assert part.headers["content-security-policy"].startswith("sandbox;"), "no script may run in our origin"
        assert part.headers["x-content-type-options"] == "nosniff"
    for path in ("attachments/1", "attachments/x", "mime"):
        assert control.get(f"/_/messages/{record}/{path}").status_code == 404


def test_mime_text_comes_as_it_was_sent(control: httpx.Client, mailgun: httpx.Client) -> None:
    mime = b"From: a@mail.example.com\r\nSubject: x\r\n\r\nHello\r\n"
    files = {"message": ("m.eml", mime, "message/rfc822")}
    mailgun.post("/mail.example.com/messages.mime", data={"to": "ann@example.com"}, files=files).raise_for_status()
    record = control.get("/_/messages").json()["messages"][0]["record"]
    found = control.get(f"/_/messages/{record}/mime")
    assert (found.content, found.headers["content-type"]) == (mime, "message/rfc822")
    assert control.get(f"/_/messages/{record}/html").status_code == 404


def test_messages_are_deleted(emu: Emulator, control: httpx.Client, mailgun: httpx.Client) -> None:
    one, other = send(mailgun), send(mailgun)
    assert control.delete(f"/_/messages/{one}").is_success
    assert [message.id for message in emu.messages] == [other]
    assert control.delete(f"/_/messages/{one}").status_code == 404
    assert control.delete("/_/messages").is_success
    assert emu.messages == []


def test_a_list_ends_before_it_is_too_large(
    control: httpx.Client, mailgun: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred messages with files of 20 MB each must not fill the memory."""
    for number in range(4):
        send(mailgun, subject=f"{number}", text="x" * 100)
    monkeypatch.setattr("omnivery.emulator.control.messages.MOST_BYTES", 250)
    found = control.get("/_/messages").json()
    assert ([each["subject"] for each in found["messages"]], found["more"]) == (["2", "3"], True)
    forward = control.get("/_/messages", params={"after": found["messages"][0]["record"] - 3}).json()
    assert ([each["subject"] for each in forward["messages"]], forward["more"]) == (["0", "1"], True)
    monkeypatch.setattr("omnivery.emulator.control.messages.MOST_BYTES", 1)
    assert len(control.get("/_/messages").json()["messages"]) == 1, "one is always shown"
