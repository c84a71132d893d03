"""Parquet files: typed columns, whatever the rows hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from omnivery.cli import parquet_file
from omnivery.cli.parquet_file import write_parquet
from omnivery.cli.result_rows import TYPED
from omnivery.errors import ConfigError

polars: Any = pytest.importorskip("polars")

LIBRARIES = ["pyarrow", "polars"]


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The library that writes."""
    name: str = request.param
    pytest.importorskip(name)
    monkeypatch.setattr(parquet_file, "find_spec", lambda found: found == name or None)
    return name


def row(number: int, **values: Any) -> dict[str, Any]:
    return {**dict.fromkeys(TYPED), "event_id": f"e{number}", **values}


def written(rows: list[dict[str, Any]], folder: Path) -> Any:
    file = folder / "rows.parquet"
    write_parquet(iter(rows), TYPED, file)
    assert [*folder.iterdir()] == [file], "nothing is left beside it"
    return polars.read_parquet(file)


def test_times_are_timestamps_in_utc(library: str, tmp_path: Path) -> None:
    found = written([row(1, ts=1_700_000_000, received_at=1_700_000_000.25), row(2)], tmp_path)
    time = polars.Datetime("us", "UTC")
    names = ("ts", "message_ts", "accepted_at", "received_at", "first_received_at", "signed_at")
    assert {found.schema[name] for name in names} == {time}
    assert found["ts"].to_list() == [datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), None]
    assert found["received_at"].to_list()[0] == datetime(2023, 11, 14, 22, 13, 20, 250_000, tzinfo=UTC)


def test_each_attribute_is_a_column_of_its_own_type(library: str, tmp_path: Path) -> None:
    attributes: list[dict[str, Any] | None] = [
        {"campaign": "x", "n": 1, "share": 1, "vip": True, "tags": ["a"], "mixed": 1, "empty": None},
        {"campaign": "y", "n": -2, "share": 0.5, "vip": False, "tags": {"b": 1}, "mixed": "1"},
        None,
    ]
    found = written([row(place, attributes=one) for place, one in enumerate(attributes)], tmp_path)
    assert "attributes" not in found.columns
    own = {name.removeprefix("attributes."): found[name] for name in found.columns if name.startswith("attributes.")}
    assert {name: str(column.dtype) for name, column in own.items()} == {
        "campaign": "String",
        "empty": "String",
        "mixed": "String",
        "n": "Int64",
        "share": "Float64",
        "tags": "String",
        "vip": "Boolean",
    }
    assert own["n"].to_list() == [1, -2, None]
    assert own["share"].to_list() == [1.0, 0.5, None]
    assert own["tags"].to_list() == ['["a"]', '{"b":1}', None]
    assert own["mixed"].to_list() == ["1", '"1"', None], "as JSON, so that a number and a text stay different"


def test_what_fits_no_column_is_not_lost(library: str, tmp_path: Path) -> None:
    """A time in milliseconds, a number beyond 64 bits."""
    found = written([row(1, ts=10**17, attributes={"n": 10**30}), row(2, ts=5)], tmp_path)
    assert found["ts"].to_list() == [None, datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC)]
    assert found["attributes.ts"].to_list() == [10**17, None]
    assert json.loads(found["attributes.n"][0]) == 10**30


def test_names_without_end_do_not_become_columns(library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender who makes up names must not make a file that nobody can read."""
    monkeypatch.setattr(parquet_file, "MOST_ATTRIBUTES", 2)
    found = written([row(number, attributes={f"n{number}": number, "n0": 0}) for number in range(4)], tmp_path)
    names = [name for name in found.columns if name.startswith("attributes")]
    assert names == ["attributes.n0", "attributes.n1", "attributes"]
    assert found["attributes"].to_list() == [None, None, '{"n2":2}', '{"n3":3}']


def test_many_rows_are_written_group_by_group(library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_file, "ROW_GROUP", 100)
    found = written([row(number, is_bot=bool(number % 2)) for number in range(250)], tmp_path)
    assert found["event_id"].to_list() == [f"e{number}" for number in range(250)]
    assert found["is_bot"].sum() == 125


def test_no_rows_have_columns_all_the_same(library: str, tmp_path: Path) -> None:
    assert written([], tmp_path).columns == [name for name in TYPED if name != "attributes"]


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_file, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'omnivery\[polars\]'"):
        write_parquet([], TYPED, tmp_path / "rows.parquet")
