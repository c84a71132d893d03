"""How often Python is called for each event on its way out: exact counts, as timings would tell of the machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from omnivery import BotEvent, codec
from omnivery.automations.batch import EventWork
from omnivery.automations.report import SubmitReport
from omnivery.bulk.batch import Batch
from omnivery.bulk.report import RunState, RunTotals
from omnivery.bulk.target import RunTarget
from omnivery.events.encoded import CHECKED, LINE
from omnivery.transport.http import ApiResponse, Headers
from tests.support.bots import WEBHOOK
from tests.support.calls import calls

FIELDS: dict[str, Any] = {
    "ip": "203.0.113.7",
    "uas": "Mozilla/5.0",
    "action": "click",
    "domain": "example.com",
    "ts": 1_700_000_000,
    "message_ts": 1_699_999_000,
}
RESPONSE: ApiResponse[Any] = ApiResponse(
    data=None, status=200, headers=Headers(), request_id=None, elapsed=0.1, attempts=1, content=b""
)


def mapping(number: int) -> dict[str, Any]:
    return {**FIELDS, "event_id": f"e{number}", "campaign": "c1"}


def line(number: int) -> bytes:
    return codec.dumps(mapping(number))


KINDS: dict[str, Callable[[int], Any]] = {
    "mappings": mapping,
    "events": lambda number: BotEvent(**FIELDS, event_id=f"e{number}", attributes={"campaign": "c1"}),
    "lines": line,
    "lines of a file": lambda number: (LINE, line(number), number),
    "events of a log": lambda number: (CHECKED, line(number), f"e{number}"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("named", [False, True], ids=["", "journal"])
def test_no_event_costs_a_call(kind: str, *, named: bool) -> None:
    """From the reading of a batch to its outcome in the report."""
    pytest.importorskip("orjson")
    pytest.importorskip("msgspec")
    few, many = ([KINDS[kind](number) for number in range(count)] for count in (100, 500))
    sent(few, named=named)  # what is made at the first call
    assert calls(lambda: sent(many, named=named)) == calls(lambda: sent(few, named=named))


def sent(items: list[Any], *, named: bool) -> None:
    work, totals = EventWork(send=unsent, target=RunTarget({"webhook_url": WEBHOOK})), RunTotals[Any]()
    totals.read += len(items)
    batch = Batch[Any](work=work, number=1, items=items, start=0, named=named)
    assert isinstance(batch.next_request(), bytes)
    batch.accepted(RESPONSE)
    totals.add(batch.close(), counted=False, journalled=False)
    report = work.report(totals, RunState(elapsed=0.1, stopped_by=None, journal=None, waiting_since=None))
    assert isinstance(report, SubmitReport)
    assert report.accepted == len(items)


async def unsent(_: bytes) -> Any:
    raise AssertionError
