"""News of records: each waiting task is woken, and nothing piles up for those who do not look."""

from __future__ import annotations

import asyncio
import threading

import pytest

from omnivery.emulator.records.changes import Changes


@pytest.mark.asyncio
async def test_many_changes_are_one_piece_of_news(changes: Changes, monkeypatch: pytest.MonkeyPatch) -> None:
    with changes.subscribe() as subscription:
        rings: list[object] = []
        monkeypatch.setattr(asyncio.get_running_loop(), "call_soon_threadsafe", rings.append)
        for _ in range(1000):
            changes.tell("messages")
            changes.tell("bot_events")
        assert len(rings) == 2, "a subscriber that does not look is not rung again for every record"
        assert await subscription.changed() == {"messages", "bot_events"}
        assert await subscription.changed(0.001) == frozenset()


@pytest.mark.asyncio
async def test_only_what_was_asked_for(changes: Changes) -> None:
    with changes.subscribe("messages") as subscription:
        changes.tell("bot_events")
        assert await subscription.changed(0.001) == frozenset()
        changes.tell("messages")
        assert await subscription.changed() == {"messages"}


@pytest.mark.asyncio
async def test_another_thread_wakes_the_loop(changes: Changes) -> None:
    with changes.subscribe("messages") as subscription:
        waiting = asyncio.create_task(subscription.changed(30))
        await asyncio.sleep(0)
        thread = threading.Thread(target=changes.tell, args=("messages",))
        thread.start()
        assert await waiting == {"messages"}
        thread.join()


@pytest.mark.asyncio
async def test_a_stream_of_news_ends_with_the_emulator(changes: Changes) -> None:
    seen: list[frozenset[str]] = []
    with changes.subscribe() as subscription:
        changes.tell("messages")
        async for kinds in subscription.each(every=0.001):
            seen.append(kinds)
            changes.end()
    assert seen == [{"messages"}]
    changes.tell("messages")  # nobody is told any more


def test_a_thread_can_wait_too(changes: Changes) -> None:
    with changes.subscribe_thread("messages") as subscription:
        threading.Timer(0.01, changes.tell, args=("messages",)).start()
        assert subscription.changed(30) == {"messages"}
        assert subscription.changed(0.001) == frozenset()
        changes.end()
        assert subscription.changed(30) == frozenset()
        assert subscription.ended


@pytest.mark.asyncio
async def test_a_loop_that_is_gone_disturbs_nobody(changes: Changes) -> None:
    with changes.subscribe() as subscription:
        loop = asyncio.new_event_loop()
        loop.close()
        subscription._loop = loop
        changes.tell("messages")
