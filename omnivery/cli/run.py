"""`omnivery bots run`: submit events, and receive their verdicts, in one command that can be run again."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

import click
from anyio import to_thread
from attrs import asdict, define, field

from omnivery.cli.arguments import Duration, HostPort, connection, connection_options, secret
from omnivery.cli.command import command
from omnivery.cli.input import InputOptions, complete_option, input_options, rate_option
from omnivery.cli.output import console, progress, say, wants_json
from omnivery.cli.port import port_hints
from omnivery.cli.signals import run_interruptibly
from omnivery.cli.submission import Submission, token
from omnivery.cli.submission_report import print_summary, print_totals
from omnivery.cli.verdict_calls import VerdictCalls
from omnivery.display.counts import counted
from omnivery.errors import ConfigError

if TYPE_CHECKING:
    from omnivery.webhooks.store import VerdictStore
    from omnivery.webhooks.stored_verdict import StoreStatistics

TOLERANCE = 9 * 3600.0
"""Age limit of a signature, in seconds. The service retries for hours, perhaps with its first signature: so calls are
accepted that were first made while this command was not running. The store is idempotent: a replay does no harm."""

_PATH = click.Path(dir_okay=False, path_type=Path)


@command(
    "run",
    examples="""
    omnivery bots run access.log --journal run.journal --store verdicts.db --listen 127.0.0.1:8080
    omnivery bots run logs/ --journal run.journal --store verdicts.db --listen 127.0.0.1:8080 --deadline 30m
    """,
)
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--journal", required=True, type=_PATH, help="Journal of the submission; created if missing.")
@click.option("--store", "store_path", required=True, type=_PATH, help="Store of the verdicts; created if missing.")
@click.option("--listen", required=True, type=HostPort(), metavar="HOST:PORT", help="Where to receive the verdicts.")
@click.option("--public-url", help="The URL that the service is to call; http://HOST:PORT/ if left out.")
@click.option("--deadline", default="10m", show_default=True, type=Duration(), help="Longest wait for verdicts.")
@click.option("--domain", envvar="OMNIVERY_DOMAIN", help="Sending domain; OMNIVERY_DOMAIN if left out.")
@click.option("--base-url", envvar="OMNIVERY_AUTOMATIONS_URL", help="Another server, such as the emulator.")
@click.option("--concurrency", default=8, show_default=True, type=click.IntRange(1, 256), help="Batches in flight.")
@complete_option
@rate_option
@input_options
@connection_options
def run(
    *,
    files: tuple[str, ...],
    journal: Path,
    store_path: Path,
    listen: tuple[str, int],
    public_url: str | None,
    deadline: float,
    domain: str | None,
    base_url: str | None,
    concurrency: int,
    complete: bool,
    rate: float | None,
    reading: InputOptions,
    proxy: str | None,
    ca: Path | None,
) -> None:
    """Submit the events of each FILE, receive their verdicts, and end when all have arrived or the deadline has passed.

    The deadline begins when everything is submitted. A call that the receiver refuses is reported at once; when all
    missing verdicts were in such calls, the command ends, because the service does not repeat them. After a crash,
    Ctrl-C or a deadline, the same command resumes, and ends with the same totals: those of all runs with the journal.

    The signing key comes from OMNIVERY_SIGNING_KEY and the token from OMNIVERY_TOKEN, or is prompted for on
    a terminal. The service calls a public https URL: give it as --public-url, and forward it to HOST:PORT.

    Exit status 0: every event was accepted and has its verdict. 1: otherwise; the output says which is missing.
    """
    webhook_url = public_url or _own_url(*listen)
    _warn_if_out_of_reach(webhook_url, base_url)
    submission = Submission(
        concurrency=concurrency,
        journal=str(journal),
        connection=connection(proxy, ca),
        reading=reading,
        complete=complete,
        rate=rate,
    )
    round_trip = RoundTrip(submission=submission, journal=journal, store_path=store_path, deadline=deadline)
    settings = {"domain": domain, "webhook_url": webhook_url, "base_url": base_url}
    signing_key, known_token = secret("OMNIVERY_SIGNING_KEY", "signing key"), token()
    with port_hints(host="--listen", another="give another one with --listen"):
        interrupted = run_interruptibly(lambda: round_trip.run(files, listen, signing_key, known_token, settings))
    _end_with(round_trip, interrupted)


@define(kw_only=True)
class RoundTrip:
    """A submission with a journal, and the wait for its verdicts."""

    submission: Submission
    journal: Path
    store_path: Path
    deadline: float
    """Seconds to wait for verdicts once everything is submitted."""
    verdicts: int | None = None
    """Accepted events that have their verdict; None before they were counted."""
    missing: int | None = None
    """Accepted events that have none at the end."""
    refused: int = 0
    """Of the missing: those whose verdicts were in calls that the receiver refused for good."""
    calls: VerdictCalls = field(init=False, factory=VerdictCalls)
    stored: StoreStatistics | None = None
    """Counts of the store at the end."""

    async def run(
        self,
        files: tuple[str, ...],
        listen: tuple[str, int],
        signing_key: str,
        token: str | None,
        settings: dict[str, str | None],
    ) -> None:
        """Submit the files while verdicts are received, then wait until all have arrived or the deadline has passed."""
        from omnivery.webhooks import Listener, Receiver, VerdictStore

        host, port = listen
        with VerdictStore(self.store_path) as store:
            receiver = Receiver(None, signing_key, store=store, tolerance=TOLERANCE)
            try:
                with receiver.watch(self.calls):
                    async with Listener(receiver, host=host, port=port):
                        await self._submit(files, token, settings)
                        await self._wait(store)
            finally:
                self.stored = store.statistics

    async def _submit(self, files: tuple[str, ...], token: str | None, settings: dict[str, str | None]) -> None:
        undelivered_to = self._undelivered_to()
        await self.submission.run(files, token, settings)
        stopped = any(report.stopped_by for report in self.submission.reports.values())
        # Afterwards: the submission checks that journal and settings match. Events that this submission failed to
        # deliver are not sent again.
        if undelivered_to is not None and not stopped:
            await self.submission.retry(token, undelivered_to)

    def _undelivered_to(self) -> str | None:
        """Base URL to which an earlier run left events undelivered; None if there are none."""
        from omnivery.bulk.journal.reader import JournalReader

        # If the journal is missing or unusable, the submission creates it, or reports what is wrong with it.
        with suppress(ConfigError), JournalReader.open(self.journal) as view:
            state = view.state()
            return state.target["base_url"] if state.undelivered else None
        return None

    async def _wait(self, store: VerdictStore) -> None:
        from omnivery.bulk.journal.reader import JournalReader
        from omnivery.webhooks.verdict_wait import VerdictWait, ends_after

        ends, verdicts, missing, refused = ends_after(self.deadline), 0, 0, 0
        with JournalReader.open(self.journal) as view, progress("Verdicts received", None) as advance:
            # Batch by batch: only one batch's ids are held, however many events there are.
            for batch in view.accepted():
                make = partial(VerdictWait, store, batch.item_ids, refused=self.calls.event_ids)
                wait = await to_thread.run_sync(make)
                await wait.wait_until(ends, on_look=lambda: advance(self.calls.received))
                verdicts += wait.verdicts.total()
                missing += wait.pending.total()
                refused += wait.refused
        self.verdicts, self.missing, self.refused = verdicts, missing, refused


def _own_url(host: str, port: int) -> str:
    """The receiver's own URL.

    Raises:
        ConfigError: the host is a wildcard, or the port would be another one the next time.
    """
    with suppress(ValueError):
        if ip_address(host).is_unspecified:
            raise ConfigError(f"--listen: {host} is a wildcard, which cannot be called: give the URL as --public-url")
    if port == 0:
        raise ConfigError("--listen: port 0 is another port each time: choose one, or give the URL as --public-url")
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _warn_if_out_of_reach(webhook_url: str, base_url: str | None) -> None:
    if _is_loopback(webhook_url) and not (base_url and _is_loopback(base_url)):
        say(
            "Warning: the webhook URL is on this machine alone, and the service cannot reach it: no verdict will "
            "arrive. Forward a public https URL, such as a tunnel's, to it, and give that as --public-url."
        )


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a host name; or not a URL, which the client reports
        return False


def _end_with(round_trip: RoundTrip, interrupted: int) -> NoReturn:
    """Print the totals, and exit with the status that they call for."""
    if not round_trip.submission.reports:
        raise click.Abort
    is_told = True
    if wants_json():
        stored = asdict(round_trip.stored) if round_trip.stored else None
        counts = {
            "verdicts": round_trip.verdicts,
            "missing": round_trip.missing,
            "refused": round_trip.refused,
            "refused_calls": dict(round_trip.calls.calls),
            "store": stored,
        }
        is_told = print_totals({**round_trip.submission.totals(interrupted=bool(interrupted)), **counts})
    else:
        print_summary(round_trip.submission)
        _print_verdicts(round_trip)
    round_trip.submission.tell()
    if interrupted:
        say("Interrupted: journal and store are kept. The same command resumes.")
    else:
        _say_what_is_missing(round_trip.missing or 0, round_trip.refused)
    all_well = is_told and round_trip.submission.all_accepted and round_trip.missing == 0
    sys.exit(interrupted or (0 if all_well else 1))


def _say_what_is_missing(missing: int, refused: int) -> None:
    if refused:
        say(
            f"The verdicts of {counted(refused, 'event')} were in calls that were refused, and the service does not "
            "repeat those. Once the reason is removed, submit the events again, with another journal."
        )
    if missing > refused:
        say("To wait longer for verdicts, run the same command again.")


def _print_verdicts(round_trip: RoundTrip) -> None:
    out = console()
    if round_trip.missing is not None:
        out.print(f"[bold]{round_trip.verdicts:,} of them have their verdict[/], {round_trip.missing:,} have none")
    if (stored := round_trip.stored) is not None:
        out.print(
            f"  in the store: {counted(stored.verdicts, 'verdict')}, {counted(stored.bots, 'bot')}, "
            f"{counted(stored.humans, 'human')}, "
            f"{stored.unknown:,} unknown; {stored.repeats:,} repeated"
        )
