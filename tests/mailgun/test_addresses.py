"""Validation and parsing of addresses: both vendors' responses, and what was asked for in the repr."""

from __future__ import annotations

from typing import Any

import pytest

from omnivery.errors import ConfigError, DecodeError
from omnivery.mail.addresses import ParsedAddress
from tests.support.mailgun import ADDRESS, client_of, service

pytestmark = pytest.mark.anyio


async def test_what_is_known_about_an_address() -> None:
    body = {
        "address": "info@d.e",
        "did_you_mean": "info@d.eu",
        "is_disposable_address": False,
        "is_role_address": True,
        "is_valid": False,
        "parts": {"domain": "d.e", "local_part": "info", "display_name": None},
        "reason": "a reason of tomorrow",
        "mailbox_verification": "unknown",
    }
    found = await client_of(service(body)).addresses.validate("info@d.e")
    assert (found.is_valid, found.is_role_address, found.is_disposable_address) == (False, True, False)
    assert (found.reason, found.did_you_mean) == ("a reason of tomorrow", "info@d.eu")
    assert found.parts is not None
    assert (found.parts.local_part, found.parts.domain, found.parts.extra) == ("info", "d.e", {"display_name": None})
    assert found.extra == {"mailbox_verification": "unknown"}
    assert "info" in repr(found)


@pytest.mark.parametrize("body", [{}, {"is_valid": None, "parts": None, "reason": None}])
async def test_what_is_not_said_is_none(body: dict[str, Any]) -> None:
    """None is not False: nobody may strike an address from a list because a field was missing."""
    found = await client_of(service(body)).addresses.validate(ADDRESS)
    assert (found.is_valid, found.parts, found.reason) == (None, None, None)


async def test_a_truth_value_in_words_is_refused() -> None:
    """The text "false" is true to Python."""
    with pytest.raises(DecodeError, match="true or false"):
        await client_of(service({"is_valid": "false"})).addresses.validate(ADDRESS)


@pytest.mark.parametrize("key", ["unparseable", "unparsable"])
async def test_both_spellings_of_what_cannot_be_read(key: str) -> None:
    found = await client_of(service({"parsed": [], key: ["bob@@d.e"]})).addresses.parse("bob@@d.e")
    assert (found.unparseable, found.extra) == (("bob@@d.e",), {})
    assert "bob" in repr(found)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("a@d.e", ParsedAddress(email="a@d.e")),
        ({"email": "a@d.e", "name": None}, ParsedAddress(email="a@d.e")),
        (
            {"email": "a@d.e", "domain": "d.e", "localpart": "a", "name": "A", "new": 1},
            ParsedAddress(email="a@d.e", domain="d.e", localpart="a", name="A", extra={"new": 1}),
        ),
    ],
)
async def test_what_can_be_read_comes_as_text_or_in_parts(item: object, expected: ParsedAddress) -> None:
    """Mailgun sends text, Omnivery with objects."""
    found = await client_of(service({"parsed": [item]})).addresses.parse("a@d.e")
    assert (found.parsed, found.unparseable) == ((expected,), ())
    assert "a@d.e" in repr(found)


async def test_null_where_a_list_is_due_is_no_address() -> None:
    found = await client_of(service({"parsed": None, "unparseable": None})).addresses.parse("a@d.e")
    assert (found.parsed, found.unparseable) == ((), ())


@pytest.mark.parametrize("field", ["parsed", "unparseable"])
async def test_text_where_a_list_is_due_is_not_read_letter_by_letter(field: str) -> None:
    with pytest.raises(DecodeError, match="a list, got text") as caught:
        await client_of(service({field: "a@d.e"})).addresses.parse("a@d.e")
    assert caught.value.path == f"$.{field}"


async def test_addresses_one_by_one_are_joined() -> None:
    server = service({})
    await client_of(server).addresses.parse(name for name in ('"Doe, J." <j@d.e>', "a+b@d.e"))
    assert server.request.url.params["addresses"] == '"Doe, J." <j@d.e>,a+b@d.e'


async def test_nothing_to_ask_about_is_refused() -> None:
    server = service({})
    client = client_of(server)
    with pytest.raises(ConfigError, match="address"):
        await client.addresses.validate(" ")
    with pytest.raises(ConfigError, match="addresses"):
        await client.addresses.parse([])
    assert server.requests == []
