"""Shared fixtures. Every test marked `anyio` runs on asyncio and on trio: the core promises both."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.wire import release_wire


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The event loop under test."""
    return str(request.param)


@pytest.fixture(autouse=True)
def _wire_of_one_test() -> Iterator[None]:
    """What one test has respond to its requests does not respond to those of the next."""
    yield
    release_wire()


SETTINGS = (
    *("API_KEY", "SENDING_KEY", "TOKEN", "DOMAIN", "REGION"),
    *("MAILGUN_URL", "AUTOMATIONS_URL", "WEBHOOK_URL", "LOG"),
)


def pytest_configure() -> None:
    """Programs that a shell starts in the background ignore Ctrl-C, and so do their children, who are to be tested."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in SETTINGS:  # tests must not see the developer's own account
        os.environ.pop(f"OMNIVERY_{name}", None)
    # A busy machine is no failure: 200 ms for an example and a second for the first ten are what hypothesis allows.
    settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("patient")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Share the compilation of all test modules between the processes of pytest-xdist, before each collects them.

    Each begins with another part of them, and finds the rest compiled by the others.
    """
    worker = getattr(session.config, "workerinput", None)
    if worker is None or sys.dont_write_bytecode or session.config.args_source.name != "TESTPATHS":
        return
    here = Path(__file__).parent
    left_out = {here / name for name in session.config.getini("norecursedirs")}
    files = [file for file in sorted(here.rglob("test_*.py")) if left_out.isdisjoint(file.parents)]
    first = len(files) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
    for file in files[first:] + files[:first]:
        with suppress(Exception, pytest.skip.Exception):  # the collection reports what cannot be imported
            importlib.import_module(".".join(file.relative_to(here.parent).with_suffix("").parts))


def pytest_collection_finish() -> None:
    """Keep the garbage collector from going through thousands of collected tests again and again."""
    gc.collect()
    gc.freeze()
