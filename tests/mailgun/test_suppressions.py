"""The four suppression lists: their small differences, and `create_many`, which accounts for every record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

import httpx
import pytest

from omnivery import AsyncMailgun, Mailgun, RetryPolicy
from omnivery.emulator import Emulator
from omnivery.errors import (
    AuthenticationError,
    BadRequestError,
    BulkError,
    ConfigError,
    DecodeError,
    ForbiddenError,
    NotFoundError,
)
from omnivery.mailgun import AddressConfirmation, Confirmation, Unsubscribe
from omnivery.mailgun.suppressions import AddressOrFields
from tests.support.mailgun import (
    ADDRESS,
    Service,
    client_of,
    form_of,
    json_of,
    key_of,
    reply,
    service,
)

pytestmark = pytest.mark.anyio

WHEN = datetime(2011, 10, 21, 11, 2, 55, tzinfo=UTC)
RFC_2822 = "Fri, 21 Oct 2011 11:02:55 GMT"
FAST = RetryPolicy(attempts=2, base=0.001, throttle_base=0.001, max_backoff=0.001)


# Responses of the lists


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"description": "spam!"}, "spam!"),
        ({"error": "spam!"}, "spam!"),
        ({"error": None, "description": "spam!"}, "spam!"),
        ({"error": None}, None),
        ({}, None),
    ],
)
async def test_a_complaint_has_its_text_under_either_name(body: dict[str, Any], error: str | None) -> None:
    """A list calls it `error`, a single look-up `description`."""
    complaint = await client_of(service({"address": ADDRESS, "created_at": RFC_2822, **body})).complaints.get(ADDRESS)
    assert (complaint.error, complaint.extra) == (error, {})
    assert (complaint.address, complaint.created_at) == (ADDRESS, WHEN)
    assert ADDRESS in repr(complaint)


async def test_two_texts_are_both_kept() -> None:
    complaint = await client_of(service({"error": "one", "description": "two"})).complaints.get(ADDRESS)
    assert (complaint.error, complaint.extra) == ("one", {"description": "two"})


@pytest.mark.parametrize(("sent", "code"), [("550", "550"), (550, "550"), (None, None)])
async def test_a_bounces_code_is_text(sent: object, code: str | None) -> None:
    bounce = await client_of(service({"address": ADDRESS, "code": sent, "error": None})).bounces.get(ADDRESS)
    assert (bounce.code, bounce.error) == (code, None)
    assert ADDRESS in repr(bounce)


@pytest.mark.parametrize(
    ("body", "tags"), [({"tags": ["a", "b"]}, ("a", "b")), ({"tag": "*"}, ("*",)), ({"tags": None}, ()), ({}, ())]
)
async def test_an_unsubscribe_has_tags(body: dict[str, Any], tags: tuple[str, ...]) -> None:
    found = await client_of(service({"address": ADDRESS, **body})).unsubscribes.get(ADDRESS)
    assert (found.address, found.tags) == (ADDRESS, tags)
    assert ADDRESS in repr(found)


@pytest.mark.parametrize("key", ["created_at", "createdAt"])
async def test_a_whitelist_entry_has_its_date_under_either_name(key: str) -> None:
    """Mailgun spells it without the underscore, and lists whole domains too."""
    body = {"items": [{"type": "domain", "value": "d.e", "reason": "why", key: "Fri, 21 Oct 2011 11:02:55 UTC"}]}
    [entry] = await client_of(service(body)).whitelists.list().collect()
    assert (entry.type, entry.value, entry.reason, entry.created_at) == ("domain", "d.e", "why", WHEN)
    assert "d.e" in repr(entry)


async def test_responses_that_are_not_documented_may_be_anything() -> None:
    """Nothing, plain text, or JSON: a change that took effect must not fail on its response."""
    empty, text, message = (
        httpx.Response(200),
        httpx.Response(200, text="OK\n"),
        {"message": "done", "address": ADDRESS},
    )
    for response, said, address in ((empty, None, None), (text, "OK", None), (message, "done", ADDRESS)):
        client = client_of(service(response))
        expected = AddressConfirmation(address=address, message=said)
        assert await client.bounces.create(ADDRESS) == expected
        assert await client.unsubscribes.create(ADDRESS) == expected
        assert await client.unsubscribes.delete(ADDRESS) == expected
        assert (await client.bounces.delete_all()).message == said
    assert await client_of(service(empty)).unsubscribes.get(ADDRESS) == Unsubscribe()
    assert await client_of(service(empty)).bounces.delete_all() == Confirmation()


async def test_an_empty_response_where_one_is_documented_is_refused() -> None:
    """A bounce without anything would read as a bounce."""
    with pytest.raises(DecodeError, match="empty"):
        await client_of(service(None)).bounces.get(ADDRESS)


async def test_what_is_no_entry_does_not_pass_for_one() -> None:
    """A 200 without the entry does not say that somebody has unsubscribed."""
    with pytest.raises(DecodeError, match="JSON was expected"):
        await client_of(service(httpx.Response(200, text="Forbidden"))).unsubscribes.get(ADDRESS)
    for refusal in ({"errors": ["no"]}, {"error": "no"}):
        with pytest.raises(DecodeError, match="an error under a success status"):
            await client_of(service(refusal)).bounces.delete(ADDRESS)


async def test_an_address_that_is_not_on_the_list() -> None:
    server = service(reply({"message": "Address not found in bounces table"}, 404))
    with pytest.raises(NotFoundError, match="bounces table"):
        await client_of(server).bounces.get(ADDRESS)


# What is sent


async def test_a_code_may_be_a_number() -> None:
    server = service(None)
    await client_of(server).bounces.create(ADDRESS, code=550)
    assert json_of(server.request) == {"address": ADDRESS, "code": "550"}


async def test_an_unsubscribe_needs_no_reason() -> None:
    server = service(None)
    await client_of(server).unsubscribes.create(ADDRESS, error="")
    await client_of(server).unsubscribes.create(ADDRESS)
    assert [form_of(request) for request in server.requests] == [
        [("address", ADDRESS), ("error", "")],
        [("address", ADDRESS)],
    ]


async def test_a_page_has_the_size_that_was_asked_for() -> None:
    server = service({"items": []})
    await client_of(server).unsubscribes.list(limit=1000).first()
    assert server.request.url.query == b"limit=1000"


# create_many

Lists = Callable[[AsyncMailgun], Any]
BULK: list[Lists] = [
    lambda client: client.bounces,
    lambda client: client.complaints,
    lambda client: client.unsubscribes,
]
ALL: list[Lists] = [*BULK, lambda client: client.whitelists]


def many(count: int) -> list[str]:
    return [f"a{number}@d.e" for number in range(count)]


@pytest.mark.parametrize("of", BULK)
async def test_a_thousand_records_are_one_request(of: Lists) -> None:
    server = service({"message": "1000 addresses have been added"})
    report = await of(client_of(server)).create_many(iter(many(2001)))
    assert (report.accepted, report.undelivered, report.failures) == (2001, 0, ())
    report.raise_for_failures()
    batches = sorted((json_of(request) for request in server.requests), key=len)
    assert [len(batch) for batch in batches] == [1, 1000, 1000]
    assert sorted(record["address"] for batch in batches for record in batch) == sorted(many(2001))
    assert {key_of(request) for request in server.requests} == {"key-primary"}


async def test_records_travel_as_they_were_given() -> None:
    server = service(None)
    records: list[AddressOrFields] = [{"address": ADDRESS, "code": 550, "error": "no", "created_at": RFC_2822}, "b@d.e"]
    await client_of(server).bounces.create_many(records)
    assert json_of(server.request) == [records[0], {"address": "b@d.e"}]


async def test_a_whitelist_takes_them_one_by_one() -> None:
    server = service({"message": "ok"})
    report = await client_of(server).whitelists.create_many([ADDRESS, {"address": "b@d.e"}])
    assert report.accepted == 2
    assert sorted(request.url.params["address"] for request in server.requests) == sorted([ADDRESS, "b@d.e"])


@pytest.mark.parametrize("of", ALL)
async def test_no_records_are_no_request(of: Lists) -> None:
    server = service(None)
    report = await of(client_of(server)).create_many([])
    assert (report.accepted, report.undelivered, server.requests) == (0, 0, [])


@pytest.mark.parametrize("of", ALL)
@pytest.mark.parametrize("record", ["", " ", {}, {"address": None}, {"address": 5}, {"error": "x"}, None, 5, b"a@d.e"])
async def test_a_record_without_an_address_is_rejected_and_sinks_no_other(of: Lists, record: Any) -> None:
    server = service(None)
    report = await of(client_of(server)).create_many([*many(20), record])
    assert (report.read, report.accepted, report.rejected) == (21, 20, 1)
    assert (report.rejections[0].index, "address" in report.rejections[0].reason) == (20, True)
    assert "@" not in f"{report!r} {report.rejections}"
    with pytest.raises(BulkError, match="20 records were accepted, 1 rejected"):
        report.raise_for_failures()


@pytest.mark.parametrize("records", ["a@d.e", {"address": "a@d.e"}])
async def test_what_is_no_set_of_records_is_refused(records: Any) -> None:
    """A text is an iterable of letters."""
    server = service(None)
    with pytest.raises(ConfigError, match="expected several"):
        await client_of(server).bounces.create_many(records)
    assert server.requests == []


async def test_a_record_without_a_json_form_is_rejected() -> None:
    report = await client_of(service(None)).bounces.create_many([{"address": "a@d.e", "error": b"x"}])
    assert "JSON" in report.rejections[0].reason


async def test_a_whitelist_drops_nothing_in_silence() -> None:
    report = await client_of(service(None)).whitelists.create_many(["a@d.e", {"address": "b@d.e", "reason": "why"}])
    assert (report.accepted, report.rejected) == (1, 1)
    assert "nothing else" in report.rejections[0].reason


def refusing(address: str, status: int) -> Callable[[httpx.Request], httpx.Response]:
    """Refuses whatever holds an address."""
    return lambda request: reply(
        {"message": "no"}, status if address.encode() in request.content + request.url.query else 200
    )


async def test_a_record_that_the_service_refuses_is_found_in_its_batch() -> None:
    server = service(refusing('"a1500@d.e"', 400))
    report = await client_of(server).bounces.create_many(many(3000))
    assert (report.accepted, report.rejected, report.undelivered) == (2999, 1, 0)
    assert report.rejections[0].index == 1500
    assert "400" in report.rejections[0].reason
    assert "@" not in repr(report)


async def test_what_did_not_get_through_can_be_sent_again() -> None:
    report = await client_of(service(refusing("a1%40", 403))).whitelists.create_many(many(3), concurrency=1)
    assert (report.accepted, report.undelivered) == (1, 1)
    again = await client_of(service(None)).whitelists.create_many(report.undelivered_records())
    assert again.accepted == 1


async def test_a_refused_key_ends_the_run() -> None:
    """Every other request would meet the same: no more is read than was in hand."""
    server = service(reply({"message": "Forbidden"}, 401))
    report = await client_of(server).bounces.create_many(many(5000), concurrency=1)
    assert (report.read, report.accepted, report.undelivered, len(server.requests)) == (1000, 0, 1000, 1)
    assert all(isinstance(failure.error, AuthenticationError) for failure in report.failures)
    assert isinstance(report.stopped_by, AuthenticationError)


@pytest.mark.parametrize("of", ALL)
async def test_a_passing_failure_is_tried_again(of: Lists) -> None:
    """Entering a record twice does no harm."""
    server = service(reply({"message": "oops"}, 500), reply({"message": "ok"}))
    report = await of(client_of(server, retry=FAST)).create_many(["a@d.e"])
    assert (report.accepted, len(server.requests)) == (1, 2)


async def test_a_lasting_failure_leaves_its_records_undelivered() -> None:
    server = service(reply({"message": "oops"}, 500))
    report = await client_of(server, retry=FAST).unsubscribes.create_many(many(2), max_outage=0)
    assert report.undelivered == 2
    assert "500" in str(report.failures[0].error)


async def test_a_client_that_is_closed_half_way_costs_no_account() -> None:
    """What was entered by then stands on the list: an error that says that nothing was sent would be a lie."""
    own = httpx.AsyncClient()

    async def closing(_: httpx.Request) -> httpx.Response:
        await own.aclose()
        return reply({"message": "ok"})

    client = client_of(closing, http_client=own)
    report = await client.bounces.create_many(many(3000), concurrency=1)
    assert (report.accepted, report.undelivered) == (1000, 1000)
    assert isinstance(report.failures[0].error, ConfigError)


@pytest.mark.parametrize("of", ALL)
@pytest.mark.parametrize(
    ("settings", "options", "words"),
    [
        ({"domain": None}, {}, "domain"),
        ({"api_key": None}, {}, "api_key"),
        ({}, {"domain": ""}, "domain"),
        ({}, {"concurrency": 0}, "concurrency"),
    ],
)
async def test_a_wrong_set_up_is_an_error_and_no_report(
    of: Lists, settings: dict[str, Any], options: dict[str, Any], words: str
) -> None:
    server = service(None)
    with pytest.raises(ConfigError, match=words):
        await of(client_of(server, **settings)).create_many(many(3), **options)
    assert server.requests == []


# Two documents disagree


def bounce_server(*, takes: str) -> Service:
    """A server that takes a single bounce in one encoding, and refuses the address `bad@…` in any."""

    def respond(request: httpx.Request) -> httpx.Response:
        encoding = "json" if request.headers["content-type"] == "application/json" else "form"
        sound = encoding == takes and b"bad" not in request.content
        return reply({"message": "done"} if sound else {"message": f"no {encoding}"}, 200 if sound else 400)

    return service(respond)


def encodings(server: Service) -> list[str]:
    return [request.headers["content-type"].rpartition("/")[2] for request in server.requests]


async def test_a_bounce_is_posted_as_json_first_and_after_a_400_as_a_form_for_good() -> None:
    """Omnivery's table asks for a JSON object, which Mailgun and every recorded exchange refuse."""
    server = bounce_server(takes="form")
    client = client_of(server)
    for _ in range(3):
        assert (await client.bounces.create(ADDRESS, code=550, error="gone")).message == "done"
    assert encodings(server) == ["json", "x-www-form-urlencoded", "x-www-form-urlencoded", "x-www-form-urlencoded"]
    fields = [("address", ADDRESS), ("code", "550"), ("error", "gone")]
    assert [form_of(request) for request in server.requests[1:]] == [fields] * 3


async def test_a_server_that_takes_json_is_asked_once() -> None:
    server = bounce_server(takes="json")
    client = client_of(server)
    await client.bounces.create(ADDRESS)
    with pytest.raises(BadRequestError, match="no json"):
        await client.bounces.create("bad@example.com")
    assert encodings(server) == ["json", "json"]


async def test_an_address_that_is_refused_in_both_encodings_decides_nothing() -> None:
    server = bounce_server(takes="form")
    client = client_of(server)
    with pytest.raises(BadRequestError, match="no form"):
        await client.bounces.create("bad@example.com")
    await client.bounces.create(ADDRESS)
    assert encodings(server) == ["json", "x-www-form-urlencoded"] * 2


async def test_another_refusal_is_not_sent_as_a_form() -> None:
    server = service(reply({"message": "no"}, 403))
    with pytest.raises(ForbiddenError):
        await client_of(server).bounces.create(ADDRESS)
    assert encodings(server) == ["json"]


async def test_a_whitelist_entry_is_in_the_query_and_in_the_form() -> None:
    """Omnivery's page has it in the query, Mailgun's in the form; either server finds it."""
    server = service({"value": ADDRESS})
    await client_of(server).whitelists.create(ADDRESS)
    assert dict(server.request.url.params) == {"address": ADDRESS}
    assert form_of(server.request) == [("address", ADDRESS)]


@pytest.mark.parametrize("dialect", ["omnivery", "mailgun"])
async def test_both_dialects_take_bounces_and_whitelist_entries(dialect: Literal["omnivery", "mailgun"]) -> None:
    async with Emulator(dialect=dialect) as emulator:
        url, domain = emulator.mailgun_url, emulator.domain
        async with AsyncMailgun(emulator.api_key, base_url=url, domain=domain) as client:
            for n in range(2):
                await client.bounces.create(f"a{n}@example.com", code=550, error="gone")
            await client.whitelists.create("c@example.com")
            assert [one.address async for one in client.bounces.list()] == ["a0@example.com", "a1@example.com"]
            assert (await client.whitelists.get("c@example.com")).value == "c@example.com"
    created = [status for method, route, status in emulator.requests if (method, route) == ("POST", "bounces.create")]
    assert created == ([200, 200] if dialect == "omnivery" else [400, 200, 200])


def test_the_synchronous_client_remembers_the_encoding_too() -> None:
    with (
        Emulator(dialect="mailgun") as emulator,
        Mailgun(emulator.api_key, base_url=emulator.mailgun_url, domain=emulator.domain) as client,
    ):
        for n in range(3):
            client.bounces.create(f"a{n}@example.com")
    assert [status for _, _, status in emulator.requests] == [400, 200, 200, 200]
