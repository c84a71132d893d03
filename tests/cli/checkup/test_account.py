"""Keys: what each response to them means, and to which API they belong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest
import respx

from omnivery.cli.checkup.account import Access, check_automations, check_mailgun
from omnivery.cli.checkup.finding import Finding, Level
from omnivery.cli.checkup.probe import Prober
from omnivery.cli.checkup.setup import Setup
from omnivery.transport.adapters.httpx_async import HttpxAdapter

AUTOMATIONS = "https://zap-api.omnivery.net"
MAILGUN = "https://mg-api.omnivery.net/v3"
SERVER = "https://other.example.com"


def look(check: Callable[[Prober, Setup], Awaitable[Access]], setup: Setup) -> tuple[Access, list[Finding]]:
    async def work() -> Access:
        return await check(Prober(adapter=HttpxAdapter()), setup)

    access = anyio.run(work)
    return access, [*access.findings]


@respx.mock
def test_a_token_of_the_account_has_no_domain() -> None:
    respx.get(f"{AUTOMATIONS}/test").respond(json={"auth": {"cid": 1, "role": "management"}})
    access, [found] = look(check_automations, Setup(token="my-token"))
    assert found.message == "OMNIVERY_TOKEN is accepted: a management token of the account."
    assert (access.domains, access.credential is not None) == ((), True)


@respx.mock
def test_a_token_of_another_domain_is_warned_of() -> None:
    respx.get(f"{AUTOMATIONS}/test").respond(json={"auth": {"domain": "a.example.com", "role": "sending"}})
    _, [_, found] = look(check_automations, Setup(token="my-token", domain="b.example.com"))
    assert (found.level, found.message) == (
        Level.WARNING,
        "OMNIVERY_TOKEN is of a.example.com, and OMNIVERY_DOMAIN is b.example.com.",
    )


@respx.mock
def test_a_key_that_is_forbidden_from_here_is_told_from_an_unknown_one() -> None:
    """Keys can be restricted to networks."""
    respx.get(f"{AUTOMATIONS}/test").respond(403)
    respx.get(f"{MAILGUN}/domains").respond(403)
    _, [found] = look(check_automations, Setup(token="my-token"))
    assert found.level is Level.PROBLEM
    assert "the key is known, and not allowed to do this from here" in found.message
    assert "for which networks" in str(found.next)


@respx.mock
def test_a_key_goes_to_no_other_owners_server() -> None:
    """A wrong key may be a real one: a test server must not get to see it."""
    respx.get(f"{SERVER}/test").respond(401)
    other = respx.get(f"{MAILGUN}/domains").respond(json={"items": []})
    look(check_automations, Setup(token="my-token", automations_url=SERVER))
    assert not other.called


@respx.mock
def test_without_a_domain_the_kind_of_a_key_is_not_known() -> None:
    respx.get(f"{MAILGUN}/domains").respond(json={"items": []})
    _, [found] = look(check_mailgun, Setup(api_key="my-key"))
    assert (found.level, found.details["kind"]) == (Level.NOTE, None)


@respx.mock
def test_a_domain_that_the_key_sees_shows_its_kind() -> None:
    respx.get(f"{MAILGUN}/domains").respond(json={"items": [{"name": "a.example.com"}]})
    bounces = respx.get(f"{MAILGUN}/a.example.com/bounces").respond(json={"items": []})
    access, [found] = look(check_mailgun, Setup(api_key="my-key", domain="not-of-the.account"))
    assert (found.details["kind"], access.domains) == ("primary", ("a.example.com",))
    assert bounces.calls.last.request.method == "GET", "nothing is changed"


@respx.mock
def test_a_kind_that_cannot_be_found_out_is_a_note() -> None:
    respx.get(f"{MAILGUN}/domains").respond(json={"items": [{"name": "a.example.com"}]})
    respx.get(f"{MAILGUN}/a.example.com/bounces").respond(500)
    _, [found] = look(check_mailgun, Setup(api_key="my-key"))
    assert (found.level, "(500)" in found.message) == (Level.NOTE, True)


@pytest.mark.parametrize("check", [check_automations, check_mailgun])
@respx.mock
def test_a_web_page_is_no_api(check: Callable[[Prober, Setup], Awaitable[Access]]) -> None:
    respx.get(f"{SERVER}/test").respond(html="<html>")
    respx.get(f"{SERVER}/v3/domains").respond(html="<html>")
    setup = Setup(token="t", api_key="k", sending_key="s", automations_url=SERVER, mailgun_url=f"{SERVER}/v3")
    access, [found] = look(check, setup)
    assert (found.level, access.credential) == (Level.PROBLEM, None)
    assert "a web page" in found.message


@pytest.mark.parametrize("check", [check_automations, check_mailgun])
def test_without_a_key_nothing_is_tried(check: Callable[[Prober, Setup], Awaitable[Access]]) -> None:
    _, [found] = look(check, Setup())
    assert (found.level, found.message[:9]) == (Level.NOTE, "Not tried")
