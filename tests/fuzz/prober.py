"""Sends requests to an emulator, and says what is wrong with a response."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Self

import httpx

from omnivery.emulator import Emulator
from tests.fuzz.wire import RawRequest, RawResponse, Wire

FAULTS = (b"/_/fail", b"/_/faults")
"""What the paths begin with that order faults."""


class Problems(logging.Handler):
    """Keeps what the emulator, its server and its event loop log as errors."""

    LOGGERS = ("omnivery", "uvicorn.error", "asyncio")

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.seen.append(f"{record.name}: {record.getMessage()}")

    def __enter__(self) -> Self:
        for name in self.LOGGERS:
            logging.getLogger(name).addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        for name in self.LOGGERS:
            logging.getLogger(name).removeHandler(self)


class Prober:
    """Sends requests, and fails a test where the emulator fails.

    Args:
        emulator: a running emulator.
        problems: what it logs.
        counts: counts the responses by status.
    """

    def __init__(self, emulator: Emulator, problems: Problems, counts: Counter[int | None]) -> None:
        self.emulator = emulator
        self._problems, self._counts = problems, counts
        self._wire = Wire(emulator.automations_url)

    def probe(self, request: RawRequest) -> RawResponse:
        """Send a request and return its response, which is none of a fault of the emulator's own.

        Raises:
            TimeoutError: there was no response in time.
        """
        self._problems.seen.clear()
        response = self._wire.exchange(request)
        self._counts[response.status] += 1
        if request.target.startswith(FAULTS):
            # It may have ordered faults, which would look like the emulator's own.
            self.emulator.reset()
            self.emulator.faults = None
        assert response.status is not None or not request.framed, f"no response to {request}"
        assert response.status is None or response.status < 500, f"{response} {response.body!r} to {request}"
        assert not self._problems.seen, f"{self._problems.seen} after {request}"
        return response

    def prepare(self) -> None:
        """Bring the emulator into a state in which it has records of every kind."""
        self.emulator.reset()
        self.emulator.faults = None
        emu, auth = self.emulator, ("api", self.emulator.api_key)
        with httpx.Client(
            base_url=emu.automations_url, auth=auth, trust_env=False, headers={"ov-token": emu.token}
        ) as to:
            hook = {"callback_url": emu.webhook_url, "from": f"a@{emu.domain}", "to": "click@b.c, hardbounce@b.c"}
            files = {"attachment": ("a.txt", b"a"), "inline": ("a.png", b"b")}
            to.post(f"/{emu.domain}/messages", data={**hook, "subject": "s", "html": "<b>h</b>"}, files=files)
            mime = {"message": ("m", f"From: a@{emu.domain}\r\nSubject: m\r\n\r\nx")}
            to.post(f"/v3/{emu.domain}/messages.mime", data={"to": "a@b.c"}, files=mime)
            event = {"ip": "192.0.2.1", "uas": "-", "event_id": "e"}
            to.post(f"/{emu.domain}/bot", json={"events": [event], "webhook_url": emu.webhook_url})
            to.post(f"/v3/domains/{emu.domain}/webhooks", data={"id": "opened", "url": emu.webhook_url})
            to.post(f"/v3/domains/{emu.domain}/credentials", data={"login": "ann", "password": "secret"})
            for name in ("bounces", "complaints", "unsubscribes", "whitelists"):
                to.post(f"/v3/{emu.domain}/{name}", data={"address": "a@b.c"})
        emu.wait_idle(30)

    def close(self) -> None:
        """Close the connection."""
        self._wire.close()
