"""The recorder: what was called, by whom ever in this process, and what a failed assertion shows of it."""

from __future__ import annotations

import asyncio
import io
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx

from omnivery import AsyncAutomations, Attachment, Automations, CallOptions, Mailgun, Message, RetryPolicy
from omnivery.errors import ConfigError, NotFoundError, NotSentError
from omnivery.mailgun.messages import SEND
from omnivery.testing import Recorder, bot_event, message, mock

TWICE = CallOptions(retry=RetryPolicy(attempts=2, base=0.001, throttle_base=0.001))


@pytest.fixture(autouse=True)
def _no_network() -> Iterator[None]:
    with respx.mock:
        mock("mailgun.messages.send")
        mock("automations.bots.submit_batch")
        yield


@pytest.fixture
def mailgun() -> Iterator[Mailgun]:
    with Mailgun("key-1", domain="mail.example.com") as client:
        yield client


def failure_of(recorder: Recorder, operation: str, **expected: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        recorder.assert_called(operation, **expected)
    return str(caught.value)


def test_a_call_is_recorded_with_what_was_sent_and_how_it_ended(mailgun: Mailgun) -> None:
    mock("mailgun.bounces.get", address="bob@example.com").respond(404)
    with Recorder() as recorder:
        mailgun.messages.send(message(tags=["a", "b"]))
        with pytest.raises(NotFoundError) as caught:
            mailgun.bounces.get("bob@example.com")
    mailgun.messages.send(message())  # the block is over
    sent, got = recorder.calls
    assert (sent.operation, sent.method, sent.status, sent.attempts) == ("mailgun.messages.send", "POST", 200, 1)
    assert sent.path == {"domain": "mail.example.com"}
    assert sent.fields["o:tag"] == ["a", "b"]
    assert sent.error is None
    assert got.path == {"domain": "mail.example.com", "address": "bob@example.com"}
    assert (got.status, got.error) == (404, caught.value)
    assert "key-1" not in repr([recorder.calls, [call.sent for call in recorder.calls]])


def test_clients_of_every_kind_are_recorded(mailgun: Mailgun) -> None:
    """The program under test has its clients already, and runs bulk work in threads and loops of its own."""
    automations = Automations("token", domain="d.example.com", webhook_url="https://example.com/")

    async def submit() -> None:
        async with AsyncAutomations("token", domain="d.example.com", webhook_url="https://example.com/") as client:
            await client.bots.submit_batch([bot_event()])

    with Recorder() as recorder:
        thread = threading.Thread(target=mailgun.messages.send, args=(message(),))
        thread.start()
        thread.join()
        asyncio.run(submit())
        automations.bots.submit(bot_event(event_id=f"e{number}") for number in range(501))
    automations.close()
    assert len(recorder.calls_of(SEND)) == 1
    batches = recorder.assert_called("automations.bots.submit_batch", times=3)
    assert sorted(len(batch.fields["events"]) for batch in batches) == [1, 1, 500]
    recorder.assert_called("automations.bots.submit_batch", times=1, sent={"events": {"event_id": "e0"}})


def test_a_call_that_is_retried_is_one_call(mailgun: Mailgun) -> None:
    respx.get(path__startswith="/v3/domains").respond(503)
    with Recorder() as recorder, pytest.raises(Exception, match="503"):
        mailgun.domains.list(options=TWICE).first()
    (call,) = recorder.calls
    assert (call.attempts, call.status) == (2, 503)


def test_what_is_expected_may_be_exact_a_pattern_one_of_several_or_a_part(mailgun: Mailgun) -> None:
    with Recorder() as recorder:
        mailgun.messages.send(message(tags=["a", "b"], custom={"order": "7"}))
    right: tuple[dict[str, Any], ...] = (
        {"domain": "mail.example.com"},
        {"o:tag": "a"},
        {"o:tag": ["a", "b"]},
        {"o:tag": re.compile("^b$")},
        {"to": re.compile(r"\bann@"), "v:order": "7"},
    )
    wrong: tuple[dict[str, Any], ...] = (
        {"o:tag": ["b", "a"]},
        {"o:tag": "c"},
        {"to": "ann@example.com"},
        {"to": re.compile("bob")},
        {"x": 1},
    )
    for sent in right:
        (call,) = recorder.assert_called(SEND, times=1, sent=sent)
        assert call.operation == SEND.name
    for sent in wrong:
        recorder.assert_not_called(SEND, sent=sent)


def test_a_failure_shows_what_was_sent_and_where_it_differs(mailgun: Mailgun) -> None:
    mock("mailgun.domains.list")
    with Recorder() as recorder:
        mailgun.messages.send(message(text="x" * 1000))
        mailgun.domains.list().first()
    text = failure_of(recorder, "mailgun.messages.send", times=1, sent={"to": "bob@example.com", "o:tag": "a"})
    assert text.splitlines() == [
        "mailgun.messages.send should have been called once with to='bob@example.com', o:tag='a'.",
        "It was called once, never with that:",
        "  1. POST /v3/mail.example.com/messages → 200",
        "     ≠ to = 'Ann <ann@example.com>'",
        "     ≠ o:tag was not sent",
        "       from = 'Example News <news@mail.example.com>'",
        "       subject = 'Your report'",
        f"       text = '{'x' * 99}… (1002 characters)",
        "Other calls: mailgun.domains.list (once)",
    ]


def test_a_failure_counts(mailgun: Mailgun) -> None:
    with Recorder() as recorder:
        for number in range(12):
            mailgun.messages.send(message(subject=str(number)))
    text = failure_of(recorder, "mailgun.messages.send", times=2)
    assert text.startswith("mailgun.messages.send should have been called twice.\nIt was called 12 times:\n  1. POST")
    assert text.endswith("\n  … and 2 more")
    assert text.count(" POST ") == 10
    with pytest.raises(AssertionError, match=r"should not have been called with subject='3'\.\nIt was called 12 times"):
        recorder.assert_not_called("mailgun.messages.send", sent={"subject": "3"})
    assert "at least once" in failure_of(recorder, "mailgun.domains.get")


def test_a_failure_says_how_a_call_failed(mailgun: Mailgun) -> None:
    respx.get(path__startswith="/v3/domains").mock(side_effect=httpx.ConnectError("refused"))
    with Recorder() as recorder, pytest.raises(NotSentError):
        mailgun.domains.get("x.example.com", options=TWICE)
    assert "1. GET /v3/domains/x.example.com → NotSentError, 2 attempts" in failure_of(
        recorder, "mailgun.domains.get", times=2
    )


def test_without_any_call_it_says_what_may_be_wrong() -> None:
    with Recorder() as recorder:
        pass
    text = failure_of(recorder, "mailgun.messages.send")
    assert text.splitlines()[1] == "It was never called."
    assert "No call was recorded at all. Did the code run inside the recorder's block" in text


def test_a_misspelt_operation_is_no_call_that_was_not_made() -> None:
    """`assert_not_called` of a name that does not exist would always pass."""
    with Recorder() as recorder, pytest.raises(ConfigError, match=r"did you mean mailgun\.messages\.send or"):
        recorder.assert_not_called("mailgun.mesages.send")
    recorder.assert_not_called("mailgun.request")


def test_a_raw_request_is_recorded(mailgun: Mailgun) -> None:
    respx.post(path="/v3/mail.example.com/new").respond(json={})
    with Recorder() as recorder:
        mailgun.request("POST", "/{domain}/new", json={"a": {"b": 1, "c": 2}})
    (call,) = recorder.assert_called("mailgun.request", sent={"a": {"b": 1}})
    assert call.json == {"a": {"b": 1, "c": 2}}


def test_clear_forgets(mailgun: Mailgun) -> None:
    with Recorder() as recorder:
        mailgun.messages.send(message())
        recorder.clear()
        mailgun.messages.send(message(subject="second"))
    (call,) = recorder.calls
    assert call.fields["subject"] == "second"
    assert repr(recorder) == "<Recorder of 1 calls>"


def test_a_call_that_was_forgotten_while_it_ran_stays_forgotten(mailgun: Mailgun) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        (call,) = recorder.calls
        assert (call.status, call.error) == (None, None)
        recorder.clear()
        return httpx.Response(200, json={})

    mock("mailgun.messages.send").mock(side_effect=respond)
    with Recorder() as recorder:
        mailgun.messages.send(message())
    assert recorder.calls == []


def test_recorders_may_be_nested(mailgun: Mailgun) -> None:
    with Recorder() as outer:
        with Recorder() as inner:
            mailgun.messages.send(message())
        mailgun.messages.send(message())
    assert (len(outer.calls), len(inner.calls)) == (2, 1)


def test_files_are_recorded_and_still_sent(mailgun: Mailgun, tmp_path: Path) -> None:
    report = tmp_path / "report.csv"
    report.write_bytes(b"a,b\r\n1,2\r\n\r\n\x00\xff")
    files = [Attachment(name='say "hi".csv', content=report), Attachment(name="b.txt", content=b"B")]
    route = mock("mailgun.messages.send")
    with Recorder() as recorder:
        mailgun.messages.send(Message(from_="news@mail.example.com", to="a@b.de", text="Ü", attachments=files))
    (call,) = recorder.assert_called(SEND, sent={"attachment": "b.txt", "text": "Ü"})
    assert call.fields["attachment"] == ['say "hi".csv', "b.txt"]
    assert call.files == {'say "hi".csv': b"a,b\r\n1,2\r\n\r\n\x00\xff", "b.txt": b"B"}
    assert report.read_bytes() in route.calls.last.request.content


class Broken(io.BytesIO):
    """A file on a disk that fails."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError("the disk failed")


def test_a_file_that_cannot_be_read_fails_the_call_and_not_the_recorder(mailgun: Mailgun) -> None:
    with Recorder() as recorder, pytest.raises(ConfigError, match="the disk failed") as caught:
        mailgun.messages.send(message(attachments=[Attachment(name="a", content=Broken(b"123"))]))
    (call,) = recorder.calls
    assert (call.error, call.content) == (caught.value, b"")
