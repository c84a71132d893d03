"""An ASGI app on a port of this machine, served by uvicorn.

`ServerThread` serves it in a thread with an event loop of its own, `serving` on the event loop of the caller. The
emulator, the command line and `omnivery.webhooks.Listener` use them; they need the extra `emulator`.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from logging import Logger
from threading import Event, Thread
from typing import Any, TypeAlias

import anyio
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from omnivery._fork import register_fork_reset
from omnivery._logging import get_logger
from omnivery.errors import ConfigError

App: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI 3 app."""

START_TIMEOUT = 10.0
"""Seconds within which a server must accept connections."""
GRACE = 1
"""Seconds that requests in progress have to finish when a server stops."""
PAUSE = 0.01
"""Seconds between two looks for requests in progress."""
STOP_TIMEOUT = 10.0
"""Seconds to wait for a server that does not stop, because its app blocks the event loop."""
KEEP_ALIVE = 75
"""Seconds that an idle connection is kept. Longer than clients keep theirs, so that none uses one that was closed."""

ANY_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # to recognise it
"""The addresses to listen on all addresses of a machine, and where a client on the machine reaches the server then."""

logger: Logger = get_logger("omnivery.server")


class Protocol(H11Protocol):
    """A connection without an access log, which knows whether a request on it is incomplete."""

    def connection_made(self, transport: Any) -> None:
        """Begin a connection."""
        super().connection_made(transport)
        # Only for this server: uvicorn's own option removes the access log of the whole process.
        self.access_log = False

    @property
    def receiving(self) -> bool:
        """Whether a part of a request's body is still to come."""
        return bool(getattr(self.cycle, "more_body", False))  # None before the first request, whatever its type says


class Server(uvicorn.Server):
    """One run of an app on a port. It installs no signal handlers: signals belong to the program.

    The port is open from the start, so that its number is known and a refusal reaches the caller.

    Args:
        app: the app to serve.
        host: host name or IP address to listen on.
        port: port to listen on; 0 takes a free one.
        stopping: awaited first when the server stops, so that the app can release requests that it holds back.
        protocol: the class of the connections.

    Raises:
        ConfigError: the port is taken or out of range, or the host is not one of this machine.
    """

    def __init__(
        self,
        app: App,
        *,
        host: str,
        port: int,
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
        )
        super().__init__(config)
        self._stopping = stopping
        self.listener: socket.socket = _listen(host, port)
        self.url: str = _url(host, self.listener)
        """The URL of the server."""
        self.on_started: Callable[[], object] = bool
        """Called when the server accepts connections."""
        self._wake: Callable[[], object] = bool

    async def serve_port(self) -> None:
        """Serve until `request_stop` is called, then close the port."""
        with self.listener:
            await self.serve(sockets=[self.listener])

    def require_started(self) -> None:
        """Check that the server has started.

        Raises:
            ConfigError: the app's own startup failed, or it takes too long.
        """
        if not self.started:
            raise ConfigError(
                f"the server did not start within {START_TIMEOUT:g} seconds, or its app failed to: see the log"
            )

    def request_stop(self) -> None:
        """Have the server stop, from any thread. It may have ended already."""
        self.should_exit: bool = True
        with suppress(RuntimeError):  # its event loop is closed
            self._wake()

    async def main_loop(self) -> None:
        """Wait until the server is to stop. uvicorn's own loop looks for that ten times a second."""
        woken = asyncio.Event()
        self._wake = partial(asyncio.get_running_loop().call_soon_threadsafe, woken.set)
        while not await self.on_tick(0):  # which also sets the time of the Date header
            with anyio.move_on_after(1):
                await woken.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture no signals."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept connections."""
        try:
            await super().startup(sockets)
        except SystemExit:  # uvicorn ends the process if the app's startup fails, but the process is not its own here
            self.should_exit = True
        if self.started:
            self.on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002  # `serve_port` closes
        """Stop. Complete requests get `GRACE` seconds to finish; incomplete ones would outlast that, and are cut.

        Not uvicorn's own, which sleeps for 0.1 s at least, however idle the server is.
        """
        if self._stopping:
            await self._stopping()
        await self._stop_accepting()
        connections: list[Any] = list(self.server_state.connections)
        for connection in connections:
            if isinstance(connection, Protocol) and connection.receiving:
                connection.transport.abort()
            else:
                connection.shutdown()
        with anyio.move_on_after(GRACE) as grace:
            while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110  # uvicorn has no event
                await asyncio.sleep(PAUSE)
        if grace.cancelled_caught:
            logger.error("requests still run %d s after the server was to stop: they are cancelled", GRACE)
            for task in self.server_state.tasks:
                task.cancel()
        await self.lifespan.shutdown()

    async def _stop_accepting(self) -> None:
        # asyncio accepts a connection, starts a task for it, and only then makes it known: a server that is closed in
        # between forgets the connection, and leaves it open.
        with suppress(NotImplementedError, RuntimeError):  # event loops that accept in another way
            asyncio.get_running_loop().remove_reader(self.listener)
        for _ in range(3):
            await asyncio.sleep(0)
        for server in self.servers:
            server.close()


class ServerThread:
    """A server in a daemon thread. A forked child has no such thread: `stop` does nothing there.

    Args:
        server: the server.
        name: the thread's name.
    """

    def __init__(self, server: Server, *, name: str) -> None:
        self._server = server
        self._settled = Event()
        server.on_started = self._settled.set
        self._thread = Thread(target=self._run, name=name, daemon=True)
        register_fork_reset(self)

    @property
    def url(self) -> str:
        """The URL of the server."""
        return self._server.url

    def start(self) -> None:
        """Start the thread, and return when the server accepts connections.

        Raises:
            ConfigError: it did not start: the app's own startup failed or takes too long, or there is no thread.
        """
        try:
            self._thread.start()
        except RuntimeError as error:
            self._server.listener.close()
            raise ConfigError(f"the system starts no more threads ({error}), and the server needs one") from None
        self._settled.wait(START_TIMEOUT)
        if not self._server.started:
            self.stop()
        self._server.require_started()

    def stop(self) -> None:
        """Stop the server, and wait until its thread has ended, for `STOP_TIMEOUT` seconds at most."""
        self._server.request_stop()
        self._thread.join(STOP_TIMEOUT)
        if self._thread.is_alive():
            logger.warning("%s still runs: something in its app blocks the event loop", self._thread.name)

    def reset_after_fork(self) -> None:
        """Close the child's copy of the port, which would stay open after the parent has closed its own."""
        self._server.listener.close()

    def _run(self) -> None:
        try:
            anyio.run(self._server.serve_port)
        finally:
            self._settled.set()


@asynccontextmanager
async def serving(app: App, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve an app on the caller's asyncio event loop while the block runs; gives the server's URL.

    Raises:
        ConfigError: as `Server`; or the app's own startup failed.
    """
    server = Server(app, host=host, port=port)
    settled = asyncio.Event()
    server.on_started = settled.set
    # Not in a task group: cancelled with the block, uvicorn would neither close its connections nor shut down the app.
    task = asyncio.create_task(server.serve_port())
    task.add_done_callback(lambda _: settled.set())
    try:
        with anyio.move_on_after(START_TIMEOUT):
            await settled.wait()
        server.require_started()
        yield server.url
    finally:
        server.request_stop()
        with anyio.CancelScope(shield=True):
            await asyncio.wait([task], timeout=STOP_TIMEOUT)
        task.cancel()


def _listen(host: str, port: int) -> socket.socket:
    if not isinstance(port, int) or not 0 <= port <= 65535:  # noqa: PLR2004  # 16 bits
        raise ConfigError(f"port must be from 0 to 65535, not {port!r}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Not socket.create_server(): its `proto` is 0, and asyncio then leaves out TCP_NODELAY. Head and body of a response
    # are two writes, and without it the second waits 40 ms for the client's delayed acknowledgement.
    try:
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise ConfigError(f"cannot open a socket: {error.strerror}") from error
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise ConfigError(f"cannot listen on host {host!r}, port {port}: {error.strerror}") from error
    return listener


def _url(host: str, listener: socket.socket) -> str:
    # A client cannot call the address that stands for all of a machine's, except on some systems.
    host = ANY_HOST.get(host, host)
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"
