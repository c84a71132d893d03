"""Parquet files: what becomes an event, by either library that reads them, and what is no file of this kind."""

from __future__ import annotations

import io
import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from omnivery.errors import ConfigError, SourceError
from omnivery.events.event import BotEvent
from omnivery.readers import _arrow as arrow_frame
from omnivery.readers import _parquet as parquet_file
from omnivery.readers import arrow, parquet

pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


@pytest.fixture(params=["pyarrow.parquet", "polars"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each library in turn, the other not installed."""
    monkeypatch.setattr(parquet_file, "installed", lambda name: name == request.param)
    return str(request.param)


def written(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    """A Parquet file of these columns."""
    pl.DataFrame(columns).write_parquet(path, **options)
    return path


@pytest.mark.parametrize("as_path", [str, Path])
def test_rows_become_events(library: str, tmp_path: Path, as_path: type[str | Path]) -> None:
    """As those of a frame: typed times, null as None, own attributes."""
    file = written(
        tmp_path / "events",
        {
            "ip": ["192.0.2.1", None],
            "event_id": ["1", "2"],
            "ts": [datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), None],
            "links": [["/a"], None],
        },
    )
    assert list(parquet(as_path(file))) == [
        BotEvent(ip="192.0.2.1", event_id="1", ts=1_700_000_000, attributes={"links": ["/a"]}),
        BotEvent(event_id="2", attributes={"links": None}),
    ]


@pytest.mark.parametrize("rows", [0, 1, 9, 10, 11, 30])
def test_all_rows_come_once_and_in_order(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """Whatever lies across the borders of row groups, and of what is decoded together."""
    monkeypatch.setattr(parquet_file, "_AT_ONCE", 10)
    columns = {"event_id": pl.Series([str(row) for row in range(rows)], dtype=pl.String)}
    file = written(tmp_path / "events.parquet", columns, row_group_size=7)
    assert [event.event_id for event in parquet(file)] == [str(row) for row in range(rows)]


def test_a_file_and_the_frame_in_it_yield_the_same_ids(library: str, tmp_path: Path) -> None:
    """Looked at in a notebook first, then submitted from the file: verdicts must find their rows."""
    columns = {"ip": ["192.0.2.1"] * 3, "uas": ["Agent"] * 3, "url": ["/a"] * 3}
    from_file = [event.event_id for event in parquet(written(tmp_path / "events", columns))]
    assert from_file == [event.event_id for event in arrow(pl.DataFrame(columns))]
    assert len(set(from_file)) == 3


def test_a_file_may_call_its_columns_otherwise(library: str, tmp_path: Path) -> None:
    file = written(tmp_path / "events", {"client_ip": ["192.0.2.1"], "id": [1]})
    found = list(parquet(file, columns={"client_ip": "ip", "id": "event_id"}))
    assert found == [BotEvent(ip="192.0.2.1", event_id="1")]


def test_a_name_is_no_pattern(library: str, tmp_path: Path) -> None:
    """Polars would read all files that fit one."""
    written(tmp_path / "a.parquet", {"event_id": ["other"]})
    file = written(tmp_path / "[a].parquet", {"event_id": ["mine"]})
    assert [event.event_id for event in parquet(file)] == ["mine"]


def test_columns_of_no_event_are_an_error_at_the_call(library: str, tmp_path: Path) -> None:
    file = written(tmp_path / "events", {"a": [1]})
    with pytest.raises(ConfigError, match="none of the source's columns is ip, uas or event_id; it has a"):
        parquet(file)


def test_a_file_that_is_cut_off_is_an_error_at_the_call(library: str, tmp_path: Path) -> None:
    """What is in it stands at its end, so nothing of it can be read."""
    file = written(tmp_path / "events", {"event_id": ["1"] * 100})
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(ConfigError, match="damaged or cut off"):
        parquet(file)


@pytest.mark.parametrize("kind", ["decimal256", "an unknown zone"])
def test_a_sound_file_that_a_library_cannot_read_is_not_called_damaged(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polars has no decimals of more than 38 digits."""
    monkeypatch.setattr(parquet_file, "installed", lambda name: name == "polars")
    column = (
        pa.array([0], pa.timestamp("us", "Mars/Base")) if kind == "an unknown zone" else pa.array([Decimal(10**50)])
    )
    pq.write_table(pa.table({"ip": ["192.0.2.1"], "own": column}), tmp_path / "f")
    with pytest.raises(ConfigError, match=r"looks sound, but polars cannot read it: .* and try pyarrow") as caught:
        parquet(tmp_path / "f")
    # For a zone that it does not know, polars reads no column at all.
    assert ("(columns: 'own')" in str(caught.value)) == (kind == "decimal256")


def test_damage_is_reported_with_its_column(library: str, tmp_path: Path) -> None:
    """Of hundreds of columns, one may have to be left out."""
    path = tmp_path / "f"
    pq.write_table(pa.table({"ip": ["192.0.2.1"] * 9, "own": list(range(9))}), path, compression="snappy")
    data = bytearray(path.read_bytes())
    column = pq.read_metadata(path).row_group(0).column(1)
    start = column.dictionary_page_offset
    data[start : start + column.total_compressed_size] = b"\x15" * column.total_compressed_size
    path.write_bytes(data)
    with pytest.raises((ConfigError, SourceError), match=r"\(columns: 'own'\)"):
        list(parquet(path))


@pytest.mark.parametrize("has_pandas", [True, False])
def test_a_period_of_pandas_is_its_text_or_refused(
    library: str, has_pandas: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the file it is the number of months since 1970."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"event_id": ["1", "2"], "own": pandas.period_range("2024-01", periods=2, freq="M")})
    frame.to_parquet(tmp_path / "f")
    monkeypatch.setattr(arrow_frame, "installed", lambda name: has_pandas or name != "pandas")
    made: list[Any] = [lambda: parquet(tmp_path / "f"), lambda: arrow(pa.Table.from_pandas(frame))]
    for events in made:
        if has_pandas:
            assert [event.attributes for event in events()] == [{"own": "2024-01"}, {"own": "2024-02"}]
        else:
            with pytest.raises(ConfigError, match="'own' holds periods of pandas"):
                events()


def test_another_kind_of_file_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "events.parquet"
    file.write_bytes(b'{"event_id":"1"}\n')
    with pytest.raises(ConfigError, match="no Parquet file, which would begin with PAR1"):
        parquet(file)


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        parquet(tmp_path / "none")


@pytest.mark.parametrize("source", ["-", io.BytesIO(b"PAR1")])
def test_what_is_no_path_is_an_error(source: Any) -> None:
    with pytest.raises(ConfigError, match="from a file by its path only"):
        parquet(source)


def test_a_pipe_and_a_directory_are_errors(tmp_path: Path) -> None:
    """To open a pipe would wait for ever, if nobody writes into it."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(ConfigError, match="a directory, a pipe or a device"):
            parquet(path)


def test_without_a_library_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path / "events", {"event_id": ["1"]})
    monkeypatch.setattr(parquet_file, "installed", lambda name: False)
    with pytest.raises(ConfigError, match=r"pip install 'omnivery\[polars\]'"):
        parquet(file)
