"""Routes of respx from operations: they match the operation's requests and no others, with a response that decodes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest
import respx

from omnivery import AsyncAutomations, AsyncMailgun, Automations, Mailgun, RetryPolicy
from omnivery.automations import PendingVerdict
from omnivery.automations.bots import CHECK, SUBMIT_BATCH
from omnivery.errors import AmbiguousError, ConfigError, NotFoundError, NotSentError, PaymentRequiredError
from omnivery.testing import OperationRoute, bot_event, message, mock
from omnivery.testing.example import example_responses
from omnivery.testing.operations import find_operation
from omnivery.transport.paging import AsyncPages
from tests.support import golden
from tests.test_conformance import result_of
from tools import reference

CLIENTS: dict[str, Any] = {
    "mailgun": partial(AsyncMailgun, "key", sending_key="sending", domain=golden.DOMAIN),
    "automations": partial(AsyncAutomations, "token", domain=golden.DOMAIN),
}


@pytest.fixture
def mailgun() -> Iterator[Mailgun]:
    with Mailgun("key", domain="mail.example.com", retry=RetryPolicy(attempts=1)) as client:
        yield client


@pytest.fixture
def automations() -> Iterator[Automations]:
    with Automations("token", domain="mail.example.com", webhook_url="https://example.com/") as client:
        yield client


@pytest.mark.anyio
async def test_every_operation_has_a_route_that_it_alone_takes(respx_mock: respx.MockRouter) -> None:
    """With a valid response: a kit that fails its own decoding helps nobody."""
    routes = {name: mock(name) for name in golden.names()}
    for name, route in routes.items():
        example = golden.load(name)
        await result_of(example, CLIENTS[name.partition(".")[0]]())
        assert {other: found.call_count for other, found in routes.items() if found.called} == {name: 1}
        route.reset()


def test_every_operation_is_found_by_its_name() -> None:
    operations = reference.operations()
    assert sorted(example_responses()) == sorted(operations)
    assert all(find_operation(name) is row for name, row in operations.items())


def test_an_operation_and_its_name_are_the_same(respx_mock: respx.MockRouter, automations: Automations) -> None:
    route = mock(CHECK)
    assert isinstance(route, OperationRoute)
    assert isinstance(automations.bots.check({"ip": "192.0.2.1"}), PendingVerdict)
    assert route.call_count == 1


def test_two_operations_of_one_endpoint_are_two_routes(respx_mock: respx.MockRouter, automations: Automations) -> None:
    batch, check = mock(SUBMIT_BATCH), mock(CHECK)
    check.respond(json={"is_bot": True, "request": {"ip": "192.0.2.1"}}, status_code=200)
    assert automations.bots.submit([bot_event()]).accepted == 1
    assert getattr(automations.bots.check(bot_event()), "is_bot", None) is True
    assert (batch.call_count, check.call_count) == (1, 1)


def test_parts_of_the_path_narrow_a_route(respx_mock: respx.MockRouter, mailgun: Mailgun) -> None:
    mock("mailgun.bounces.get", domain="mail.example.com", address="a+b@example.com").respond(
        json={"address": "a+b@example.com", "code": "550"}
    )
    assert mailgun.bounces.get("a+b@example.com").code == "550"
    with pytest.raises(AssertionError, match="not mocked"):
        mailgun.bounces.get("other@example.com")
    with pytest.raises(AssertionError, match="not mocked"):
        mailgun.bounces.get("a+b@example.com", domain="other.example.com")


def test_a_base_url_narrows_a_route(respx_mock: respx.MockRouter) -> None:
    mock("mailgun.domains.list", base_url="https://mail.test/api/v3/")
    with Mailgun("key", base_url="https://mail.test/api/v3") as client:
        assert client.domains.list().first()
    with Mailgun("key") as client, pytest.raises(AssertionError, match="not mocked"):
        client.domains.list().first()


def test_a_base_url_in_the_environment_needs_no_word(
    respx_mock: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMNIVERY_MAILGUN_URL", "http://127.0.0.1:1/v3")
    mock("mailgun.messages.send")
    with Mailgun("key", domain="mail.example.com") as client:
        client.messages.send(message())


def test_an_error_has_a_body_like_the_service_s(respx_mock: respx.MockRouter, mailgun: Mailgun) -> None:
    mock("mailgun.bounces.get").respond(404)
    with pytest.raises(NotFoundError, match="Not Found") as caught:
        mailgun.bounces.get("ann@example.com")
    assert caught.value.body == '{"message":"Not Found"}'
    mock("mailgun.bounces.get").respond(402, json={"message": "pay"})
    with pytest.raises(PaymentRequiredError, match="pay"):
        mailgun.bounces.get("ann@example.com")


def test_a_second_route_for_the_same_requests_replaces_the_first(
    respx_mock: respx.MockRouter, mailgun: Mailgun
) -> None:
    first = mock("mailgun.bounces.get").respond(404)
    second = mock("mailgun.bounces.get")
    assert mailgun.bounces.get("ann@example.com").code == "550"
    assert first.call_count == second.call_count == 1
    assert isinstance(second, OperationRoute)


def test_whatever_respx_can_do_a_route_can_do(respx_mock: respx.MockRouter, mailgun: Mailgun) -> None:
    route = mock("mailgun.messages.send")
    route.mock(side_effect=[httpx.ConnectError("refused"), httpx.ReadError("cut"), httpx.Response(200, json={})])
    with pytest.raises(NotSentError):
        mailgun.messages.send(message())
    with pytest.raises(AmbiguousError):
        mailgun.messages.send(message())
    mailgun.messages.send(message())
    assert route.call_count == 3


@pytest.mark.anyio
async def test_a_list_ends_although_its_example_names_a_next_page(respx_mock: respx.MockRouter) -> None:
    """The same page comes again and again: it has nothing new."""
    mock("mailgun.bounces.list")
    async with AsyncMailgun("key", domain="mail.example.com") as client:
        pages = client.bounces.list()
        assert isinstance(pages, AsyncPages)
        assert [bounce.address for bounce in await pages.collect()] == ["a+b/c@d.e"]


def test_another_router_may_be_named(mailgun: Mailgun) -> None:
    with respx.mock(assert_all_called=True) as router:
        route = mock("mailgun.messages.send", router=router)
        mailgun.messages.send(message())
    assert route.called


def test_without_respx_at_work_it_says_what_is_missing() -> None:
    """The request would go to the service, with whatever key is in the environment."""
    with pytest.raises(ConfigError, match="use the fixture respx_mock"):
        mock("mailgun.messages.send")
    assert len(respx.mock.routes) == 0


@pytest.mark.parametrize(
    ("name", "path", "words"),
    [
        (
            "mailgun.bounce.get",
            {},
            r"no operation is named 'mailgun.bounce.get': did you mean mailgun\.bounces\.get or",
        ),
        ("nothing", {}, "docs/reference.md lists them"),
        ("mailgun.bounces.get", {"adress": "a@b.de"}, r"has no part 'adress': it is /{domain}/bounces/{address}"),
    ],
)
def test_what_does_not_exist_is_named(
    respx_mock: respx.MockRouter, name: str, path: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        mock(name, **path)


BARE = """
import sys
sys.modules |= dict.fromkeys(("respx", "starlette", "uvicorn", "crawleruseragents"))
from omnivery import testing
testing.message(), testing.bot_event(), testing.Recorder()
testing.delivery_payload(signing_key="key"), testing.verdicts_payload(signing_key="key")
testing.mock
"""


def test_respx_alone_needs_respx_and_its_absence_says_what_to_install() -> None:
    """The values, the payloads and the recorder need no extra at all."""
    done = subprocess.run([sys.executable, "-c", BARE], capture_output=True, text=True, check=False)
    expected = "ModuleNotFoundError: omnivery.testing.mock needs respx: pip install respx"
    assert done.stderr.splitlines()[-1] == expected
