"""SMTP credentials: names that differ from call to call, and passwords that go nowhere but to the server."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from omnivery.errors import AmbiguousError, ConfigError
from tests.support.mailgun import (
    ADDRESS,
    DOMAIN,
    QUOTED,
    client_of,
    form_of,
    reply,
    service,
)

pytestmark = pytest.mark.anyio


async def test_creation_responses_with_other_names_and_dates() -> None:
    body = {
        "username": "bob.bar",
        "message": "Created 1 credentials pair",
        "note": None,
        "created_at": "2021-07-21 12:00:30",
        "updated_at": "never",
    }
    created = await client_of(service(body)).credentials.create("bob.bar", "hunter22")
    assert (created.username, created.message, created.note) == ("bob.bar", "Created 1 credentials pair", None)
    assert created.created_at == datetime(2021, 7, 21, 12, 0, 30, tzinfo=UTC)
    assert (created.updated_at, created.extra) == (None, {"updated_at": "never"})
    assert "bob" in repr(created)


async def test_the_list_has_addresses_and_shows_them() -> None:
    body = {"items": [{"login": ADDRESS, "mailbox": ADDRESS, "size_bytes": 0}], "total_count": 1}
    [found] = await client_of(service(body)).credentials.list().collect()
    assert (found.login, found.mailbox, found.created_at, found.extra) == (ADDRESS, ADDRESS, None, {"size_bytes": 0})
    assert ADDRESS in repr(found)


async def test_a_login_is_one_segment_of_the_path() -> None:
    """A login may be a whole address."""
    server = service({"message": "Password changed"})
    client = client_of(server)
    assert (await client.credentials.update_password(ADDRESS, "p w&x")).message == "Password changed"
    await client.credentials.delete(ADDRESS)
    for request in server.requests:
        assert request.url.raw_path == f"/v3/domains/{DOMAIN}/credentials/{QUOTED}".encode()
    assert form_of(server.requests[0]) == [("password", "p w&x")]


async def test_an_empty_login_deletes_nothing() -> None:
    server = service({})
    with pytest.raises(ConfigError, match="login"):
        await client_of(server).credentials.delete("")
    assert server.requests == []


async def test_a_lost_response_to_a_creation_is_not_sent_again_and_names_no_password() -> None:
    server = service(reply({"message": "oops"}, 502))
    with pytest.raises(AmbiguousError) as caught:
        await client_of(server).credentials.create("bob.bar", "hunter22")
    assert len(server.requests) == 1
    assert "hunter22" not in f"{caught.value!s}{caught.value!r}{caught.value.__dict__}"
