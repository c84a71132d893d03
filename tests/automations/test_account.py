"""The account test: whose token is it?"""

from __future__ import annotations

import httpx
import pytest

from omnivery.automations import AuthInfo
from omnivery.errors import AuthenticationError, DecodeError
from tests.support.automations import client_of, reply, service

pytestmark = pytest.mark.anyio


async def test_the_wrapped_response_is_unwrapped_and_the_token_shown() -> None:
    asked = service({"auth": {"cid": 3, "did": 12, "tid": 7, "domain": "mail.example.com", "role": "sending"}})
    found = await client_of(asked).account.test()
    assert found == AuthInfo(cid=3, did=12, tid=7, domain="mail.example.com", role="sending")
    assert asked.request.headers["ov-token"] == "t0k3n"


async def test_an_accounts_token_is_bound_to_no_domain() -> None:
    """The response for such a token is not documented: null and a missing field are both None."""
    found = await client_of(service({"auth": {"cid": 3, "did": None, "role": "account", "new": 1}})).account.test()
    assert (found.did, found.domain, found.role, found.extra) == (None, None, "account", {"new": 1})


async def test_no_domain_is_needed() -> None:
    assert (await client_of(service({"auth": {}}), domain=None).account.test()) == AuthInfo()


async def test_a_wrong_token_is_an_authentication_error() -> None:
    with pytest.raises(AuthenticationError, match="Unauthorized"):
        await client_of(service(reply({"message": "Unauthorized"}, 401))).account.test()


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(reply({"cid": 3}), id="not wrapped"),
        pytest.param(reply({"auth": "yes"}), id="of another type"),
        pytest.param(reply({"auth": {"cid": "3"}}), id="a field of another type"),
        pytest.param(reply([]), id="a list"),
        pytest.param(reply(None), id="empty"),
        pytest.param(httpx.Response(200, html="<html>Please log in</html>"), id="HTML"),
    ],
)
async def test_a_response_without_auth_is_refused(response: httpx.Response) -> None:
    """A captive portal says 200 to everything."""
    with pytest.raises(DecodeError, match=r"automations\.account\.test"):
        await client_of(service(response)).account.test()
