"""An ASGI app on a port of this machine: uvicorn in a thread of its own, or beside other work on the same event loop.

It is what the emulator, the command line and `omnivery.webhooks.Listener` stand on, and needs the extra `emulator`.
"""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from logging import Logger
from threading import Event, Thread
from typing import Any, TypeAlias

import anyio
import uvicorn
from anyio.abc import TaskStatus
from uvicorn.protocols.http.h11_impl import H11Protocol

from omnivery._fork import register_fork_reset
from omnivery._logging import get_logger
from omnivery.errors import ConfigError

App: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI 3 app."""

STARTUP = 10.0
"""Seconds within which a server must be up."""
GRACE = 1
"""Seconds that requests under way have left when a server stops."""
PATIENCE = 10.0
"""Seconds that its owner waits for a server which does not stop: something in its app blocks it."""
KEEP_ALIVE = 75
"""Seconds that an idle connection is kept: longer than clients do, so that they meet none that went stale."""

logger: Logger = get_logger("omnivery.server")


def listen(host: str, port: int) -> socket.socket:
    """Open the port before the server exists, so that it is known and its refusal reaches the caller.

    Raises:
        ConfigError: the port is taken or is none, or the host is no address of this machine.
    """
    if not 0 <= port <= 65535:  # noqa: PLR2004  # 16 bits, as everybody knows
        raise ConfigError(f"port must be from 0 to 65535, not {port}")
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


def address(host: str, listener: socket.socket) -> str:
    """The URL under which a server on that port is called."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"


class Protocol(H11Protocol):
    """A connection that keeps no access log, and tells whether a request is under way on it."""

    def connection_made(self, transport: Any) -> None:
        """Take up the connection."""
        super().connection_made(transport)
        # Quiet for this server alone: uvicorn's own option empties the access log of the whole process.
        self.access_log = False

    @property
    def receiving(self) -> bool:
        """Whether a request is here in part."""
        return bool(getattr(self.cycle, "more_body", False))  # no cycle before the first, whatever its type says


class Server(uvicorn.Server):
    """A server that leaves signals alone: they belong to whoever runs it.

    Args:
        app: what to serve.
        started: called when the server answers.
        stopping: awaited first when it stops, to let go what the app holds back.
        protocol: what handles a connection.
    """

    def __init__(
        self,
        app: App,
        *,
        started: Callable[[], None],
        stopping: Callable[[], Awaitable[None]] | None = None,
        protocol: type[Protocol] = Protocol,
    ) -> None:
        config = uvicorn.Config(
            app,
            http=protocol,
            loop="asyncio",
            ws="none",
            interface="asgi3",
            log_config=None,
            log_level="warning",
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=GRACE,
        )
        super().__init__(config)
        self._on_started = started
        self._on_stopping = stopping

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to answer."""
        try:
            await super().startup(sockets)
        except SystemExit:  # where the app's start-up fails, uvicorn ends the process: which is not its own here
            self.should_exit = True
        if self.started:
            self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, with a time of grace for requests that are whole: what waits for its own rest would outlast it."""
        if self._on_stopping:
            await self._on_stopping()
        connections: list[object] = list(self.server_state.connections)
        for connection in connections:
            if isinstance(connection, Protocol) and connection.receiving:
                connection.transport.abort()
        await super().shutdown(sockets)


class ServerThread:
    """One run of a server, in a daemon thread with an event loop of its own.

    A forked child has the object and no server: there, `stop` does nothing.

    Args:
        host: address to listen on.
        port: port to listen on; a free one for 0.
        app: what to serve.
        name: the thread's name.
        stopping: as in `Server`.
        protocol: as in `Server`.

    Raises:
        ConfigError: as `listen`.
    """

    def __init__(
        self,
        host: str,
        port: int,
        app: App,
        *,
        name: str,
        stopping: Callable[[], Awaitable[None]] | None = None,
        protocol: type[Protocol] = Protocol,
    ) -> None:
        self._settled = Event()
        self._server = Server(app, started=self._settled.set, stopping=stopping, protocol=protocol)
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._listener = listen(host, port)
        self.url: str = address(host, self._listener)
        register_fork_reset(self)

    def start(self) -> None:
        """Start it, and return when it answers.

        Raises:
            ConfigError: it did not start: the app's own start-up failed, or takes too long.
        """
        self._thread.start()
        self._settled.wait(STARTUP)
        if not self._server.started:
            self.stop()
            raise ConfigError(
                f"the server did not start within {STARTUP:.0f} seconds, or its app failed to: see the log"
            )

    def stop(self) -> None:
        """Stop it, and return when its thread has ended, or does not end in time."""
        self._server.should_exit = True
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            logger.warning("%s goes on: something in its app blocks the event loop", self._thread.name)

    def reset_after_fork(self) -> None:
        """In a forked child: close its copy of the port, which would stay open after the parent has closed it."""
        self._listener.close()

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._listener])
        finally:
            self._listener.close()
            self._settled.set()


@asynccontextmanager
async def serving(app: App, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve the app while the block runs, and give its address.

    Raises:
        ConfigError: the port is taken or is none, or the host is no address of this machine.
    """
    listener = listen(host, port)
    servers: list[Server] = []

    async def serve(*, task_status: TaskStatus[None]) -> None:
        servers.append(Server(app, started=task_status.started))
        await servers[0].serve(sockets=[listener])

    async with anyio.create_task_group() as tasks:
        await tasks.start(serve)
        try:
            yield address(host, listener)
        finally:
            servers[0].should_exit = True
