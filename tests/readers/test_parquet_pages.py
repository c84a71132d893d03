"""Damaged heads of pages, of which polars would ask for more memory than there is, and end the process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from omnivery.errors import ConfigError, SourceError
from omnivery.readers import parquet
from omnivery.readers._parquet_pages import check_pages

polars = pytest.importorskip("polars")

ROWS = 50
COUNT = bytes([0x15, 2 * ROWS])
"""What a page's head says of its values, or one of its sizes: a field's head, and a number that is zigzag-encoded."""


def written(path: Path, **options: Any) -> bytes:
    frame = polars.DataFrame({"ip": ["192.0.2.1"] * ROWS, "uas": ["x"] * ROWS, "event_id": ["a"] * ROWS})
    frame.write_parquet(path, **options)
    return path.read_bytes()


def damaged(path: Path, count: int) -> None:
    content = written(path)
    assert COUNT in content
    path.write_bytes(content.replace(COUNT, bytes([0x15, count])))


@pytest.mark.parametrize(("count", "why"), [(2 * ROWS + 1, "negative"), (2 * ROWS + 2, "more than the column has")])
def test_a_page_with_an_impossible_number_of_values_is_found(count: int, why: str, tmp_path: Path) -> None:
    path = tmp_path / "events"
    damaged(path, count)
    with pytest.raises(SourceError, match="the Parquet file is damaged"):
        check_pages(path)


def test_polars_does_not_see_such_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would abort the process, and no except could catch that."""
    path = tmp_path / "events"
    damaged(path, 2 * ROWS + 1)
    monkeypatch.setattr("omnivery.readers._parquet.installed", lambda name: name == "polars")
    monkeypatch.setattr(polars, "scan_parquet", lambda *_args, **_options: pytest.fail("it was handed to polars"))
    with pytest.raises(ConfigError, match="damaged or cut off"):
        parquet(path)


@pytest.mark.parametrize("cut", [1, 4, 8, 9, 100, 700])
def test_a_file_that_was_cut_off_is_damaged(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(written(path)[:-cut])
    with pytest.raises(SourceError):
        check_pages(path)


@pytest.mark.parametrize("compression", ["zstd", "snappy", "uncompressed"])
@pytest.mark.parametrize("rows", [7, ROWS])
def test_what_polars_writes_is_sound(compression: str, rows: int, tmp_path: Path) -> None:
    path = tmp_path / "events"
    written(path, compression=compression, row_group_size=rows, data_page_size=64)
    check_pages(path)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("use_dictionary", [True, False])
@pytest.mark.parametrize("rows", [0, 1_000])
def test_what_pyarrow_writes_is_sound(version: str, use_dictionary: bool, rows: int, tmp_path: Path) -> None:
    """Lists have more values than rows, and a null has none."""
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table(
        {
            "ip": [f"192.0.2.{row % 250}" for row in range(rows)],
            "own": [[row] * (row % 4) for row in range(rows)],
            "none": pyarrow.nulls(rows),
            "of": [{"a": row, "b": None} for row in range(rows)],
        },
        schema=pyarrow.schema(
            {
                "ip": pyarrow.string(),
                "own": pyarrow.list_(pyarrow.int64()),
                "none": pyarrow.null(),
                "of": pyarrow.struct({"a": pyarrow.int64(), "b": pyarrow.string()}),
            }
        ),
    )
    path = tmp_path / "events"
    pytest.importorskip("pyarrow.parquet").write_table(
        table, path, data_page_version=version, use_dictionary=use_dictionary, row_group_size=300, data_page_size=256
    )
    check_pages(path)
