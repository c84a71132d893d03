"""What ends a run: of several reasons, the first one counts."""

from __future__ import annotations

import anyio
import pytest

from omnivery.errors import BulkError
from tests.bulk.test_pool import run_in_time, virtually
from tests.support.bots import endless, refusal


def test_of_two_faults_of_ours_the_first_is_told() -> None:
    calls: list[int] = []

    async def post(_: bytes) -> int:
        calls.append(1)
        number = len(calls)
        await anyio.sleep(number)
        raise LookupError(number)

    with pytest.raises(BulkError, match="sending raised LookupError") as told:
        virtually(lambda: run_in_time(endless(), post).finish())
    assert str(told.value.__cause__) == "1"


def test_the_first_reason_to_stop_is_the_one_that_is_told() -> None:
    errors = iter([refusal(401), refusal(403)])

    async def post(_: bytes) -> int:
        error = next(errors)
        await anyio.sleep(1.0 if error.status == 401 else 2.0)
        raise error

    report = virtually(lambda: run_in_time(endless(), post, concurrency=2).finish())
    assert (str(report.stopped_by).partition(" ")[0], report.undelivered) == (str(refusal(401)).partition(" ")[0], 1000)
    assert [getattr(failure.error, "status", None) for failure in report.failures] == [401, 403]
