"""The emulator's server thread: the application on an event loop of its own, with the courier beside it."""

from __future__ import annotations

from typing import Any

from omnivery._server import Protocol, ServerThread
from omnivery.emulator.app import build_app
from omnivery.emulator.state import State


class EmulatorThread(ServerThread):
    """One run of the emulator.

    Args:
        host: address to listen on.
        port: port to listen on; a free one for 0.
        site: what the routes work with.

    Raises:
        ConfigError: the port is taken or is none, or the host is no address of this machine.
    """

    def __init__(self, host: str, port: int, site: State) -> None:
        self.site = site
        super().__init__(
            host, port, build_app(site), name="omnivery-emulator", stopping=self._let_go, protocol=_Protocol
        )

    async def _let_go(self) -> None:
        # Requests that wait for a delay or for the courier would outlast the time of grace.
        self.site.stopping.set()
        await self.site.courier.stop()


class _Protocol(Protocol):
    """Shows the connection to the application, which has to cut it at times."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}
