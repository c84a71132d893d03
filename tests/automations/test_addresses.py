"""Validation and parsing of addresses by the Automations API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from omnivery.errors import ConfigError, DecodeError
from tests.support.automations import client_of, service

pytestmark = pytest.mark.anyio

ADDRESS = "a+b/c@d.e"


async def test_unknown_is_a_result_and_no_error() -> None:
    more = {"success": True, "timeLogged": 1700000000, "sendex": 1}
    response = {"result": "unknown", "reason": "unexpected_error", **more}
    found = await client_of(service(response)).addresses.validate(ADDRESS)
    assert (found.result, found.reason, found.success, found.sendex) == ("unknown", "unexpected_error", True, 1.0)
    assert found.time_logged == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert found.disposable is None


async def test_new_words_and_fields_are_kept_and_null_is_none() -> None:
    response = {"result": "shaky", "reason": None, "message": None, "timeLogged": "soon", "score": 5}
    found = await client_of(service(response)).addresses.validate(ADDRESS)
    assert (found.result, found.reason, found.message, found.time_logged) == ("shaky", None, None, None)
    assert found.extra == {"timeLogged": "soon", "score": 5}


@pytest.mark.parametrize("wrong", [{"role": "false"}, {"result": 1}, {"sendex": "0.5"}, [], "valid"])
async def test_a_response_of_another_shape_is_refused(wrong: Any) -> None:
    """`bool("false")` is True: a guess here would send mail to nobody, or keep it from somebody."""
    with pytest.raises(DecodeError, match=r"automations\.addresses\.validate"):
        await client_of(service(wrong)).addresses.validate(ADDRESS)


async def test_what_was_asked_for_shows_in_a_repr() -> None:
    response = {"email": ADDRESS, "user": "a+b/c", "did_you_mean": "x@y.z", "message": ADDRESS}
    assert ADDRESS in repr(await client_of(service(response)).addresses.validate(ADDRESS))


@pytest.mark.parametrize(
    "response",
    [
        {"parsed": [{"email": "ann@example.com"}], "unparseable": ["nobody"]},
        {"parsed": ["ann@example.com"], "unparsable": ["nobody"]},
    ],
)
async def test_a_list_is_sorted_in_either_vendors_spelling(response: Any) -> None:
    found = await client_of(service(response), domain=None).addresses.parse(["ann@example.com", "nobody"])
    assert [parsed.email for parsed in found.parsed] == ["ann@example.com"]
    assert found.unparseable == ("nobody",)


async def test_one_text_and_several_make_the_same_request() -> None:
    asked = service({"parsed": []})
    await client_of(asked).addresses.parse("a@b.c,d@e.f")
    await client_of(asked).addresses.parse(address for address in ("a@b.c", "d@e.f"))
    assert asked.requests[0].url == asked.requests[1].url


@pytest.mark.parametrize("nothing", ["", " ", []])
async def test_nothing_to_parse_is_not_sent(nothing: Any) -> None:
    asked = service({})
    with pytest.raises(ConfigError, match="addresses"):
        await client_of(asked).addresses.parse(nothing)
    assert asked.requests == []


async def test_no_address_is_not_sent() -> None:
    asked = service({})
    with pytest.raises(ConfigError, match="address"):
        await client_of(asked).addresses.validate("")
    assert asked.requests == []
