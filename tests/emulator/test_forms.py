"""Forms of clients in other languages: lists are marked by brackets there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from omnivery.emulator import Emulator
from omnivery.emulator.forms import field_name
from tests.support.emulator import mailgun_client


@pytest.fixture(scope="module")
def emu() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("to[]", "to"),
        ("to[0]", "to"),
        ("to[12]", "to"),
        ("o:tag[]", "o:tag"),
        ("to", "to"),
        ("v:a[b]", "v:a[b]"),
        ("to[", "to["),
        ("[]", ""),
        ("to[\u0661]", "to[\u0661]"),
    ],
)
def test_the_mark_of_a_list_is_no_part_of_the_name(sent: str, name: str) -> None:
    assert field_name(sent) == name


@pytest.mark.parametrize("mark", ["[]", "[0]"])
@pytest.mark.parametrize("multipart", [False, True])
def test_a_message_whose_fields_are_lists(emu: Emulator, mark: str, multipart: bool) -> None:
    """As Rails and PHP send what they hold in arrays, a single sender included."""
    emu.reset()
    fields = [
        (f"from{mark}", "News <news@mail.example.com>"),
        (f"to{mark}", "ann@example.org"),
        (f"to{mark.replace('0', '1')}", "bob@example.org"),
        (f"subject{mark}", "Hi"),
        ("text", "Hello"),
        (f"o:tag{mark}", "a"),
        (f"o:tag{mark}", "b"),
    ]
    with mailgun_client(emu) as client:
        if multipart:
            files = [(name, (None, value)) for name, value in fields]
            files.append((f"attachment{mark}", ("a.txt", "content")))  # type: ignore[arg-type]  # httpx takes both
            response = client.post(f"/{emu.domain}/messages", files=files)
        else:
            body = "&".join(f"{name}={value}" for name, value in fields)
            headers = {"content-type": "application/x-www-form-urlencoded"}
            response = client.post(f"/{emu.domain}/messages", content=body, headers=headers)
    assert response.status_code == 200, response.text
    (message,) = emu.messages
    assert (message.sender, message.subject) == ("news@mail.example.com", "Hi")
    assert message.to == ("ann@example.org", "bob@example.org")
    assert message.values("o:tag") == ["a", "b"]
    assert [file.name for file in message.attachments] == (["a.txt"] if multipart else [])


def test_queries_may_be_lists_too(emu: Emulator) -> None:
    with mailgun_client(emu) as client:
        response = client.get(f"/{emu.domain}/stats/total?event[]=accepted&event[]=failed")
    assert set(response.json()["stats"][0]) == {"time", "accepted", "failed"}


def test_a_form_that_was_cut_off_is_refused(emu: Emulator) -> None:
    """Taken for a shorter form, it would be mail without its last attachment."""
    emu.reset()
    fields = {"from": "a@mail.example.com", "to": "b@example.org", "subject": "s", "text": "t"}
    with mailgun_client(emu) as client:
        whole = client.build_request("POST", f"/{emu.domain}/messages", data=fields, files={"attachment": b"a" * 3000})
        body, headers = whole.read(), {"content-type": whole.headers["content-type"]}
        for cut in (3, 10, 1000, len(body) - 10):
            response = client.post(f"/{emu.domain}/messages", content=body[:-cut].rstrip(b"-"), headers=headers)
            assert (response.status_code, response.json()) == (400, {"message": "the body is not a multipart form"})
        assert emu.messages == []
        for end in (b"", b"\r\n", b"\r\nan epilogue"):
            content = body.rstrip(b"\r\n") + end
            assert client.post(f"/{emu.domain}/messages", content=content, headers=headers).status_code == 200
