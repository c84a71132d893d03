"""Stats: times in every form out, open counters in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from omnivery.errors import ConfigError, DecodeError
from omnivery.mailgun import StatsBucket
from tests.support.mailgun import client_of, service

pytestmark = pytest.mark.anyio

BUCKET = {
    "time": "Wed, 16 Mar 2022 00:00:00 UTC",
    "delivered": {"smtp": 15, "http": 5, "total": 20},
    "failed": {"permanent": {"bounce": 4, "delayed-bounce": 1, "total": 10}, "temporary": {"espblock": 1}},
    "of_tomorrow": {"total": 3},
    "odd": {"total": "4", "flag": True},
    "bare": 7,
    "gone": None,
}


async def bucket_of(body: dict[str, Any]) -> StatsBucket:
    [bucket] = (await client_of(service({"stats": [body]})).stats.total("delivered")).stats
    return bucket


@pytest.mark.parametrize(
    ("path", "count"),
    [
        (("failed", "permanent", "bounce"), 4),
        (("failed", "permanent", "delayed-bounce"), 1),
        (("failed", "temporary", "espblock"), 1),
        (("failed", "permanent"), 10),
        (("delivered",), 20),
        (("of_tomorrow", "total"), 3),
        (("bare",), 7),
        (("failed", "temporary"), 0),
        (("failed", "temporary", "total"), 0),
        (("opened", "total"), 0),
        (("failed", "permanent", "bounce", "deeper"), 0),
        (("odd", "total"), 0),
        (("odd", "flag"), 0),
        (("gone", "total"), 0),
        ((), 0),
    ],
)
async def test_a_counter_is_looked_up_safely(path: tuple[str, ...], count: int) -> None:
    """Which counters there are is open; nothing is added up, because a group need not have a total."""
    bucket = await bucket_of(BUCKET)
    assert bucket.count(*path) == count
    assert type(bucket.count(*path)) is int


async def test_every_counter_is_kept() -> None:
    bucket = await bucket_of(BUCKET)
    assert bucket.counters == {name: value for name, value in BUCKET.items() if name != "time"}
    assert bucket.time == datetime(2022, 3, 16, tzinfo=UTC)


async def test_what_is_missing_is_none() -> None:
    found = await client_of(service({"stats": None, "end": "soon", "new": 1})).stats.total("delivered")
    assert (found.start, found.end, found.resolution, found.stats) == (None, None, None, ())
    assert found.extra == {"end": "soon", "new": 1}


@pytest.mark.parametrize(("body", "path"), [([], "$"), ({"stats": [5]}, "$.stats[0]"), ({"stats": "none"}, "$.stats")])
async def test_another_shape_is_refused_with_its_place(body: Any, path: str) -> None:
    with pytest.raises(DecodeError) as caught:
        await client_of(service(body)).stats.total("delivered")
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("moment", "sent"),
    [
        (datetime(2022, 3, 16, 1, tzinfo=timezone(timedelta(hours=1))), "1647388800"),
        (datetime(2022, 3, 16, 0, 0, 0, 900000, tzinfo=UTC), "1647388800"),
        (1647388800, "1647388800"),
        ("Wed, 16 Mar 2022 00:00:00 +0000", "Wed, 16 Mar 2022 00:00:00 +0000"),
    ],
)
async def test_a_time_is_sent_as_a_point_in_time(moment: datetime | int | str, sent: str) -> None:
    server = service({})
    await client_of(server).stats.total("delivered", start=moment, end=moment)
    assert (server.request.url.params["start"], server.request.url.params["end"]) == (sent, sent)


async def test_several_events_are_one_parameter_each() -> None:
    server = service({})
    await client_of(server).stats.total(iter(["accepted", "failed"]), resolution="hour")
    assert server.request.url.query == b"event=accepted&event=failed&resolution=hour"


@pytest.mark.parametrize(
    ("event", "options", "words"),
    [
        ("", {}, "event"),
        ([], {}, "event"),
        (["accepted", ""], {}, "event"),
        ("accepted", {"start": datetime(2022, 3, 16)}, "start.*zone"),  # noqa: DTZ001  # the very thing under test
    ],
)
async def test_what_is_certain_to_go_wrong_is_not_sent(event: Any, options: dict[str, Any], words: str) -> None:
    """A time without a zone means another day on another machine."""
    server = service({})
    with pytest.raises(ConfigError, match=words):
        await client_of(server).stats.total(event, **options)
    assert server.requests == []
