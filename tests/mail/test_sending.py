"""Sending many: every message is accounted for, none goes out twice, and nobody sees another's address."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import anyio
import anyio.lowlevel
import httpx
import pytest

from omnivery import CallOptions, RetryPolicy
from omnivery.bulk.outage import OutagePolicy
from omnivery.bulk.source_reader import SourceReader
from omnivery.bulk.target import RunTarget
from omnivery.emulator import Emulator
from omnivery.errors import (
    AmbiguousError,
    ApiError,
    BulkError,
    ConfigError,
    DeadlineError,
    DecodeError,
    NotSentError,
    OmniveryError,
    TransportError,
    error_class,
)
from omnivery.mail.bulk import AsyncSendRun, MessageWork
from omnivery.mail.form import Surface
from omnivery.mail.message import Attachment, Message
from omnivery.mail.sending import SendReport, SendStatus
from omnivery.mailgun.client import AsyncMailgun
from omnivery.transport.circuit_breaker import CircuitBreaker
from omnivery.transport.multipart import MultipartContent
from tests.support.clocks import let_time_fly
from tests.support.message import (
    DOMAIN,
    FAST,
    QUEUED,
    mailgun_with,
    message,
)

pytestmark = pytest.mark.anyio

ONCE = CallOptions(retry=RetryPolicy(attempts=1))


def numbered(count: int) -> list[Message]:
    return [message(subject=str(number)) for number in range(count)]


def subject(request: httpx.Request) -> int:
    return int(parse_qs(request.content.decode())["subject"][0])


def server(**responses: Callable[[], httpx.Response]) -> Callable[[httpx.Request], httpx.Response]:
    """A server that takes every message but those whose subject has a response of its own."""

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":  # a probe
            return httpx.Response(200, json={})
        number = subject(request)
        own = responses.get(f"m{number}")
        return own() if own else httpx.Response(200, json={**QUEUED, "id": f"<{number}@{DOMAIN}>"})

    return handler


def status(code: int) -> Callable[[], httpx.Response]:
    return lambda: httpx.Response(code, json={"message": "no"})


def broken() -> httpx.Response:
    raise httpx.ReadError("the connection broke")


def refused() -> httpx.Response:
    raise httpx.ConnectError("rejected")


def assert_lawful(report: SendReport) -> None:
    assert report.sent + report.rejected + report.unknown + report.undelivered == report.read
    assert [one.index for one in report.outcomes] == list(range(report.read))
    assert all((one.queued is not None) == (one.status is SendStatus.SENT) for one in report.outcomes)
    assert all((one.message is None) == (one.status is SendStatus.SENT) for one in report.outcomes)


async def test_every_message_has_an_outcome_in_its_place() -> None:
    handler = server(m1=status(400), m3=broken, m7=status(500), m8=lambda: httpx.Response(200))
    given = numbered(9)
    given[2] = message(subject="a\nb")
    report = await mailgun_with(handler).messages.send_many(given, options=ONCE)
    assert_lawful(report)
    assert [one.status for one in report.outcomes] == [
        SendStatus.SENT,
        SendStatus.REJECTED,
        SendStatus.REJECTED,
        SendStatus.UNKNOWN,
        SendStatus.SENT,
        SendStatus.SENT,
        SendStatus.SENT,
        SendStatus.UNKNOWN,
        SendStatus.UNKNOWN,
    ]
    assert (report.read, report.sent, report.rejected, report.unknown, report.undelivered) == (9, 4, 2, 3, 0)
    assert [one.queued.id for one in report.outcomes if one.queued] == [f"<{n}@{DOMAIN}>" for n in (0, 4, 5, 6)]
    assert report.unknown_messages()[0] is given[3]


async def test_a_message_that_nobody_took_is_undelivered() -> None:
    given = numbered(1)
    report = await mailgun_with(server(m0=refused)).messages.send_many(given, options=ONCE, max_outage=0.05)
    assert_lawful(report)
    assert [one.status for one in report.outcomes] == [SendStatus.UNDELIVERED]
    assert report.undelivered_messages() == given


async def test_a_message_whose_response_was_lost_is_not_sent_again() -> None:
    async with Emulator() as emulator:
        emulator.fail_next("messages", after="accepted", times=5)
        async with AsyncMailgun(emulator.api_key, base_url=emulator.mailgun_url, domain=emulator.domain) as client:
            report = await client.messages.send_many(numbered(40), options=FAST)
    assert_lawful(report)
    assert (report.sent, report.unknown) == (35, 5)
    assert Counter(one.subject for one in emulator.messages) == Counter(str(number) for number in range(40))


async def test_a_message_that_did_not_go_out_is_tried_again() -> None:
    """Unlike a lost response, a refused connection and a 429 leave no doubt."""
    tried: Counter[int] = Counter()

    def handler(request: httpx.Request) -> httpx.Response:
        tried[subject(request)] += 1
        if tried[subject(request)] == 1:
            return refused() if subject(request) % 2 else httpx.Response(429)
        return httpx.Response(200, json=QUEUED)

    report = await mailgun_with(handler).messages.send_many(numbered(20), options=FAST)
    report.raise_for_failures()
    assert set(tried.values()) == {2}


@pytest.mark.parametrize("code", [401, 402, 403, 404])
async def test_what_every_message_would_meet_stops_the_run(code: int) -> None:
    """A thousand more requests with a wrong key help nobody, and may lock the account."""
    asked = 0

    def handler(_request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(code, json={"message": "no"})

    report = await mailgun_with(handler).messages.send_many(numbered(100), concurrency=4, options=ONCE)
    assert_lawful(report)
    assert report.undelivered == report.read <= 4
    assert asked <= 4
    assert isinstance(report.stopped_by, ApiError)
    assert report.stopped_by.status == code
    assert report.summary().endswith(f"; the first failure, at index 0: {report.outcomes[0].error}")


async def test_a_server_that_was_never_there_stops_the_run() -> None:
    """A queue that is drained into nothing cannot be filled again."""

    def endless() -> Iterator[Message]:
        while True:
            yield message(subject="1")

    report = await mailgun_with(lambda _: refused()).messages.send_many(endless(), concurrency=4, options=ONCE)
    assert_lawful(report)
    assert report.undelivered == report.read <= 4
    assert isinstance(report.stopped_by, NotSentError)


async def test_an_outage_is_waited_out_and_found_over_by_a_get(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is certain to be unsent is held; no message is sent to find out whether the service is back."""
    let_time_fly(monkeypatch)
    posts, probes = 0, 0

    def handler(request: httpx.Request) -> httpx.Response:
        nonlocal posts, probes
        if request.method == "GET":
            probes += 1
            return httpx.Response(200 if probes >= 3 else 503, json={})
        posts += 1
        return httpx.Response(503) if posts in {6, 7} else httpx.Response(200, json=QUEUED)

    report = await mailgun_with(handler).messages.send_many(numbered(20), concurrency=2, options=ONCE)
    report.raise_for_failures()
    assert posts == 22, "twenty messages, two of which were refused once"
    assert probes >= 3


async def test_a_service_that_loses_every_response_does_not_use_up_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GET succeeds and messages do not: a few are unknown, and the run stops without having read the others."""
    let_time_fly(monkeypatch)

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "GET" or subject(request) == 0:
            return httpx.Response(200, json=QUEUED)
        return httpx.Response(500)

    report = await mailgun_with(handler).messages.send_many(numbered(500), concurrency=2, max_outage=1.0)
    assert_lawful(report)
    assert report.sent == 1
    assert 0 < report.unknown < 20
    assert report.read < 25
    assert report.stopped_by is not None


async def test_a_closed_client_stops_the_run_and_is_no_group_of_errors() -> None:
    client = AsyncMailgun("key", domain=DOMAIN, base_url="http://127.0.0.1:9/v3")
    await client.aclose()
    with pytest.raises(ConfigError, match="closed"):
        await client.messages.send_many(numbered(100), concurrency=4)


async def test_a_quiet_source_does_not_hold_up_the_end() -> None:
    """A queue may give its next message tomorrow; the wrong key is known today."""

    async def source() -> AsyncIterator[Message]:
        yield message(subject="0")
        await anyio.sleep_forever()

    with anyio.fail_after(30):
        report = await mailgun_with(server(m0=status(401))).messages.send_many(source(), concurrency=3, options=ONCE)
    assert (report.read, report.undelivered) == (1, 1)


async def test_a_bug_below_the_run_leaves_an_account() -> None:
    """What is not the SDK's error ends the run; what is in flight then may have been sent, and must not be lost."""
    all_out, over = anyio.Event(), anyio.Event()

    async def handler(request: httpx.Request) -> httpx.Response:
        if subject(request) == 3:
            all_out.set()
        if subject(request) == 1:
            await all_out.wait()
            over.set()
            raise ZeroDivisionError("ann@example.com")
        await over.wait()
        await anyio.lowlevel.checkpoint()
        return httpx.Response(200, json=QUEUED)

    with pytest.raises(
        BulkError, match="sending raised ZeroDivisionError; of 4 messages read 3 were accepted"
    ) as caught:
        await mailgun_with(handler).messages.send_many(numbered(100), concurrency=4)
    report: SendReport = caught.value.report
    assert_lawful(report)
    assert (report.sent, report.unknown) == (3, 1)
    assert report.outcomes[1].status is SendStatus.UNKNOWN
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert report.stopped_by is caught.value.__cause__
    assert "ann@" not in str(caught.value)


class Damaged(io.BytesIO):
    """A file object that fails in a way of its own, as those in a damaged archive do."""

    def seek(self, offset: int, whence: int = 0) -> int:
        raise zipfile.BadZipFile("bad magic number")


@pytest.mark.parametrize(
    "changes",
    [
        {"variables": ["abc"]},
        {"recipient_variables": {"bob@example.net": "abc"}},
        {"attachments": [Attachment(name="a.zip", content=Damaged(b"x"))]},
        {"text": "half \ud800 of it"},
        {"options": {"x": 5}},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_a_message_of_bad_values_is_refused_and_sinks_nothing(changes: dict[str, Any]) -> None:
    given = [message(subject="0"), message(**changes), message(subject="2")]
    report = await mailgun_with(server()).messages.send_many(given)
    assert_lawful(report)
    assert [one.status for one in report.outcomes] == [SendStatus.SENT, SendStatus.REJECTED, SendStatus.SENT]


@pytest.mark.parametrize("moment", ["before", "while"])
async def test_a_file_that_changes_is_the_matter_of_its_own_message(tmp_path: Path, moment: str) -> None:
    """A log that grows is attached to one message of a thousand: the others go out all the same."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * 200_000)
    given = [message(subject="0"), message(attachments=[Attachment.from_path(path)]), message(subject="2")]
    measured = MultipartContent.blocks

    def blocks(content: MultipartContent) -> Iterator[bytes]:
        if moment == "before":
            path.write_bytes(b"longer" * 100_000)
            return measured(content)
        found = measured(content)
        path.write_bytes(b"")
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MultipartContent, "blocks", blocks)
        async with (
            Emulator() as emulator,
            AsyncMailgun(emulator.api_key, base_url=emulator.mailgun_url, domain=emulator.domain) as client,
        ):
            report = await client.messages.send_many(given, concurrency=1)
    assert_lawful(report)
    assert [one.status for one in report.outcomes] == [SendStatus.SENT, SendStatus.REJECTED, SendStatus.SENT]
    assert "changed its size" in str(report.outcomes[1].error)
    assert report.stopped_by is None
    assert len(emulator.messages) == 2


async def test_a_closed_client_stops_a_run_of_messages_with_files(tmp_path: Path) -> None:
    """It says nothing about the files: they can be sent again."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"x")
    client = AsyncMailgun("key", domain=DOMAIN, base_url="http://127.0.0.1:9/v3")
    await client.aclose()
    given = [message(attachments=[Attachment.from_path(path)])] * 100
    with pytest.raises(ConfigError, match="closed"):
        await client.messages.send_many(given, concurrency=4)


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_no_more_are_in_flight_than_allowed_and_none_is_read_ahead(concurrency: int) -> None:
    in_flight = most = read = finished = 0

    async def handler(_request: httpx.Request) -> httpx.Response:
        nonlocal in_flight, most, finished
        in_flight += 1
        most = max(most, in_flight)
        assert read - finished <= concurrency
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
        in_flight -= 1
        finished += 1
        return httpx.Response(200, json=QUEUED)

    def source() -> Iterator[Message]:
        nonlocal read
        for one in numbered(30):
            read += 1
            yield one

    report = await mailgun_with(handler).messages.send_many(source(), concurrency=concurrency)
    assert (report.sent, most) == (30, concurrency)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_source_that_raises_leaves_an_account_of_what_it_gave(asynchronous: bool) -> None:
    def source() -> Iterator[Message]:
        yield from numbered(5)
        raise LookupError("no such customer: ann@example.com")

    async def stream() -> AsyncIterator[Message]:
        for one in source():
            yield one

    messages = stream() if asynchronous else source()
    with pytest.raises(BulkError, match="raised LookupError; of 5 messages read 5 were accepted") as caught:
        await mailgun_with(server()).messages.send_many(messages)
    assert "ann@" not in str(caught.value)
    assert isinstance(caught.value.__cause__, LookupError)
    assert caught.value.report.sent == 5


@pytest.mark.parametrize("wrong", [message(), "messages.txt", b"x", None, {"to": "a@x.net"}])
async def test_what_is_no_iterable_of_messages_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError, match=r"messages: expected an iterable of messages.*Nothing was sent"):
        await mailgun_with(server()).messages.send_many(wrong)


async def test_an_item_that_is_no_message_is_refused_and_sinks_nothing() -> None:
    wrong: Any = [message(subject="0"), {"to": "a@x.net"}, message(subject="2")]
    report = await mailgun_with(server()).messages.send_many(wrong)
    assert [one.status for one in report.outcomes] == [SendStatus.SENT, SendStatus.REJECTED, SendStatus.SENT]


@pytest.mark.parametrize("concurrency", [0, -1, True, 2.5, "8"])
async def test_concurrency_is_a_whole_number_from_one(concurrency: Any) -> None:
    with pytest.raises(ConfigError, match="concurrency"):
        await mailgun_with(server()).messages.send_many(numbered(1), concurrency=concurrency)


async def test_no_messages_are_no_failure() -> None:
    report = await mailgun_with(server()).messages.send_many([])
    report.raise_for_failures()
    assert report.read == 0


async def test_failures_raise_when_asked_to_and_the_error_survives_pickling() -> None:
    report = await mailgun_with(server(m1=status(400))).messages.send_many(numbered(3))
    with pytest.raises(BulkError, match=r"of 3 messages 2 were sent, 1 rejected.*index 1: .*400") as caught:
        report.raise_for_failures()
    assert pickle.loads(pickle.dumps(caught.value)).report.rejected == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigError("x"), SendStatus.UNDELIVERED),
        (NotSentError("x"), SendStatus.UNDELIVERED),
        (AmbiguousError("x"), SendStatus.UNKNOWN),
        (DeadlineError("x"), SendStatus.UNDELIVERED),
        (DeadlineError("x", may_have_happened=True), SendStatus.UNKNOWN),
        (TransportError("x"), SendStatus.UNDELIVERED),
        (DecodeError("x"), SendStatus.UNKNOWN),
        *((error_class(code)("x", status=code), SendStatus.REJECTED) for code in (400, 409, 413)),
        *(
            (error_class(code)("x", status=code), SendStatus.UNDELIVERED)
            for code in (302, 401, 402, 403, 404, 408, 429, 503)
        ),
        (error_class(500)("x", status=500), SendStatus.UNKNOWN),
    ],
)
async def test_what_an_error_says_about_the_message(error: OmniveryError, status: SendStatus) -> None:
    """When the run has given up waiting."""

    async def send(_: object) -> Any:
        raise error

    breaker = CircuitBreaker(max_outage=0)
    breaker.throttled(0.0)
    target = RunTarget({"domain": DOMAIN, "base_url": "http://127.0.0.1:9"})
    run = AsyncSendRun(
        source=SourceReader.of([message()], argument="messages", advice=""),
        work=MessageWork(surface=Surface.MAILGUN, send=send, target=target),
        policy=OutagePolicy(breaker=breaker, idempotent=False),
        concurrency=1,
    )
    with suppress(ConfigError):
        await run.finish()
    assert [one.status for one in run.report.outcomes] == [status]


def batch_of(request: httpx.Request) -> tuple[list[str], dict[str, Any]]:
    fields = parse_qs(request.content.decode())
    variables: dict[str, Any] = json.loads(fields["recipient-variables"][0])
    return fields["to"], variables


async def test_a_batch_is_cut_into_calls_that_hide_everybody_from_everybody() -> None:
    """Without its entry in the variables, a recipient would read the addresses of all the others."""
    recipients: dict[str, dict[str, Any]] = {f"r{n}@x.net": ({"n": n} if n % 2 else {}) for n in range(2500)}
    calls: list[tuple[list[str], dict[str, Any]]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        calls.append(batch_of(request))
        return httpx.Response(200, json=QUEUED)

    report = await mailgun_with(handler).messages.send_batch(message(to=()), recipients)
    assert_lawful(report)
    assert (report.read, report.sent) == (3, 3)
    assert sorted(len(to) for to, _ in calls) == [500, 1000, 1000]
    assert all(to == list(variables) for to, variables in calls)
    assert {address: own for _, variables in calls for address, own in variables.items()} == recipients


async def test_a_batch_of_one_is_hidden_too() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert batch_of(request) == (['"Doe, Ann" <ann@x.net>'], {"ann@x.net": {"n": 1}})
        return httpx.Response(200, json=QUEUED)

    report = await mailgun_with(handler).messages.send_batch(message(to=()), {'"Doe, Ann" <ann@x.net>': {"n": 1}})
    report.raise_for_failures()


async def test_a_call_of_a_batch_that_failed_can_be_sent_again_with_its_own_recipients() -> None:
    calls = 0

    def handler(_request: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        return refused() if calls == 2 else httpx.Response(200, json=QUEUED)

    recipients: dict[str, dict[str, Any]] = {f"r{n}@x.net": {} for n in range(2500)}
    report = await mailgun_with(handler).messages.send_batch(
        message(to=()), recipients, concurrency=1, options=ONCE, max_outage=0
    )
    (again,) = report.undelivered_messages()
    assert list(again.recipient_variables or ()) == [f"r{n}@x.net" for n in range(1000, 2000)]


@pytest.mark.parametrize(
    ("changes", "recipients", "words"),
    [
        ({}, {}, "recipients"),
        ({"to": "a@x.net"}, {"b@x.net": {}}, "message"),
        ({"cc": "a@x.net"}, {"b@x.net": {}}, "message"),
        ({"bcc": "a@x.net"}, {"b@x.net": {}}, "message"),
        ({"recipient_variables": {}}, {"b@x.net": {}}, "message"),
        ({}, {"a@x.net, b@x.net": {}}, "recipients: key 0"),
        ({}, {"a@x.net": {}, "nobody": {}}, "recipients: key 1"),
        ({}, {"a@x.net": {}, "Ann <a@x.net>": {}}, "recipients: key 1"),
        ({"text": None}, {"a@x.net": {}}, "text, html"),
        ({}, {"a@x.net": {"x": object()}}, "recipient_variables"),
    ],
)
async def test_a_batch_that_cannot_be_sent_sends_nothing(
    changes: dict[str, Any], recipients: dict[str, Any], words: str
) -> None:
    def handler(_request: httpx.Request) -> httpx.Response:
        raise AssertionError("a request went out")

    given = message(**{"to": (), **changes})
    with pytest.raises(ConfigError, match=rf"^{words}.*Nothing was sent\.$") as caught:
        await mailgun_with(handler).messages.send_batch(given, recipients)
    assert "x.net" not in str(caught.value)
