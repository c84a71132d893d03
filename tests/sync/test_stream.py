"""A stream in a `with` block: outcomes as they come, an end at any moment, and an account that adds up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from omnivery.errors import ConfigError
from omnivery.events.event import EventLike
from tests.support.bots import (
    assert_lawful,
    endless,
    events,
    ids,
    numbered,
)
from tests.support.sync import (
    LONG,
    always,
    meeting,
    never,
    response,
)


def test_outcomes_come_while_the_source_is_read() -> None:
    with meeting(always(response())) as (_server, client), client.bots.stream(events(2100)) as run:
        outcomes = list(run)
    assert sorted(event_id for one in outcomes for event_id in ids(one.accepted)) == sorted(numbered(2100))
    assert sorted(outcome.batch for outcome in outcomes) == [0, 1, 2, 3, 4]
    assert (run.report.read, run.report.accepted) == (2100, 2100)
    assert run.remaining == []


def test_outcomes_come_in_the_order_of_the_source_if_asked() -> None:
    with (
        meeting(always(response())) as (_server, client),
        client.bots.stream(events(10_000), ordered=True, concurrency=4) as run,
    ):
        assert [outcome.batch for outcome in run] == list(range(20))


def test_leaving_early_ends_the_run() -> None:
    """Nothing is forgotten: what was accepted is in the outcomes that were taken or in `remaining`."""
    with meeting(always(response())) as (_server, client):
        taken = []
        with client.bots.stream(endless()) as run:
            for outcome in run:
                taken.append(outcome)
                if len(taken) == 3:
                    break
        assert_lawful(run.report)
        assert run.report.read < 100_000
        assert sum(len(outcome.accepted) for outcome in (*taken, *run.remaining)) == run.report.accepted
        assert len({outcome.batch for outcome in (*taken, *run.remaining)}) == len(taken) + len(run.remaining)
        assert list(run) == []
        assert client.bots.submit(events(3)).accepted == 3


def test_an_error_of_the_body_comes_out_and_ends_the_run() -> None:
    with (
        meeting(never) as (_server, client),
        pytest.raises(ZeroDivisionError),
        client.bots.stream(events(700)) as run,
    ):
        raise ZeroDivisionError
    assert_lawful(run.report)


def test_an_error_of_the_body_with_requests_under_way_leaves_them_undelivered() -> None:
    def source() -> Iterator[EventLike]:
        yield from events(1000)
        assert server.arrived.acquire(timeout=LONG)
        raise LookupError

    with (  # noqa: PT012  # both belong to the block
        meeting(never) as (server, client),
        pytest.raises(KeyError),
        client.bots.stream(source()) as run,
    ):
        run._bridge.serve(lambda: run.report.read >= 1000)
        raise KeyError
    assert run.report.undelivered == run.report.read == 1000
    assert_lawful(run.report)


def test_a_consumer_that_stops_reading_stops_the_run() -> None:
    """Memory stays flat: what is read and not yet taken is bounded, whatever the source holds."""
    taken_from_source = 0

    def source() -> Iterator[EventLike]:
        nonlocal taken_from_source
        for item in endless():
            taken_from_source += 1
            yield item

    with meeting(always(response())) as (_server, client), client.bots.stream(source(), concurrency=2) as run:
        for number, _ in enumerate(run, start=1):
            # At most twice as many batches as workers, and the one that was just handed over.
            assert taken_from_source <= 500 * (number + 2 * 2 + 1)
            if number == 20:
                break
    assert run.report.read <= 500 * (20 + 2 * 2 + 1)


def test_the_report_is_lawful_at_every_moment() -> None:
    with meeting(always(response())) as (_server, client), client.bots.stream(events(5000), concurrency=2) as run:
        for _ in run:
            report = run.report
            assert report.accepted + report.rejected + report.undelivered <= report.read <= 5000
    assert_lawful(run.report)


def test_what_the_source_raised_comes_out_once_the_rest_is_settled() -> None:
    def source() -> Iterator[EventLike]:
        yield from events(700)
        raise LookupError("gone")

    accepted = 0
    with (  # noqa: PT012  # a loop is one
        meeting(always(response())) as (_server, client),
        client.bots.stream(source()) as run,
        pytest.raises(LookupError, match="gone"),
    ):
        for outcome in run:
            accepted += len(outcome.accepted)
    assert accepted == run.report.accepted == 700
    assert isinstance(run.report.stopped_by, LookupError)


def test_a_run_is_entered_once_and_iterated_inside() -> None:
    with meeting(always(response())) as (server, client):
        run = client.bots.stream(events(3))
        with pytest.raises(ConfigError, match="enter the run first"):
            next(run)
        assert server.requests == []
        with run:
            with pytest.raises(ConfigError, match="entered once"), run:
                pass
            assert sum(len(outcome.accepted) for outcome in run) == 3
            assert list(run) == []
        with pytest.raises(ConfigError, match="entered once"), run:
            pass
        assert list(run) == []


def test_a_block_that_never_iterates_reads_nothing() -> None:
    """The source belongs to the thread that iterates: without iteration there is nobody to read it."""
    with meeting(always(response())) as (server, client), client.bots.stream(endless()) as run:
        pass
    assert run.report.read == 0
    assert server.requests == []
