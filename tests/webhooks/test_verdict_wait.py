"""Waiting for verdicts: what settles an event, and when nothing can come any more."""

from __future__ import annotations

import time

import anyio
import pytest

from omnivery.events.verdict import Verdict
from omnivery.webhooks import BotVerdicts
from omnivery.webhooks.verdict_wait import HeardVerdicts, Refusals, VerdictWait
from omnivery.webhooks.watcher import Refusal


def verdicts(*names: str, is_bot: bool | None = True) -> BotVerdicts:
    found = tuple(Verdict(is_bot=is_bot, request={"event_id": name}) for name in names)
    return BotVerdicts(verdicts=found, token="t", timestamp=0)


def refusal(*names: str, is_final: bool = True) -> Refusal:
    return Refusal(reason="signature wrong", message="wrong", is_final=is_final, event_ids=names)


def test_verdicts_count_whether_they_arrive_before_or_after_their_event_is_waited_for() -> None:
    heard = HeardVerdicts()
    wait = VerdictWait(heard)
    heard.accepted(verdicts("early", "strange"))
    wait.add(["early", "late"])
    assert (wait.verdicts.total(), list(wait.pending)) == (1, ["late"])
    heard.accepted(verdicts("late", is_bot=None))
    wait.look()
    assert wait.is_over
    assert (wait.verdicts[True], wait.verdicts[None]) == (1, 1)


def test_an_id_that_occurs_twice_is_two_events() -> None:
    heard = HeardVerdicts()
    wait = VerdictWait(heard, ["twice", "twice", "silent", "silent"])
    heard.accepted(verdicts("twice"))
    wait.look()
    assert (wait.verdicts[True], wait.pending.total()) == (2, 2)


def test_it_is_over_when_every_missing_verdict_was_refused_for_good() -> None:
    refusals = HeardVerdicts()
    wait = VerdictWait(refusals, ["a", "b", "b"], refused=refusals.event_ids)
    refusals.refused(refusal("a"))
    refusals.refused(refusal("b", is_final=False))
    assert (wait.is_over, wait.refused) == (False, 1), "the service repeats the second call"
    refusals.refused(refusal("b"))
    assert (wait.is_over, wait.refused) == (True, 3)
    assert refusals.calls == {"signature wrong": 3}


def test_a_verdict_that_was_refused_and_came_again_is_waited_for_no_longer() -> None:
    refusals = Refusals()
    refusals.refused(refusal("a", "b"))
    refusals.accepted(verdicts("a"))
    assert refusals.event_ids == {"b"}


@pytest.mark.anyio
async def test_each_look_is_told_and_the_end_is_kept() -> None:
    heard, looks = HeardVerdicts(), 0
    wait = VerdictWait(heard, ["a"])

    def look() -> None:
        nonlocal looks
        looks += 1
        if looks == 2:
            heard.accepted(verdicts("a"))

    with anyio.fail_after(20):
        await wait.wait_until(time.monotonic() + 3600, on_look=look)
    assert looks == 3
    await VerdictWait(heard, ["never"]).wait_until(time.monotonic() - 1)
