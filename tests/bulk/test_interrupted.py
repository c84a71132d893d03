"""Ended by the world around it, asyncio's own cancellation or Ctrl-C: a run stops at once, and its account is whole."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from omnivery.automations.run import AsyncBulkRun
from tests.support.bots import (
    Server,
    assert_ended,
    endless,
    finish,
    run_of,
)
from tests.support.clocks import pass_time


def endings_of_asyncio() -> list[Any]:
    """Each ends the run when both of its requests hang, however long it took until then."""

    async def by_timeout(run: AsyncBulkRun, server: Server) -> None:
        server.on_hanging = lambda hanging: pass_time(500 * hanging)
        async with asyncio.timeout(1000):
            await finish(run)

    async def by_wait_for(run: AsyncBulkRun, server: Server) -> None:
        server.on_hanging = lambda hanging: pass_time(500 * hanging)
        await asyncio.wait_for(finish(run), 1000)

    async def by_cancel(run: AsyncBulkRun, server: Server) -> None:
        task = asyncio.create_task(finish(run))
        server.on_hanging = lambda hanging: hanging == 2 and task.cancel()
        await task

    return [(by_timeout, TimeoutError), (by_wait_for, TimeoutError), (by_cancel, asyncio.CancelledError)]


@pytest.mark.asyncio
@pytest.mark.parametrize(("end", "error"), endings_of_asyncio())
async def test_asyncio_s_own_cancellation_is_not_swallowed(end: Any, error: type[BaseException]) -> None:
    """It is not anyio's: it has no scope to belong to, and must come out all the same, and leave nothing behind."""
    server = Server(takes=1)
    run = run_of(endless(), server)
    with pytest.raises(error):
        await end(run, server)
    assert_ended(run, server, accepted=500)
    task = asyncio.current_task()
    # A count left behind would make the next `asyncio.timeout` take itself for cancelled from outside.
    assert task is not None
    assert task.cancelling() == 0


@pytest.mark.asyncio
async def test_a_bug_below_the_run_leaves_no_cancellation_behind() -> None:
    """asyncio counts cancellations: one left over would make a later timeout in the same task pass unseen."""

    async def post(_: bytes) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await finish(run_of(endless(), post, concurrency=4))
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


PROGRAM = """
import asyncio, json, os, signal, sys
import anyio
from tests.support.bots import endless, run_of

async def post(body):
    await anyio.lowlevel.checkpoint()
    post.seen += 1
    if post.seen == 4:
        os.kill(os.getpid(), signal.SIGINT)
    if post.seen >= 4:
        await anyio.sleep_forever()
    return 1

async def main():
    run = run_of(endless(), post, concurrency=3)
    try:
        async with run:
            async for _ in run:
                pass
    finally:
        report = run.report
        given_back = len(report.undelivered_events())
        print(json.dumps([report.read, report.accepted, report.rejected, report.undelivered, given_back]))

post.seen = 0
if sys.argv[1] == "asyncio":
    asyncio.run(main())
else:
    anyio.run(main, backend=sys.argv[1])
"""


def test_ctrl_c_leaves_a_whole_account(anyio_backend: str) -> None:
    """The operator's way out of a long run: it ends at once, and what is written down can be resumed from."""
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, anyio_backend],
        capture_output=True,
        cwd=Path(__file__).parents[2],
        timeout=60,
        check=False,
        text=True,
    )
    read, accepted, rejected, undelivered, given_back = json.loads(ended.stdout)
    assert accepted + rejected + undelivered == read
    assert given_back == undelivered > 0
    assert (accepted, rejected) == (1500, 0)
    assert ended.returncode == -signal.SIGINT
    assert ended.stderr.rstrip().endswith("KeyboardInterrupt")


LEFT_BY_EXIT = """
import asyncio, sys
from anyio import to_thread
from tests.support.bots import event, run_of

async def post(body):
    return 1

def source():
    yield event(1)
    sys.exit(3)

async def main():
    await to_thread.run_sync(int)  # as a journal does, which leaves a thread that waits for more
    async with run_of(source(), post) as run:
        async for _ in run:
            pass

asyncio.run(main())
"""


def test_an_exit_amid_a_run_ends_the_process() -> None:
    """A service whose handler of SIGTERM calls `sys.exit` gets it wherever the program is, so also amid its source."""
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", LEFT_BY_EXIT],
        capture_output=True,
        cwd=Path(__file__).parents[2],
        timeout=60,
        check=False,
        text=True,
    )
    assert ended.returncode == 3
