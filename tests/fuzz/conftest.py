"""An emulator for requests of every kind. Not part of the ordinary suite: `nox -s fuzz` runs `pytest tests/fuzz`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from omnivery.emulator import Emulator
from tests.fuzz.prober import Prober, Problems
from tests.fuzz.routes import endpoints

COUNTS: pytest.StashKey[Counter[int | None]] = pytest.StashKey()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each route of the emulator is a test of its own, so that a new one needs no line here."""
    for name in {"endpoint", "writing_endpoint"} & set(metafunc.fixturenames):
        with Emulator() as emulator:
            found = endpoints(emulator)
        if name == "writing_endpoint":
            found = [one for one in found if one.method not in {"GET", "HEAD"}]
        metafunc.parametrize(name, found, ids=lambda one: f"{one.method} {one.path}")


@pytest.fixture(scope="session")
def counts(request: pytest.FixtureRequest) -> Counter[int | None]:
    """Responses by status."""
    return request.config.stash.setdefault(COUNTS, Counter())


@pytest.fixture(scope="session")
def running() -> Iterator[Emulator]:
    with Emulator(webhook_retry_delays=(), max_events_kept=1000, max_messages_kept=50) as emulator:
        yield emulator


@pytest.fixture
def prober(running: Emulator, counts: Counter[int | None]) -> Iterator[Prober]:
    with Problems() as problems:
        made = Prober(running, problems, counts)
        made.prepare()
        yield made
        made.close()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the counts of one of several processes to the first."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["counts"] = list(session.config.stash.get(COUNTS, Counter()).items())


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take the counts of another process."""
    node.config.stash.setdefault(COUNTS, Counter()).update(dict(node.workeroutput.get("counts", ())))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how much was sent, so that a session that sends nothing is seen."""
    if counts := config.stash.get(COUNTS, Counter()):
        shown = ", ".join(f"{number} with {status}" for status, number in sorted(counts.items(), key=str))
        terminalreporter.write_line(f"{counts.total()} requests, beside those of schemathesis: {shown}")
