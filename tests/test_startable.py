"""What is started and stopped: also by a block, and by one that is cancelled."""

from __future__ import annotations

import anyio
import pytest

from omnivery._startable import Startable


class Server(Startable):
    """Knows whether it runs."""

    running = False

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False


def test_a_block_starts_and_stops_it_whatever_happens_inside() -> None:
    server = Server()
    with server as entered:
        assert entered is server
        assert server.running
    assert not server.running
    with pytest.raises(ZeroDivisionError), server:
        raise ZeroDivisionError
    assert not server.running


@pytest.mark.anyio
async def test_it_is_stopped_by_a_block_that_is_cancelled_too() -> None:
    """A server that outlives its test holds its port."""
    server = Server()
    with anyio.CancelScope() as scope:
        async with server:
            assert server.running
            scope.cancel()
            await anyio.sleep_forever()
    assert not server.running
