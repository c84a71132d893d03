"""The pytest plugin: an emulator for each test, and clients that use it. Nothing is imported before it is used.

The fixtures are synchronous, those of asynchronous clients, too: pytest-asyncio in either mode, anyio's plugin and
unittest all take them, and no event loop is needed to create or close them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from omnivery.automations import AsyncAutomations, Automations
    from omnivery.emulator import Emulator
    from omnivery.mailgun import AsyncMailgun, Mailgun
    from omnivery.testing.emulator_pool import EmulatorPool
    from omnivery.testing.recorder import Recorder

MARKER = "omnivery_emulator"
"""Name of the marker whose keyword arguments are options of `Emulator`."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", f"{MARKER}(**options): options of the test's emulator, as of `Emulator`.")


@pytest.fixture(scope="session")
def _omnivery_emulators() -> Iterator[EmulatorPool]:
    """The emulators of the session: one for each set of options."""
    from omnivery.testing.emulator_pool import EmulatorPool

    with EmulatorPool() as pool:
        yield pool


@pytest.fixture
def omnivery_emulator_options() -> Mapping[str, Any]:
    """Options of the emulator, as of `omnivery.emulator.Emulator`: override this fixture to set them.

    A test's own are those of the marker: `@pytest.mark.omnivery_emulator(single="later")`.
    """
    return {}


@pytest.fixture
def omnivery_emulator(
    request: pytest.FixtureRequest,
    omnivery_emulator_options: Mapping[str, Any],
    _omnivery_emulators: EmulatorPool,
) -> Iterator[Emulator]:
    """An emulator of both APIs without any records. The environment leads clients without arguments to it.

    Tests with the same options share one server, which is reset before each.
    """
    import os
    from unittest import mock

    options = dict(omnivery_emulator_options)
    for mark in reversed(list(request.node.iter_markers(MARKER))):
        options |= mark.kwargs
    emulator = _omnivery_emulators.take(options)
    with mock.patch.dict(os.environ, emulator.environment):
        yield emulator


@pytest.fixture
def mailgun(omnivery_emulator: Emulator) -> Iterator[Mailgun]:
    """A `Mailgun` client of the emulator, with all its keys. It retries without long waits."""
    from omnivery.mailgun import Mailgun
    from omnivery.testing.client_options import QUICK

    with Mailgun(retry=QUICK) as client:
        yield client


@pytest.fixture
def automations(omnivery_emulator: Emulator) -> Iterator[Automations]:
    """An `Automations` client of the emulator. Verdicts come to the emulator's own receiver."""
    from omnivery.automations import Automations
    from omnivery.testing.client_options import QUICK

    with Automations(retry=QUICK) as client:
        yield client


@pytest.fixture
def async_mailgun(omnivery_emulator: Emulator) -> AsyncMailgun:
    """The asynchronous twin of `mailgun`, for any event loop. Nobody has to close it: it keeps no connection."""
    from omnivery.mailgun import AsyncMailgun
    from omnivery.testing.client_options import NO_IDLE_CONNECTIONS, QUICK

    return AsyncMailgun(retry=QUICK, limits=NO_IDLE_CONNECTIONS)


@pytest.fixture
def async_automations(omnivery_emulator: Emulator) -> AsyncAutomations:
    """The asynchronous twin of `automations`, for any event loop. Nobody has to close it: it keeps no connection."""
    from omnivery.automations import AsyncAutomations
    from omnivery.testing.client_options import NO_IDLE_CONNECTIONS, QUICK

    return AsyncAutomations(retry=QUICK, limits=NO_IDLE_CONNECTIONS)


@pytest.fixture
def omnivery_recorder() -> Iterator[Recorder]:
    """A recorder of the calls that this process makes during the test, by any client, to any server."""
    from omnivery.testing.recorder import Recorder

    with Recorder() as recorder:
        yield recorder
