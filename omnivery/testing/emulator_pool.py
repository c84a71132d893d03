"""The emulators of a test session."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from omnivery.emulator import Emulator
from omnivery.errors import ConfigError


class EmulatorPool:
    """Running emulators, one for each set of options. Starting one takes longer than most tests, resetting does not.

    Tests use one after the other: an emulator that is taken must no longer be in use.
    """

    def __init__(self) -> None:
        self._running: list[tuple[Mapping[str, Any], Emulator]] = []
        self._stack = ExitStack()

    def take(self, options: Mapping[str, Any]) -> Emulator:
        """Return a running emulator with these options and without any records.

        Raises:
            ConfigError: the emulator cannot be started.
        """
        for known, emulator in self._running:
            if known == options:
                emulator.faults = known.get("faults")
                emulator.reset()
                _ensure_running(emulator)
                return emulator
        started = self._stack.enter_context(Emulator(**options))
        self._running.append((dict(options), started))
        return started

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def _ensure_running(emulator: Emulator) -> None:
    try:
        _ = emulator.automations_url
    except ConfigError:  # a test has stopped it, to see what its program does then
        emulator.start()
