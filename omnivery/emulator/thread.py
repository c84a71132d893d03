"""The server thread: uvicorn on an event loop of its own, with the courier beside it."""

from __future__ import annotations

import asyncio
import os
import socket
import threading

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from omnivery.emulator.app import build_app
from omnivery.emulator.site import Site
from omnivery.errors import ConfigError

STARTUP = 10.0
"""Seconds within which the server must be up."""
GRACE = 1
"""Seconds that requests under way have left when the server stops."""
KEEP_ALIVE = 75
"""Seconds that an idle connection is kept: longer than clients do, so that they meet none that went stale."""


def listen(host: str, port: int) -> socket.socket:
    """Open the port before the server exists, so that it is known and its refusal reaches the caller.

    Raises:
        ConfigError: the port is taken, or the host is no address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Not socket.create_server(): its `proto` is 0, and asyncio then leaves out TCP_NODELAY. Head and body of an answer
    # are two writes, and without it the second waits 40 ms for the client's delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise ConfigError(f"cannot listen on host {host!r}, port {port}: {error.strerror}") from error
    return listener


class ServerThread:
    """One run of the server.

    Args:
        listener: the open port; the server closes it.
        site: what the routes work with.
    """

    def __init__(self, listener: socket.socket, site: Site) -> None:
        self.port: int = listener.getsockname()[1]
        self.site = site
        self._listener = listener
        self._server = _Server(site)
        self._thread = threading.Thread(target=self._run, name="omnivery-emulator", daemon=True)

    def start(self) -> None:
        """Start it, and return when it answers."""
        self._thread.start()
        if not self._server.up.wait(STARTUP):
            raise ConfigError(f"the emulator did not start within {STARTUP:.0f} seconds")

    def stop(self) -> None:
        """Stop it, and return when its thread has ended."""
        self._server.should_exit = True
        self._thread.join()

    def _run(self) -> None:
        self._server.run(sockets=[self._listener])


class _Server(uvicorn.Server):
    def __init__(self, site: Site) -> None:
        config = uvicorn.Config(
            build_app(site),
            http=_Protocol,
            loop="asyncio",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="warning",
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=GRACE,
        )
        super().__init__(config)
        self.up = threading.Event()
        self._site = site

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # First let go the requests that wait for a delay, for the courier or for the rest of themselves: they would
        # outlast the time of grace.
        self._site.stopping.set()
        await self._site.courier.stop()
        connections: list[object] = list(self.server_state.connections)
        for connection in connections:
            if isinstance(connection, _Protocol) and connection.receiving:
                connection.transport.abort()
        await super().shutdown(sockets)


class _Protocol(H11Protocol):
    """Shows the connection to the application, which has to cut it at times."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}
        # Quiet for this server alone: uvicorn's own option empties the access log of the whole process.
        self.access_log = False

    @property
    def receiving(self) -> bool:
        """Whether a request is here in part."""
        return bool(getattr(self.cycle, "more_body", False))  # no cycle before the first, whatever its type says
