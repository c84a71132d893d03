"""The emulator's server thread: the app on an event loop of its own, with the webhook sender beside it."""

from __future__ import annotations

from typing import Any

from omnivery._server import Protocol, Server, ServerThread
from omnivery.emulator.app import build_app
from omnivery.emulator.state import State


class EmulatorThread(ServerThread):
    """One run of the emulator.

    Args:
        host: host name or IP address to listen on.
        port: port to listen on; 0 takes a free one.
        state: the state that the routes work with.

    Raises:
        ConfigError: the port is taken or out of range, or the host is not one of this machine.
    """

    def __init__(self, host: str, port: int, state: State) -> None:
        self.state = state
        app = build_app(state)
        server = Server(app, host=host, port=port, stopping=self._release_requests, protocol=_Protocol)
        super().__init__(server, name="omnivery-emulator")

    async def _release_requests(self) -> None:
        # Requests that wait for a delay or for the webhook sender would outlast the time to finish.
        self.state.stopping.set()
        self.state.store.changes.end()
        await self.state.webhook_sender.stop()


class _Protocol(Protocol):
    """Gives the app access to the connection, which some faults cut."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}
