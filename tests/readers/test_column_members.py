"""Members of structs and maps in frames and Parquet, that `columns` names by paths."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from omnivery.errors import ConfigError
from omnivery.readers import _arrow as arrow_batches
from omnivery.readers import _parquet as parquet_file
from omnivery.readers import arrow, parquet

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

KEY = UUID("0192f3a4-5b6c-7d8e-9f00-112233445566")
REQUEST = {
    "ip": "::ffff:192.0.2.1",
    "at": datetime(2026, 5, 17, 10, 5, 3, 999_999, tzinfo=UTC),
    "key": KEY.bytes,
    "headers": [("User-Agent", "x"), ("Accept", "*/*")],
    "device": {"name": "phone", "user.agent": "y"},
}
TYPE = pa.struct(
    {
        "ip": pa.string(),
        "at": pa.timestamp("us", "UTC"),
        "key": pa.binary(16),
        "headers": pa.map_(pa.string(), pa.string()),
        "device": pa.struct({"name": pa.string(), "user.agent": pa.string()}),
    }
)
PATHS = {"request.ip": "ip", "request.at": "ts", "request.key": "event_id", "request.headers.User-Agent": "uas"}


def table() -> Any:
    return pa.table({"request": pa.array([REQUEST, None], TYPE), "campaign": ["spring", "may"]})


@pytest.fixture(params=["arro3.core", "pyarrow", "polars"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    pytest.importorskip(request.param)
    monkeypatch.setattr(arrow_batches, "installed", lambda name: name == request.param)
    monkeypatch.setattr(parquet_file, "installed", lambda name: name.startswith(request.param))
    return str(request.param)


def test_fields_may_lie_in_structs_and_maps(library: str, tmp_path: Path) -> None:
    """As BigQuery and Athena export records and headers: such a table was refused."""
    read = [arrow(table(), columns=PATHS)]
    if library != "arro3.core":
        pq.write_table(table(), tmp_path / "requests.parquet")
        read.append(parquet(tmp_path / "requests.parquet", columns=PATHS))
    for events in read:
        first, second = events
        assert (first.ip, first.uas, first.ts, first.event_id) == ("192.0.2.1", "x", 1_779_012_303, KEY.hex)
        assert first.attributes == {
            "campaign": "spring",
            "request": {"headers": {"Accept": "*/*"}, "device": {"name": "phone", "user.agent": "y"}},
        }
        assert (second.ip, second.uas, second.event_id) == (None, None, None)
        assert second.attributes == {"campaign": "may", "request": None}


def test_a_struct_of_which_all_is_taken_is_no_attribute(library: str) -> None:  # it is installed alone
    row = {"client": {"ip": "192.0.2.1", "agent": {"text": "x"}}, "id": 7}
    paths = {"client.ip": "ip", "client.agent.text": "uas", "id": "event_id"}
    (event,) = arrow(pa.table({name: [value] for name, value in row.items()}), columns=paths)
    assert event.to_fields() == {"ip": "192.0.2.1", "uas": "x", "event_id": "7"}


def test_names_may_have_dots_themselves() -> None:
    (event, _) = arrow(table(), columns={**PATHS, "request.device.user.agent": "message_id"})
    assert event.message_id == "y"
    named = pa.table({"request.ip": ["192.0.2.2"], "request": pa.array([REQUEST], TYPE)})
    (event,) = arrow(named, columns={"request.ip": "ip"})
    assert event.ip == "192.0.2.2"


@pytest.mark.parametrize("path", ["request.port", "request.ip.port", "campaign.name", "request.", ".ip", "other.ip"])
def test_a_path_that_leads_nowhere_is_refused(path: str) -> None:
    with pytest.raises(ConfigError, match="has no column"):
        arrow(table(), columns={path: "ip"})
