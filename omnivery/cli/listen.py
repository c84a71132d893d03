"""`omnivery listen`: a local receiver of webhook calls that verifies, shows and forwards them."""

from __future__ import annotations

import os
import sys
from contextlib import aclosing, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click
from attrs import define, evolve, field

from omnivery.cli.arguments import Duration
from omnivery.cli.command import command
from omnivery.cli.failure import SettingError
from omnivery.cli.output import console, print_json, wants_json
from omnivery.cli.port import port_hints
from omnivery.cli.signals import run_interruptibly
from omnivery.cli.signing_key import VARIABLE, clean_keys, key_file_option
from omnivery.display.counts import counted

if TYPE_CHECKING:
    from omnivery.cli.relay import RelayedCall

PORT = 20311
"""The port, unless another is given: beside the emulator's."""
UNVERIFIED = (
    f"NOTHING IS VERIFIED: {VARIABLE} is not set, so everyone who knows the URL can send what is shown"
    " and forwarded here as if it were the service's."
)


@command(
    examples="""
    omnivery listen
    omnivery listen --forward-to http://127.0.0.1:8000/webhooks
    omnivery listen --save calls.ndjson
    omnivery listen --replay calls.ndjson --forward-to http://127.0.0.1:8000/webhooks
    omnivery listen --count 1 --json | jq .event
    """
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Host to listen on.")
@click.option(
    "--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
@click.option("--forward-to", metavar="URL", help="Post each call to this URL, as it came, and respond as it does.")
@click.option("--save", type=click.Path(dir_okay=False, path_type=Path), help="Append each call to this file: NDJSON.")
@click.option("--replay", metavar="FILE", help="Post the calls of a file to --forward-to, signed anew, and end.")
@click.option("--count", type=click.IntRange(1), help="End after so many calls.")
@click.option(
    "--tolerance", default=300.0, type=Duration(), help="Age of a signature that is accepted; 5m if left out."
)
@key_file_option
def listen(
    *,
    host: str,
    port: int,
    forward_to: str | None,
    save: Path | None,
    replay: str | None,
    count: int | None,
    tolerance: float,
    key_files: tuple[Path, ...],
) -> None:
    """Receive webhook calls on this machine: verify each, show it, and forward it to your program.

    Set the URL that it prints as the webhook's; the service needs a public one, such as a tunnel's, that leads here.
    Keys come from OMNIVERY_SIGNING_KEY and --key-file; without one, nothing is verified. A call that is refused is not
    forwarded, and its reason is shown. Every path is served.

    With --replay, calls that were saved, or written by hand, are posted to --forward-to. Those with a JSON body are
    signed anew if a key is there; all others go out as they are.

    Exit status 0: it was ended by Ctrl-C or by --count; of --replay, every call was accepted. 1: one was not.
    """
    keys = clean_keys(key_files)
    target = _checked_url(forward_to, host, port)
    if replay is not None:
        sys.exit(_replay(replay, keys, target))
    session = Session(count=count, forward_to=target, is_verifying=bool(keys))
    with _appending(save) as file:
        session.file = file
        with port_hints():
            run_interruptibly(lambda: session.run(host, port, keys, tolerance))
    session.report()


@define(kw_only=True)
class Session:
    """One run: what came, and how it was responded to."""

    count: int | None
    """Calls after which it ends."""
    forward_to: str | None
    is_verifying: bool
    file: IO[bytes] | None = None
    """Where calls are saved."""
    calls: int = field(init=False, default=0)
    refused: int = field(init=False, default=0)
    accepted: int = field(init=False, default=0)
    """Of those that were forwarded."""
    _done: Any = field(init=False, default=None)
    _failure: Exception | None = field(init=False, default=None)
    _refusals: frozenset[str | None] = field(init=False, default=frozenset())
    """Reasons whose hint was shown: once is enough."""

    async def run(self, host: str, port: int, keys: list[str], tolerance: float) -> None:
        """Serve until the count is reached, or for ever."""
        import anyio

        from omnivery._server import serving
        from omnivery.cli.relay import Relay
        from omnivery.cli.webhook_post import post_adapter

        self._done = anyio.Event()
        async with aclosing(post_adapter()) as adapter:
            relay = Relay(keys=keys, tolerance=tolerance, show=self.show, forward_to=self.forward_to, adapter=adapter)
            async with serving(relay, host=host, port=port) as url:
                self._show_ready(f"{url}/")
                await self._done.wait()
        if self._failure is not None:
            raise self._failure

    def show(self, relayed: RelayedCall) -> None:
        """Print a call, and save it. What goes wrong ends the run: the server would only log it."""
        try:
            self._show(relayed)
        except Exception as error:  # noqa: BLE001  # a full disk, or a pipe that its reader has closed
            self._failure = self._failure or error
            self._done.set()

    def _show(self, relayed: RelayedCall) -> None:
        from omnivery.cli.call_line import print_call

        self.calls += 1
        self.refused += relayed.refusal is not None
        self.accepted += bool(relayed.forwarded and relayed.forwarded.is_accepted)
        if self.file is not None:
            self.file.write(evolve(relayed.call, status=relayed.status).to_line() + b"\n")
            self.file.flush()
        is_news, self._refusals = relayed.refusal not in self._refusals, self._refusals | {relayed.refusal}
        print_call(relayed, is_verifying=self.is_verifying, with_hint=is_news)
        if self.count is not None and self.calls >= self.count:
            self._done.set()

    def _show_ready(self, url: str) -> None:
        if not self.is_verifying:
            click.secho(UNVERIFIED, err=True, fg="red", bold=True)
        if wants_json():
            print_json({"url": url, "forward_to": self.forward_to, "verifies": self.is_verifying})
            return
        out = console()
        out.print(f"Listening. Set this as the webhook URL:\n\n  export OMNIVERY_WEBHOOK_URL={url}\n", markup=False)
        if self.forward_to:
            out.print(f"Calls are forwarded to {self.forward_to}", markup=False)
        out.print("Ctrl-C ends it.\n", markup=False)

    def report(self) -> None:
        """Print what came in all."""
        if wants_json():
            return
        parts = [f"{self.refused:,} refused"] if self.refused else []
        if self.forward_to:
            parts.append(f"{self.accepted:,} accepted by {self.forward_to}")
        console().print(f"\n{counted(self.calls, 'call')}{': ' if parts else ''}{', '.join(parts)}.", markup=False)


def _checked_url(url: str | None, host: str, port: int) -> str | None:
    """Check the URL to forward to.

    Raises:
        ConfigError: it is none.
        SettingError: it leads back here.
    """
    if url is None:
        return None
    from omnivery.transport.config import valid_url

    parts = urlsplit(valid_url(url, argument="--forward-to"))
    if parts.port == port and parts.hostname in {host, "localhost", "127.0.0.1", "::1"}:
        hint = "Give the URL of your program, or listen on another --port."
        raise SettingError(
            "--forward-to leads back to this receiver, and each call would go round for ever.", hint=hint
        )
    return url


def _appending(save: Path | None) -> Any:
    if save is None:
        return nullcontext()
    # Calls hold e-mail and IP addresses, and signatures that are live for minutes: for the owner alone.
    return os.fdopen(os.open(save, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o600), "ab")


def _replay(file: str, keys: list[str], target: str | None) -> int:
    from omnivery.cli.replay import replay

    if target is None:
        hint = "omnivery listen --replay calls.ndjson --forward-to http://127.0.0.1:8000/webhooks"
        raise SettingError("--replay needs --forward-to: where the calls go.", hint=hint)
    return replay(file, keys, target)
