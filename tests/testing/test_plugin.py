"""The pytest plugin as users run it: in strict and auto mode of pytest-asyncio, under anyio and unittest.

Each test here runs a whole pytest of its own within this process. The session `examples` has another one with xdist.
"""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from omnivery.testing import emulator_pool as _loaded_once  # noqa: F401  # pytester forgets what the inner run imports

pytest_plugins = ("pytester",)

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
IS_INSTALLED = bool(entry_points(group="pytest11", name="omnivery"))
"""False where the package is used from its folder, without being installed."""
OPTIONS = (
    "-Werror",
    "-pno:cacheprovider",
    "-pno:hypothesispytest",  # it takes longer than all the rest
    *(() if IS_INSTALLED else ("-pomnivery.testing.plugin",)),
)
INI = """
[pytest]
asyncio_default_fixture_loop_scope = function
"""

EVERYDAY = """
import asyncio, os, subprocess, sys, unittest
from unittest import mock

import anyio
import pytest

from omnivery import AsyncAutomations, AsyncMailgun, Automations, Mailgun, errors, testing
from omnivery.emulator import Emulator

USED = []


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


def test_clients_without_arguments_reach_the_emulator(omnivery_emulator, mailgun, automations):
    mailgun.messages.send(testing.message())
    with Mailgun() as other:
        other.messages.send(testing.message(to="bob@example.com"))
    automations.bots.submit(testing.bot_event() for _ in range(3))
    omnivery_emulator.wait_idle()
    assert len(omnivery_emulator.messages) == 2
    assert [verdict.is_bot for verdict in omnivery_emulator.verdicts] == [False] * 3
    USED.append(omnivery_emulator)


def test_nothing_is_left_of_the_test_before(omnivery_emulator):
    assert omnivery_emulator in USED, "one server serves them all"
    assert (omnivery_emulator.messages, omnivery_emulator.bot_events, omnivery_emulator.requests) == ([], [], [])
    omnivery_emulator.fail_next("*", status=500, times=99)
    omnivery_emulator.faults = "500=100%"


def test_no_fault_is_left_either(async_mailgun):
    for run in (asyncio.run, anyio.run):
        run(send_and_close(async_mailgun)) if run is asyncio.run else run(send_and_close, async_mailgun)


async def send_and_close(client):
    await client.messages.send(testing.message())


def test_the_environment_is_put_back():
    assert not [name for name in os.environ if name.startswith("OMNIVERY_")]


def test_retries_do_not_wait(omnivery_emulator, mailgun, omnivery_recorder):
    omnivery_emulator.fail_next("domains.list", status=503, times=3)
    mailgun.domains.list().first()
    (call,) = omnivery_recorder.assert_called("mailgun.domains.list", times=1)
    assert call.attempts == 4


def test_a_service_that_is_gone(omnivery_emulator, mailgun):
    omnivery_emulator.stop()
    with pytest.raises(errors.NotSentError):
        mailgun.domains.list().first()


def test_it_is_back_for_the_next_test(mailgun):
    assert mailgun.domains.list().first()


@pytest.mark.asyncio
async def test_asyncio(omnivery_emulator, async_mailgun, async_automations):
    await asyncio.gather(*(async_mailgun.messages.send(testing.message()) for _ in range(20)))
    report = await async_automations.bots.submit(testing.bot_event() for _ in range(1200))
    assert (report.accepted, len(omnivery_emulator.messages)) == (1200, 20)


@pytest.mark.anyio
async def test_anyio(omnivery_emulator, async_mailgun, async_automations):
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(async_mailgun.messages.send, testing.message())
    await async_automations.bots.check(testing.bot_event())
    with anyio.move_on_after(0.05):
        omnivery_emulator.fail_next("messages", delay=5)
        await async_mailgun.messages.send(testing.message())
    assert len(omnivery_emulator.bot_events) == 1


@pytest.mark.usefixtures("omnivery_emulator")
class TestUnittest(unittest.TestCase):
    def test_case(self):
        with Automations() as client:
            client.bots.check(testing.bot_event())


class TestWithoutPlugin(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.emulator = cls.enterClassContext(Emulator())

    def setUp(self):
        self.emulator.reset()
        self.enterContext(mock.patch.dict(os.environ, self.emulator.environment))

    async def test_coroutine(self):
        async with AsyncMailgun() as client:
            await client.messages.send(testing.message())
        assert len(self.emulator.messages) == 1


@pytest.mark.omnivery_emulator(single="later", result_delay=0)
class TestOptions:
    def test_of_a_class(self, automations):
        assert automations.bots.wait(automations.bots.check(testing.bot_event())).is_bot is False

    @pytest.mark.omnivery_emulator(domain="other.example.com", single="now")
    def test_of_a_test_come_last(self, omnivery_emulator, automations):
        assert automations.bots.check(testing.bot_event()).is_bot is False
        assert omnivery_emulator.domain == "other.example.com"
"""


def test_everyday_use_in_strict_mode(pytester: pytest.Pytester) -> None:
    """Warnings are errors in there, so a connection or a loop that is left open fails a test."""
    pytester.makeini(INI)
    pytester.makepyfile(EVERYDAY)
    pytester.runpytest_inprocess(*OPTIONS).assert_outcomes(passed=14)


AUTO = """
import pytest
from omnivery import testing


@pytest.fixture
def omnivery_emulator_options():
    return {"domain": "auto.example.com"}


@pytest.fixture
async def sent(async_mailgun):
    yield await async_mailgun.messages.send(testing.message(from_="news@auto.example.com"))
    await async_mailgun.domains.list()


async def test_auto(sent, omnivery_emulator, async_automations):
    assert omnivery_emulator.messages[0].id == sent.id
    await async_automations.bots.check(testing.bot_event())


async def test_again(sent, omnivery_emulator):
    assert len(omnivery_emulator.messages) == 1
"""


def test_auto_mode_and_options_of_a_module(pytester: pytest.Pytester) -> None:
    pytester.makeini(f"{INI}asyncio_mode = auto")
    pytester.makepyfile(AUTO)
    pytester.runpytest_inprocess(*OPTIONS).assert_outcomes(passed=2)


def test_each_example_of_the_page_runs_alone(pytester: pytest.Pytester) -> None:
    """As it stands, pasted into a file of its own."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    pytester.makeini(INI)
    pytester.makepyfile(**{f"test_block_{number}": block for number, block in enumerate(blocks)})
    result = pytester.runpytest_inprocess(*OPTIONS)
    result.assert_outcomes(passed=sum(block.count("def test_") for block in blocks) + 1)  # one on both event loops


def test_users_who_do_not_use_it_pay_nothing() -> None:
    """pytest loads every plugin that is installed, in every run of every project."""
    script = (
        "import sys, pytest; known = {*sys.modules}; import omnivery.testing.plugin; print(*{*sys.modules} - known)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"omnivery", "omnivery._lazy", "omnivery.testing", "omnivery.testing.plugin"}
