"""Activity: what a person who watches the emulator sees."""

from __future__ import annotations

from omnivery.emulator.activity import Activity, ActivityFeed


def activity(target: str) -> Activity:
    return Activity(kind="request", name="GET", target=target, status=200, seconds=0.001)


def test_each_watcher_is_told_until_it_has_seen_enough() -> None:
    feed, one, other = ActivityFeed(), list[Activity](), list[Activity]()
    assert not feed
    feed.tell(activity("/nobody"))
    end = feed.watch(one.append)
    feed.watch(other.append)
    feed.tell(activity("/both"))
    end()
    end()
    feed.tell(activity("/other"))
    assert [seen.target for seen in one] == ["/both"]
    assert [seen.target for seen in other] == ["/both", "/other"]
