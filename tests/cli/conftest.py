"""One emulator for the commands of a module: each test names its own domains and addresses."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from typing import Protocol

import pytest

from omnivery.emulator import Emulator
from tests.support.cli import in_process, settings_of


class Command(Protocol):
    """The command, led to the emulator."""

    def __call__(
        self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]: ...


@pytest.fixture(scope="module")
def server() -> Iterator[Emulator]:
    with Emulator(webhook_retry_delays=()) as emulator:
        yield emulator


@pytest.fixture
def command(server: Emulator) -> Command:
    """Runs the command with all keys of the emulator; an empty text takes one away."""

    def run(
        *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        return in_process(*arguments, stdin=stdin, environment={**settings_of(server), **(environment or {})})

    return run
