"""Values of columns: Python's own objects in the form in which they are sent."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest

from omnivery.readers import arrow
from omnivery.readers._column_values import plain, text

pa = pytest.importorskip("pyarrow")


@pytest.mark.parametrize(
    ("value", "becomes"),
    [
        (dt.timedelta(days=-1, microseconds=1), "-PT86399.999999S"),
        (Decimal("1E+3"), "1000"),
        (Decimal("NaN"), None),
        (bytearray(b"\xff"), "ff"),
        (MappingProxyType({1: b"x", None: 2}), {"1": "x", "None": 2}),
        ({1: "a", "1": "b"}, [[1, "a"], ["1", "b"]]),
        ((1, dt.date(2026, 1, 2)), [1, "2026-01-02"]),
    ],
)
def test_objects_have_a_json_form(value: Any, becomes: Any) -> None:
    assert plain(value) == becomes


@pytest.mark.parametrize(("value", "becomes"), [(True, "true"), (7.0, "7"), (0.5, "0.5"), (None, None), ([1], [1])])
def test_a_value_as_text(value: Any, becomes: Any) -> None:
    assert text(value) == becomes


def test_times_may_be_texts_of_which_the_table_does_not_say_so() -> None:
    """Older writers of Parquet, such as Impala's, store texts as bytes."""
    found = arrow(pa.table({"ip": [b"192.0.2.1"] * 3, "ts": [b"2026-05-17 10:05:03", b"1779012303", b"\xff"]}))
    assert [(event.ip, event.ts) for event in found] == [
        ("192.0.2.1", 1779012303),
        ("192.0.2.1", 1779012303),
        ("192.0.2.1", b"\xff"),
    ]


@pytest.mark.parametrize(
    ("written", "ip"),
    [("::ffff:192.0.2.1", "192.0.2.1"), ("192.0.2.1:80", "192.0.2.1"), ("192.0.2.1/32", "192.0.2.1"), ("x", "x")],
)
def test_addresses_are_read_as_systems_export_them(written: str, ip: str) -> None:
    assert [event.ip for event in arrow(pa.table({"ip": [written, None]}))] == [ip, None]
