"""E-mail addresses in all forms of RFC 5321, and lists of them, in time that grows with their length alone."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from omnivery.emulator import Emulator
from omnivery.emulator.address_rules import is_mail_address, read_list
from tests.support.emulator import mailgun_client

VALID = [
    "ann@example.org",
    "x@localhost",
    '"a b"@example.org',
    '"a@b,c<d"@example.org',
    r'"a\"b"@example.org',
    "x@[192.0.2.1]",
    "x@[IPv6:2001:db8::1]",
    "x@[ipv6:::1]",
    "zoë@exämple.org",
    "a+b/c%d!e@example.org",
]
INVALID = [
    "nobody",
    "@example.org",
    "a@",
    "a@@b.c",
    "a b@example.org",
    '"a b@example.org',
    '"a\nb"@example.org',
    "a@-b.c",
    "a@b-.c",
    "a@b..c",
    "a@.b",
    "x@[192.0.2.256]",
    "x@[2001:db8::1]",
    "x@[IPv6:192.0.2.1]",
    "x@[IPv6:2001:db8::g]",
    "x@[]",
    "x@[192.0.2.1",
]


@pytest.fixture(scope="module")
def emu() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def client(emu: Emulator) -> Iterator[httpx.Client]:
    emu.reset()
    with mailgun_client(emu) as made:
        made.base_url = f"{emu.mailgun_url}/{emu.domain}"
        yield made


@pytest.mark.parametrize(("address", "valid"), [*((one, True) for one in VALID), *((one, False) for one in INVALID)])
def test_what_is_an_address(address: str, valid: bool) -> None:
    assert is_mail_address(address) is valid


@pytest.mark.parametrize("address", VALID)
@pytest.mark.parametrize("form", ["{}", "Ann <{}>", '"Doe, Ann" <{}>', "<{}>", "{} (Ann)"])
def test_every_address_can_be_sent_to(emu: Emulator, client: httpx.Client, address: str, form: str) -> None:
    fields = {"from": f"a@{emu.domain}", "to": f"{form.format(address)}, b@example.org", "subject": "s", "text": "t"}
    response = client.post("/messages", data=fields)
    assert response.status_code == 200, response.text
    assert emu.messages[0].to == (address, "b@example.org")


@pytest.mark.parametrize("address", VALID)
def test_every_address_can_be_suppressed(client: httpx.Client, address: str) -> None:
    assert client.post("/bounces", data={"address": address}).status_code == 200
    assert client.get("/bounces").json()["items"][0]["address"] == address


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Ann Lee <a@b.c>", ["Ann Lee"]),
        (r'"x\"y, z" <a@b.c>, Bob<b@c.d>', ['x"y, z', "Bob"]),
        ('O"Brien <a@b.c>, P"Q <d@e.f>', ['O"Brien', 'P"Q']),
        ("a@b.c (Ann)", ["Ann"]),
        ("Ann <a@b.c> ", ["Ann"]),
    ],
)
def test_display_names(text: str, names: list[str]) -> None:
    good, bad = read_list(text)
    assert ([mailbox.name for mailbox in good], bad) == (names, [])


@pytest.mark.parametrize("text", ['"a, b@c.d', "a@b.c>", "a@b.c d@e.f", "<a@b.c> x", 'a "b', "(a@b.c)"])
def test_what_is_no_list_of_addresses(text: str) -> None:
    good, bad = read_list(text)
    assert (good, bad) == ([], [text])


@pytest.mark.parametrize("part", ["<", '"', r"\"", '"\\', "(", "@", "a.", "a-", '" ', ' "', ', "', "a@[", r'"\ '])
def test_no_list_takes_more_than_linear_time(part: str) -> None:
    """The quadratic time of careless patterns would be minutes here."""
    text = part * 50_000
    began = time.thread_time()
    read_list(text)
    read_list(f"{text}\\")
    is_mail_address(f"x@{text}")
    assert time.thread_time() - began < 5
