"""What a Parquet file's footer says of its columns."""

from __future__ import annotations

import base64
import uuid
from decimal import Decimal
from pathlib import Path

import pytest

from omnivery.readers import parquet
from omnivery.readers._column_types import ColumnType, Kind
from omnivery.readers._parquet_schema import known_columns

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

KEY = uuid.UUID(int=7).bytes


def test_the_footer_is_read_into_nested_columns(tmp_path: Path) -> None:
    key, fixed = pa.array([KEY], pa.uuid()), pa.array([b"ab"], pa.binary(2))
    columns = {
        "struct": pa.StructArray.from_arrays([fixed, pa.array([[1]])], ["key", "list"]),
        "key": key,
        "decimal": pa.array([Decimal(1)], pa.decimal128(30, 0)),
        "map": pa.MapArray.from_arrays([0, 1], pa.array(["k"]), key),
        "list": pa.ListArray.from_arrays([0, 1], fixed),
    }
    pq.write_table(pa.table(columns), tmp_path / "f")
    plain, of_fixed, of_key = ColumnType(), ColumnType(kind=Kind.FIXED), ColumnType(kind=Kind.UUID)
    of_list = ColumnType(kind=Kind.LIST, parts=(plain,))
    assert known_columns(tmp_path / "f") == {
        "struct": ColumnType(kind=Kind.STRUCT, parts=(of_fixed, of_list)),
        "key": of_key,
        "decimal": plain,
        "map": ColumnType(kind=Kind.MAP, parts=(plain, of_key)),
        "list": ColumnType(kind=Kind.LIST, parts=(of_fixed,)),
    }


@pytest.mark.parametrize("cut", range(1, 200, 7))
def test_a_damaged_footer_tells_nothing(tmp_path: Path, cut: int) -> None:
    pq.write_table(pa.table({"event_id": pa.array([KEY], pa.uuid())}), tmp_path / "f")
    data = bytearray((tmp_path / "f").read_bytes())
    for change in (0x00, 0xFF, 0x1C):
        data[-8 - cut] = change
        (tmp_path / "f").write_bytes(data)
        assert isinstance(known_columns(tmp_path / "f"), dict)
    (tmp_path / "f").write_bytes(data[:-cut])
    assert isinstance(known_columns(tmp_path / "f"), dict)


OF_DUCKDB = """
    UEFSMRUAFQoVCiwVAhUAFQYVBgAAAQAAAHgVABUYFRgsFQIVABUGFQYAAA4AAAADAAAA3AUAABUCGTw1ABgNZHVja2RiX3NjaGVtYRUEABUMJQ
    AYAmlwJQAAFQ4VGBUAGANvd24lKgAWAhkcGSwmABwVDBkVABkYAmlwFQAWAhYsFiwmCDwYAXgYAXgWACgBeBgBeBERABkcFQAVABUCAAAAJgAc
    FQ4ZFQAZGANvd24VABYCFjoWOiY0SRwVABUAFQIAAAAWZhYCJggWZgAZHBgcZHVja2RiLmludGVydmFsX2Jsb29tX2ZpbHRlchgNbm9ybWFsaX
    plZC12MQAYKER1Y2tEQiB2ZXJzaW9uIHYyLjAuMSAoYnVpbGQgOGQ3ODExNGU5MCkZLBwAABwAAAD6AAAAUEFSMQ==
"""
"""What DuckDB 2.0 writes for `select 'x' as ip, interval '14 months 3 days 1.5 seconds' as own`."""


def test_an_interval_is_no_bytes(tmp_path: Path) -> None:
    """Twelve of them, of which pyarrow knows no more."""
    (tmp_path / "f").write_bytes(base64.b64decode(OF_DUCKDB))
    assert [event.attributes for event in parquet(tmp_path / "f")] == [{"own": "P14M3DT1.5S"}]
