"""Times as people's systems write them."""

from __future__ import annotations

import io
import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.readers import access_log
from omnivery.readers._times import log_seconds, unix_time

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
        "1.779012303e9",  # floats, as programs write them
        "1.779012303521E+12",
        "1779012303521e-3",
        "+1779012303",
        "1.779012303E+18",
        "1779012303,52",  # a spreadsheet where points are commas
        "1,779012303E+09",
        "2026-05-17T10:05:03Z",
        "2026-05-17T10:05:03.9999999Z",
        "2026-05-17 10:05:03",
        "2026-05-17 10:05:03 UTC",  # BigQuery
        "17.05.2026 10:05:03",  # Excel and databases where dates have dots
        "17.5.2026, 10:05:03",
        "17.05.2026 10:05:03.999",
        "17.05.2026 12:05:03 +02:00",
        "2026-05-17 10:05:03.123456 UTC",
        "2026-05-17 10:05:03+00",  # PostgreSQL
        "2026-05-17 12:05:03.123 +0200",  # Snowflake
        "2026-05-17 12:05:03.000 Europe/Berlin",  # Trino, Athena
        "2026-05-17T12:05:03+02:00",
        "20260517T100503",
        "20260517100503",
        20260517100503,
        20260517100503123,
        "20260517100503123456",
        "Sun May 17 10:05:03 2026",  # C
        "Sun May 17 10:05:03 UTC 2026",  # Java
        "2026-05-17T12:05:03.123+02:00[Europe/Berlin]",  # RFC 9557, and Java
        "2026-05-17T10:05:03Z[UTC]",
        "Sun May 17 2026 12:05:03 GMT+0200 (Central European Summer Time)",  # JavaScript
        "2026-05-17 12:05:03.123456789 +0200 CEST m=+0.000012",  # Go
        "17/May/2026:10:05:03 +0000",
        "Sun, 17 May 2026 10:05:03 +0000",
        "17 May 2026 12:05:03 +0200",
        "17 May 2026 10:05:03 GMT",
        "May 17, 2026 @ 10:05:03.123",  # Kibana
        "May 17, 2026, 10:05:03 AM",  # JavaScript, for people in America
        "May 17, 2026, 10:05:03\u202fAM",
        "Sunday, May 17th, 2026 at 10:05:03",
        "May 17 2026 10:05:03AM",  # SQL Server
        "17-MAY-26 10.05.03.123456 AM",  # Oracle
        "17-May-2026 10:05:03",
        "17 May 2026, 12:05:03 +02:00",
        datetime(2026, 5, 17, 10, 5, 3, 999_999),  # noqa: DTZ001  # without a zone
        datetime(2026, 5, 17, 12, 5, 3, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_one_moment_is_read_from_every_form(written: Any) -> None:
    assert unix_time(written) == MOMENT


@pytest.mark.parametrize(
    ("written", "hour", "minute"),
    [
        ("May 17, 2026, 12:05 AM", 0, 5),
        ("May 17, 2026, 12:05 PM", 12, 5),
        ("17-MAY-26 11.59.00 PM", 23, 59),
        ("Sept 17, 2026", 0, 0),
        ("17 December 1999", 0, 0),
        ("17-DEC-99", 0, 0),
    ],
)
def test_half_days_and_days_with_the_name_of_a_month(written: str, hour: int, minute: int) -> None:
    found = datetime.fromtimestamp(unix_time(written) or 0, UTC)
    assert (found.day, found.hour, found.minute) == (17, hour, minute)


@pytest.mark.parametrize(
    "written",
    [
        None,
        True,
        "",
        "05.17.2026 10:05:03",
        "31.02.2026 10:05:03",
        "17.05.26 10:05:03",
        "5/17/2026 10:05:03 AM",  # or 17/5? With a day below 13 nobody knows
        "May 17, 2026, 13:05:03 PM",
        "May 32, 2026, 10:05:03",
        "Mayday 17, 2026, 10:05:03",
        "Mai 17, 2026, 10:05:03",
        "May 17 10:05:03",
        "17-05-26 10.05.03",
        "17.05.2026 10",
        "17.05.2026 10:05:03 CET",
        "yesterday",
        "46159.4201736111",  # a spreadsheet's day: in which century does it begin?
        46159.4201736111,
        "Sun May 17 12:05:03 CEST 2026",  # names of zones are several zones'
        "Sun May 17 10:05:03",
        "nan",
        float("nan"),
        float("inf"),
        10**400,
        "1e99",
        "1e-9e9",
        "e9",
        "1.7e",
        "1,779",  # a thousand, or one and a fraction?
        "1,779,012,303",
        "1779012303,",
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


@given(st.decimals(10**8, 10**10, places=3) | st.decimals(-(10**10), 10**4, places=3) | st.floats(10**8, 10**10))
def test_a_number_is_the_same_time_however_it_is_written(number: Any) -> None:
    """With a point, with an exponent, as text or not."""
    expected = math.floor(number)
    for written in (number, str(number), f"{Decimal(number):e}", f"{Decimal(number):E}".replace(".", ",")):
        assert unix_time(written) == expected


@pytest.mark.parametrize(("unit", "per_second"), [("sec", 1), ("msec", 1_000), ("usec", 1_000_000)])
@pytest.mark.parametrize("text", ["{}", "{}.99", "{:e}", "{:E}"])
def test_logs_have_numbers_in_the_same_forms(unit: str, per_second: int, text: str) -> None:
    written = text.format(Decimal(MOMENT * per_second))
    (event,) = access_log(io.BytesIO(f"{written} 192.0.2.1 x".encode()), format=f"%{{{unit}}}t %h %{{User-Agent}}i")
    assert event == BotEvent(ip="192.0.2.1", uas="x", ts=MOMENT, action="click", attributes={"line": 1}, event_id=ANY)


@pytest.mark.parametrize(
    "text", ["1.779012303e9", "1779012303.52", "1.779012303521E+12", "Sun, 17 May 2026 10:05:03 GMT"]
)
def test_a_time_in_brackets_may_be_a_number_or_an_e_mails(text: str) -> None:
    assert log_seconds(text) == MOMENT


@pytest.mark.parametrize("text", ["1e99", "9" * 20, "-5", "x"])
def test_a_number_that_no_clock_shows_is_no_time_of_a_log(text: str) -> None:
    (item,) = access_log(io.BytesIO(f"{text} 192.0.2.1 x".encode()), format="%{sec}t %h %{User-Agent}i")
    assert item == UnreadableLine(line=1, reason="time stamp is no date")


def test_a_date_is_its_midnight() -> None:
    for written in (date(2026, 5, 17), "2026-05-17", "20260517", 20260517):
        assert unix_time(written) == 1_778_976_000


def test_a_number_of_more_digits_than_python_writes_is_no_time() -> None:
    assert unix_time(10**5_000) is None


def test_digits_that_are_no_date_are_a_number() -> None:
    assert [unix_time(digits) for digits in ("20269999", "20260231100503")] == [20_269_999, 20_260_231_100]


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001
def test_a_part_of_a_second_is_cut_off_also_before_1970(moment: datetime, minutes: int) -> None:
    local = moment.replace(tzinfo=UTC).astimezone(timezone(timedelta(minutes=minutes)))
    expected = (moment.replace(microsecond=0) - datetime(1970, 1, 1)) // timedelta(seconds=1)  # noqa: DTZ001
    for written in (local, local.isoformat(), local.isoformat(" "), f"{moment.isoformat(' ')} UTC"):
        assert unix_time(written) == expected


@given(st.text(max_size=40) | st.text(alphabet="0123456789-:. TZ+/UTCMay", max_size=30))
def test_no_text_is_a_crash(text: str) -> None:
    assert isinstance(unix_time(text), int | None)
