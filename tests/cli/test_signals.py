"""SIGTERM: what a command began is cleaned up."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from omnivery.cli.failure import failure_of
from omnivery.cli.signals import Terminated, terminable

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")


def test_sigterm_raises_within_the_block_and_is_as_before_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    cleaned = False

    def work() -> None:
        nonlocal cleaned
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.sigtimedwait([], 1)  # where the signal is handled, if not before
        finally:
            os.kill(os.getpid(), signal.SIGTERM)  # impatience does not end the cleaning up
            cleaned = True

    with pytest.raises(Terminated), terminable():
        work()
    assert cleaned
    assert signal.getsignal(signal.SIGTERM) == before


def test_in_another_thread_nothing_is_changed() -> None:
    """Only the main thread may."""
    faults: list[BaseException] = []

    def work() -> None:
        try:
            with terminable():
                pass
        except BaseException as error:  # noqa: BLE001  # whatever it is, the main thread shows it
            faults.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert faults == []


def test_the_exit_status_says_which_signal_it_was() -> None:
    failure = failure_of(Terminated("half done"))
    assert failure is not None
    assert (failure.status, failure.message) == (143, "half done")
