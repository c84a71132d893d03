"""Tells the activity feed of requests: of those that no route matches, too."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from omnivery.emulator.activity import Activity, ActivityFeed

READING = {"GET", "HEAD"}
OWN = "/_/"
FAULT = "fault"
"""Key of a request's state: whether it had a fault."""


class RequestFeed:
    """Middleware that tells of each API request, and of each change through the control API.

    What reads the control API, the page, and the emulator's own webhooks is left out: it would hide the rest.

    Args:
        app: the app.
        feed: is told.
        receiver_path: path of the emulator's own receiver.
    """

    def __init__(self, app: ASGIApp, *, feed: ActivityFeed, receiver_path: str) -> None:
        self._app, self._feed, self._receiver_path = app, feed, receiver_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http" or not self._feed or self._is_left_out(scope):
            await self._app(scope, receive, send)
            return
        started, status, told = time.perf_counter(), None, False

        def tell() -> None:
            nonlocal told
            if not told:
                told = True
                self._tell(scope, status, time.perf_counter() - started)

        async def watched(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                tell()  # before the client can see the end of the response, and do the next thing
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            tell()

    def _is_left_out(self, scope: Scope) -> bool:
        path: str = scope["path"]
        is_own = path in {"/", "/healthz"} or path.startswith(OWN)
        return path == self._receiver_path or (is_own and scope["method"] in READING)

    def _tell(self, scope: Scope, status: int | None, seconds: float) -> None:
        path = scope["raw_path"].decode("latin-1")
        notes = ["fault"] if scope.get("state", {}).get(FAULT) else []
        notes += [] if status else ["connection closed without a response"]
        self._feed.tell(
            Activity(
                kind="request",
                name=scope["method"],
                target=path,
                status=status,
                seconds=seconds,
                note=", ".join(notes),
            )
        )
