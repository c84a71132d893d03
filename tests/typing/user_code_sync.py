"""What users write with the synchronous clients alone. It is checked by mypy --strict and pyright, and never run."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, assert_type

import httpx

from omnivery import (
    Attachment,
    Automations,
    BotEvent,
    CallOptions,
    Limits,
    Mailgun,
    Message,
    RetryPolicy,
    Timeouts,
    errors,
)
from omnivery.automations import BatchOutcome, SubmitReport, Verdict
from omnivery.automations.account import TEST, AuthInfo
from omnivery.mailgun import Bounce, Domain, Queued, SendReport
from omnivery.transport.http import ApiResponse
from omnivery.transport.observe import Attempt
from omnivery.transport.paging import Page


class Counter:
    """An observer."""

    attempts = 0

    def attempt_ended(self, attempt: Attempt) -> None:
        self.attempts += attempt.number


def clients() -> None:
    counter = Counter()
    with Automations(
        "token",
        domain="mail.example.com",
        timeouts=Timeouts(read=5),
        retry=RetryPolicy(attempts=2),
        limits=Limits(concurrency=4),
        observers=[counter],
    ) as client:
        assert_type(client, Automations)
        assert_type(client.with_options(domain="other.example.com"), Automations)
        assert_type(client.account.test(), AuthInfo)
        assert_type(client.call(TEST), ApiResponse[AuthInfo])
    own = Mailgun("key", region="eu", http_client=httpx.Client(http2=False))
    own.close()


def submit_a_log(path: Path) -> int:
    def rows() -> Iterator[dict[str, Any]]:
        with path.open(newline="") as file:
            yield from csv.DictReader(file)

    def show(report: SubmitReport) -> None:
        print(f"{report.accepted} of {report.read}")  # noqa: T201  # as in a script

    with Automations() as client:
        report = client.bots.submit(rows(), concurrency=4, on_progress=show)
        assert_type(report, SubmitReport)
        report.raise_for_failures()
        again = client.bots.submit(report.undelivered_events(), options=CallOptions(deadline=60))
    return again.accepted


def submit_from_a_database(database: sqlite3.Connection) -> SubmitReport:
    rows = database.execute("select ip, agent, id from clicks")
    events = (BotEvent(ip=ip, uas=agent, event_id=number, attributes={"source": "db"}) for ip, agent, number in rows)
    with Automations() as client:
        return client.bots.submit(events)


def submit_lines(path: Path) -> None:
    with Automations() as client, path.open("rb") as lines:
        client.bots.submit(lines, events_per_second=1000)
        client.bots.submit([{"ip": "192.0.2.1", "uas": "curl", "event_id": "1"}])


def watch(events: list[BotEvent]) -> list[str]:
    found: list[str] = []
    with Automations() as client, client.bots.stream(events, ordered=True) as run:
        for outcome in run:
            assert_type(outcome, BatchOutcome)
            found += [rejection.reason for rejection in outcome.rejected]
        assert_type(run.report, SubmitReport)
    assert_type(run.remaining, list[BatchOutcome])
    return found


def check_one(event: BotEvent) -> bool | None:
    with Automations() as client:
        try:
            found = client.bots.check(event)
            verdict = found if isinstance(found, Verdict) else client.bots.wait(found, deadline=30)
        except errors.VerdictPendingError:
            return None
        except errors.DeadlineError as error:
            return None if error.may_have_happened else False
    return verdict.is_bot


def write(events: Iterator[BotEvent]) -> int:
    with Automations() as client, client.bots.writer(linger=0.5) as writer:
        for event in events:
            writer.put(event)
        writer.flush()
    return writer.report.accepted


def send() -> str:
    message = Message(
        from_="Ann <ann@example.com>",
        to=["bob@example.com"],
        subject="Report",
        text="Attached.",
        attachments=[Attachment.from_path(Path("report.pdf"))],
    )
    with Mailgun("key", domain="mail.example.com") as client:
        assert_type(client.messages.send(message), Queued)
        report = client.messages.send_many(message for _ in range(3))
        assert_type(report, SendReport)
        client.messages.send_batch(message, {"bob@example.com": {"name": "Bob"}}).raise_for_failures()
    return client.messages.send(message).id or ""


def lists() -> list[str | None]:
    with Mailgun() as client:
        for domain in client.domains.list(limit=10):
            assert_type(domain, Domain)
        assert_type(client.bounces.list().first(), Page[Bounce])
        for page in client.bounces.list().pages():
            assert_type(page, Page[Bounce])
        bounces = client.bounces.list().collect(max_items=100)
        client.bounces.create_many([{"address": "bob@example.com"}])
    return [bounce.code for bounce in bounces]


def refusals() -> str:
    try:
        with Mailgun() as client:
            client.domains.get("mail.example.com")
    except errors.NotFoundError as error:
        return error.message
    except errors.RateLimitError as error:
        return str(error.retry_after)
    return ""
