"""The queue of webhooks: a slow receiver slows its senders down, a failing one does not, and neither grows."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest

from omnivery.emulator import webhook_queue
from omnivery.emulator.webhook_call import Delivery
from omnivery.emulator.webhook_queue import CAPACITY, Receiver, Sequence, WebhookQueue

pytestmark = pytest.mark.asyncio


def sequence(receiver: Receiver, size: int = 10) -> Sequence:
    delivery = Delivery(url="http://x", batch_id="b", kind="bot", body=bytes(size))
    return Sequence(deque([(1, delivery)]), receiver)


def fill(queue: WebhookQueue, receiver: Receiver) -> Sequence:
    """Add as many as the queue takes of fresh ones, and return the last."""
    added = [sequence(receiver) for _ in range(CAPACITY)]
    for each in added:
        queue.add(each)
    return added[-1]


async def has_room(queue: WebhookQueue) -> bool:
    """Whether who wants room gets it, however long a busy machine takes for that."""
    return await gets_room(queue, within=30)


async def is_full(queue: WebhookQueue) -> bool:
    return not await gets_room(queue, within=0.005)


async def gets_room(queue: WebhookQueue, *, within: float) -> bool:
    try:
        await asyncio.wait_for(queue.wait_for_room(), within)
    except TimeoutError:
        return False
    return True


async def test_fresh_sequences_take_room() -> None:
    queue = WebhookQueue()
    added = [sequence(queue.receiver("a")) for _ in range(CAPACITY)]
    for each in added:
        assert await has_room(queue)
        queue.add(each)
    assert await is_full(queue)
    queue.remove(added[0])
    assert await has_room(queue)


async def test_what_fails_takes_none() -> None:
    """One failure is enough: whatever else is meant for that receiver would only wait for it."""
    queue = WebhookQueue()
    added = [sequence(queue.receiver("a")) for _ in range(CAPACITY)]
    for each in added:
        queue.add(each)
    waiting = asyncio.create_task(queue.wait_for_room())
    await asyncio.sleep(0)
    queue.note_failure(added[0])
    await waiting
    fill(queue, queue.receiver("a"))
    assert await has_room(queue)
    # Once it works again, new sequences count again.
    queue.note_success(added[0], 0.0)
    fill(queue, queue.receiver("a"))
    assert await is_full(queue)


async def test_what_gets_no_response_takes_room_for_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_queue, "SILENCE", 1000.0)
    queue = WebhookQueue()
    receiver = queue.receiver("a")
    added = fill(queue, receiver)
    with receiver.request():
        assert await is_full(queue)
        monkeypatch.setattr(webhook_queue, "SILENCE", 0.0)
        await queue.wait_for_room()
        fill(queue, receiver)
        assert await has_room(queue)
    queue.note_success(added, 0.0)
    fill(queue, receiver)
    assert await is_full(queue), "nothing is in flight, so nothing is late"


async def test_a_receiver_that_takes_long_to_respond_is_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what is meant for one that works, nothing may be dropped: its senders wait."""
    monkeypatch.setattr(webhook_queue, "SILENCE", 0.001)
    queue = WebhookQueue()
    receiver = queue.receiver("a")
    added = fill(queue, receiver)
    queue.note_success(added, 30.0)
    with receiver.request():
        assert await is_full(queue)
        assert not receiver.failing


async def test_the_oldest_that_wait_for_another_attempt_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_queue, "MOST_RETRIED", 3)
    queue = WebhookQueue()
    receiver = queue.receiver("a")
    receiver.failing = True
    added = [sequence(receiver) for _ in range(5)]
    for each in added:
        queue.add(each)
    assert [each.dropped for each in added] == [True, True, False, False, False]


async def test_their_size_has_a_bound_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_queue, "RETRIED_BYTES", 100)
    queue = WebhookQueue()
    receiver = queue.receiver("a")
    receiver.failing = True
    added = [sequence(receiver, size) for size in (40, 40, 40, 500)]
    for each in added[:3]:
        queue.add(each)
    assert [each.dropped for each in added] == [True, False, False, False]
    queue.add(added[3])
    assert [each.dropped for each in added] == [True, True, True, False], "the newest stays, however large"
    queue.remove(added[3])
    queue.add(sequence(receiver, 90))
    queue.add(last := sequence(receiver, 5))
    assert not last.dropped, "what is done is not counted any more"


async def test_receivers_have_their_own_slots_and_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_queue, "RECEIVERS", 2)
    queue = WebhookQueue()
    one = queue.receiver("a")
    assert queue.receiver("a") is one
    assert queue.receiver("b") is not one
    queue.receiver("c")
    assert queue.receiver("a") is not one


async def test_what_is_not_due_yet_takes_no_room_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise late webhooks would slow down the API."""
    monkeypatch.setattr(webhook_queue, "MOST_PARKED", CAPACITY + 2)
    queue = WebhookQueue()
    added = [sequence(queue.receiver("a")) for _ in range(CAPACITY + 2)]
    for each in added:
        assert await has_room(queue)
        queue.add(each)
        queue.park(each)
    assert await is_full(queue)
    for each in added[:CAPACITY]:
        queue.unpark(each)
    assert await is_full(queue), "they are due: the receiver has enough to do"
    for each in added:
        queue.remove(each)
    assert await has_room(queue)


async def test_many_bytes_that_are_not_due_yet_are_too_many_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_queue, "PARKED_BYTES", 100)
    queue = WebhookQueue()
    added = sequence(queue.receiver("a"), size=100)
    queue.add(added)
    assert await has_room(queue)
    queue.park(added)
    assert await is_full(queue)
    queue.remove(added)
    assert await has_room(queue)


async def test_what_waits_for_another_attempt_is_not_parked() -> None:
    queue = WebhookQueue()
    added = sequence(queue.receiver("a"))
    added.receiver.failing = True
    queue.add(added)
    queue.park(added)
    queue.unpark(added)
    queue.remove(added)
    assert await has_room(queue)
