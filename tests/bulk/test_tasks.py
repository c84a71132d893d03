"""Tasks of a run live in a task of their own, so that any task of the loop may leave what another one entered."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from omnivery import Message
from omnivery.automations import AsyncEventWriter
from omnivery.bulk.tasks import RunTasks
from omnivery.emulator import Emulator
from omnivery.errors import ConfigError
from omnivery.webhooks import BotVerdicts, Listener, Receiver
from tests.support.bots import Server, client_of, endless, event, events, run_of
from tests.support.writer import Recorder, assert_settled, put_all, writer_of

TEXT = Message(from_="news@mail.example.com", to="ann@example.com", subject="s", text="t")


async def in_a_task_of_its_own(work: Callable[[], Awaitable[Any]]) -> Any:
    """What pytest-asyncio does with each half of a fixture: when this returns, the task has ended."""
    results: list[Any] = []

    async def run() -> None:
        results.append(await work())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
    return results[0]


async def a_client(emu: Emulator, held: Any) -> None:
    assert (await held.account.test()).role == "sending"


async def a_writer(emu: Emulator, held: Any) -> None:
    await held.put(event())
    assert (await held.flush()).accepted == 1


async def a_stream(emu: Emulator, held: Any) -> None:
    assert [len(outcome.accepted) async for outcome in held] == [500, 500, 200]


async def a_stream_of_mail(emu: Emulator, held: Any) -> None:
    assert len([outcome async for outcome in held]) == 3


async def a_server(emu: Emulator, held: Any) -> None:
    async with client_of(emu) as client:
        assert (await client.bots.submit(events(1))).accepted == 1


HELD: list[tuple[Callable[[Emulator, Any], Any], Callable[[Emulator, Any], Awaitable[None]]]] = [
    (lambda emu, client: client, a_client),
    (lambda emu, client: client.bots.writer(), a_writer),
    (lambda emu, client: client.bots.stream(events(1200), concurrency=1), a_stream),
    (lambda emu, client: client.messages.stream([TEXT] * 3), a_stream_of_mail),
    (lambda emu, client: Listener(Receiver(print, "key", accepts=BotVerdicts)), a_server),
    (lambda emu, client: Emulator(), a_server),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("make", "use"), HELD)
async def test_one_task_enters_another_uses_and_a_third_leaves(make: Any, use: Any) -> None:
    """So a pytest fixture may hold it: pytest-asyncio sets up and tears down in tasks of their own."""
    async with Emulator() as emu, client_of(emu) as client:
        held = make(emu, client)
        await in_a_task_of_its_own(held.__aenter__)
        await in_a_task_of_its_own(lambda: use(emu, held))
        await in_a_task_of_its_own(lambda: held.__aexit__(None, None, None))


@pytest.mark.anyio
async def test_a_stream_that_another_task_leaves_early_accounts_for_every_event() -> None:
    server = Server(takes=1)
    run = run_of(endless(), server)
    await in_a_task_of_its_own(run.__aenter__)
    assert (await in_a_task_of_its_own(run.__anext__)).accepted
    await in_a_task_of_its_own(lambda: run.__aexit__(None, None, None))
    assert run.report.accepted == 500
    assert run.report.accepted + run.report.undelivered == run.report.read
    assert server.hanging == 0


@pytest.mark.anyio
async def test_a_task_that_ends_leaves_its_writer_to_the_others() -> None:
    """Its tasks are none of that task's: they would have been cancelled, or waited for, with it."""
    server = Recorder()
    writer = writer_of(server)
    with anyio.CancelScope() as scope:
        await writer.__aenter__()
        scope.cancel()
        await anyio.lowlevel.checkpoint()
    await put_all(writer, 3)
    await writer.__aexit__(None, None, None)
    assert_settled(writer, put=3)
    assert writer.report.accepted == 3


@pytest.mark.anyio
async def test_what_a_task_raises_comes_out_on_closing_and_ends_the_others() -> None:
    ended: list[str] = []

    async def fail() -> None:
        raise ZeroDivisionError

    async def wait() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("wait")

    tasks = RunTasks(noun="the test")
    await tasks.open()
    tasks.start_soon(wait)
    tasks.start_soon(fail)
    with pytest.raises(ZeroDivisionError):
        await tasks.close()
    assert ended == ["wait"]
    with pytest.raises(ZeroDivisionError):
        tasks.raise_error()


@pytest.mark.asyncio
async def test_closing_that_asyncio_cancels_ends_the_tasks_first() -> None:
    ended: list[str] = []

    async def wait() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("wait")

    tasks = RunTasks(noun="the test")
    await tasks.open()
    tasks.start_soon(wait)
    closing = asyncio.create_task(tasks.close())
    await anyio.wait_all_tasks_blocked()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert ended == ["wait"]


@pytest.mark.asyncio
async def test_entering_that_asyncio_cancels_leaves_no_task_behind() -> None:
    before = asyncio.all_tasks()
    entering = asyncio.create_task(run_of(endless(), Server(takes=0)).__aenter__())
    await asyncio.sleep(0)
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    async with asyncio.timeout(30):
        while asyncio.all_tasks() != before:  # noqa: ASYNC110  # tasks of others have no event
            await asyncio.sleep(0.001)


def test_leaving_in_another_event_loop_is_refused_in_words() -> None:
    """What a fixture and a test with loops of their own meet: it would wait for a loop that does not run."""
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    writer, run = writer_of(Recorder()), run_of(endless(), Server(takes=0))
    for held in (writer, run):
        first.run_until_complete(held.__aenter__())
        with pytest.raises(ConfigError, match=r"entered in another event loop than this one.*loop_scope"):
            second.run_until_complete(held.__aexit__(None, None, None))
        first.run_until_complete(held.__aexit__(None, None, None))
    second.close()
    first.close()


def test_a_writer_that_nobody_leaves_ends_with_its_loop_and_tells_it(
    anyio_backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It does not keep the loop from ending."""
    writers: list[AsyncEventWriter] = []

    async def main() -> None:
        writers.append(await writer_of(Recorder()).__aenter__())
        await put_all(writers[0], 3)

    anyio.run(main, backend=anyio_backend)
    assert_settled(writers[0], put=3)
    assert "a writer ended; events undelivered: 3" in caplog.text


PROGRAM = """
import os, signal, sys
import anyio
from omnivery.automations import AsyncEventWriter
from tests.support.bots import event
from tests.support.writer import writer_of

def interrupt():
    os.kill(os.getpid(), signal.SIGINT)

async def post(body):
    if sys.argv[2] == "sending":
        interrupt()
    await anyio.lowlevel.checkpoint()
    return 1

class Writer(AsyncEventWriter):
    def _settle(self, outcome):
        if sys.argv[2] == "settling":
            interrupt()
        super()._settle(outcome)

async def main():
    made = writer_of(post, linger=0.0)
    async with Writer(options=made.options, source=made.source, run=made.run) as writer:
        try:
            await writer.put(event())
            await anyio.sleep_forever()
        finally:
            print("interrupted")
    print("not reached")

try:
    anyio.run(main, backend=sys.argv[1])
except KeyboardInterrupt:
    print("out")
"""


@pytest.mark.skipif(os.name != "posix", reason="a process sends itself a signal")
@pytest.mark.parametrize("moment", ["sending", "settling"])
def test_ctrl_c_reaches_the_block_and_not_the_writers_tasks(anyio_backend: str, moment: str) -> None:
    """trio raises it in whatever task runs: it would end the writer, and the program would go on."""
    program = [sys.executable, "-W", "error", "-c", PROGRAM, anyio_backend, moment]
    ended = subprocess.run(
        program, capture_output=True, cwd=Path(__file__).parents[2], timeout=60, check=False, text=True
    )
    assert (ended.stdout.split("\n"), ended.stderr) == (["interrupted", "out", ""], "")
