"""Times as people's systems write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnivery.readers._times import unix_time

MOMENT = 1_779_012_303


@pytest.mark.parametrize(
    "written",
    [
        MOMENT,
        MOMENT + 0.99,
        MOMENT * 1_000 + 999,
        MOMENT * 10**6,
        MOMENT * 10**9 + 1,
        Decimal(MOMENT) + Decimal("0.5"),
        str(MOMENT),
        f"{MOMENT}.0",
        f"{MOMENT}.987654",
        f" {MOMENT}\n",
        str(MOMENT * 1_000),
        str(MOMENT * 10**9),
        "2026-05-17T10:05:03Z",
        "2026-05-17T10:05:03.9999999Z",
        "2026-05-17 10:05:03",
        "2026-05-17 10:05:03 UTC",  # BigQuery
        "2026-05-17 10:05:03.123456 UTC",
        "2026-05-17 10:05:03+00",  # PostgreSQL
        "2026-05-17 12:05:03.123 +0200",  # Snowflake
        "2026-05-17 12:05:03.000 Europe/Berlin",  # Trino, Athena
        "2026-05-17T12:05:03+02:00",
        "20260517T100503",
        "17/May/2026:10:05:03 +0000",
        "Sun, 17 May 2026 10:05:03 +0000",
        "17 May 2026 12:05:03 +0200",
        "17 May 2026 10:05:03 GMT",
        datetime(2026, 5, 17, 10, 5, 3, 999_999),  # noqa: DTZ001  # without a zone
        datetime(2026, 5, 17, 12, 5, 3, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_one_moment_is_read_from_every_form(written: Any) -> None:
    assert unix_time(written) == MOMENT


@pytest.mark.parametrize(
    "written",
    [
        None,
        True,
        "",
        "yesterday",
        "nan",
        float("nan"),
        float("inf"),
        "1e9",
        "1_000",
        "9" * 5_000,
        10**30,
        "14/Nov/2023",
        "12-31",
        "2026-02-31",
        "2026-05-17 10:05:03 Mars/Base",
        "2026-05-17 10:05:03 America/Argentina",
        "2026-05-17 10:05:03 ../../etc",
        "17/Mai/2026:10:05:03 +0000",
        "31 Feb 2026 10:05:03 GMT",
        "5/17/2026 10:05",
        [],
        {},
    ],
)
def test_what_is_no_time_is_not_guessed_at(written: Any) -> None:
    """A month that may be a day, a name that is no zone: a wrong time is worse than none."""
    assert unix_time(written) is None


def test_a_date_is_its_midnight() -> None:
    assert unix_time(date(2026, 5, 17)) == unix_time("2026-05-17") == 1_778_976_000


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001
def test_a_part_of_a_second_is_cut_off_also_before_1970(moment: datetime, minutes: int) -> None:
    local = moment.replace(tzinfo=UTC).astimezone(timezone(timedelta(minutes=minutes)))
    expected = (moment.replace(microsecond=0) - datetime(1970, 1, 1)) // timedelta(seconds=1)  # noqa: DTZ001
    for written in (local, local.isoformat(), local.isoformat(" "), f"{moment.isoformat(' ')} UTC"):
        assert unix_time(written) == expected


@given(st.text(max_size=40) | st.text(alphabet="0123456789-:. TZ+/UTCMay", max_size=30))
def test_no_text_is_a_crash(text: str) -> None:
    assert isinstance(unix_time(text), int | None)
