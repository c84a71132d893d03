"""`omnivery bots run`: submit events, and receive their verdicts, in one command that can be run again."""

from __future__ import annotations

import sys
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

import anyio
import click
from attrs import asdict, define

from omnivery.cli.arguments import Duration, HostPort, secret
from omnivery.cli.matching import Arrivals
from omnivery.cli.output import console, print_json, progress, wants_json
from omnivery.cli.signals import run_interruptibly
from omnivery.cli.submission import Submission, print_summary, token, totals
from omnivery.errors import ConfigError

if TYPE_CHECKING:
    from omnivery.webhooks.store import StoreStatistics

TOLERANCE = 9 * 3600.0
"""Seconds that a call's signature may be old. The service tries again for hours, perhaps with its first signature: so a
call gets in that was first made while this command did not run. In a store, what comes twice does no harm."""

_PATH = click.Path(dir_okay=False, path_type=Path)


@click.command("run")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--journal", required=True, type=_PATH, help="Keeps the submission; made if it is not there.")
@click.option("--store", "store_path", required=True, type=_PATH, help="Keeps the verdicts; made if it is not there.")
@click.option("--listen", required=True, type=HostPort(), metavar="HOST:PORT", help="Where to receive the verdicts.")
@click.option("--public-url", help="The address that the service is to call; http://HOST:PORT/ if left out.")
@click.option("--deadline", default="10m", show_default=True, type=Duration(), help="Wait for verdicts no longer.")
@click.option("--domain", envvar="OMNIVERY_DOMAIN", help="Sending domain; OMNIVERY_DOMAIN if left out.")
@click.option("--base-url", envvar="OMNIVERY_AUTOMATIONS_URL", help="Another server, such as the emulator.")
@click.option("--concurrency", default=8, show_default=True, type=click.IntRange(1, 256), help="Batches in flight.")
def run_command(
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
) -> None:
    """Submit the events of each FILE, receive their verdicts, and end when all are in or the deadline has passed.

    The deadline begins when everything is submitted. After a crash, Ctrl-C or a deadline, the same command goes on
    where it stood, and ends with the same account: that of all runs with the journal.

    The signing key comes from OMNIVERY_SIGNING_KEY and the token from OMNIVERY_TOKEN, or they are asked for on a
    terminal. The service calls a public https address: name it with --public-url, and lead it to HOST:PORT.

    Exit status 0: every event was accepted and has its verdict. 1: some were not, or have none; the output says so.
    """
    webhook_url = public_url or _own_url(*listen)
    _warn_if_out_of_reach(webhook_url, base_url)
    submission = Submission(concurrency=concurrency, journal=str(journal))
    round_trip = RoundTrip(submission=submission, journal=journal, store_path=store_path, deadline=deadline)
    settings = {"domain": domain, "webhook_url": webhook_url, "base_url": base_url}
    signing_key, known_token = secret("OMNIVERY_SIGNING_KEY", "signing key"), token()
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
    answered: int | None = None
    """Accepted events that have their verdict; None before they were counted."""
    missing: int | None = None
    """Accepted events that have none at the deadline."""
    stored: StoreStatistics | None = None
    """What the store held at the end."""

    async def run(
        self,
        files: tuple[str, ...],
        listen: tuple[str, int],
        signing_key: str,
        token: str | None,
        settings: dict[str, str | None],
    ) -> None:
        """Receive verdicts while the files are submitted and until all are in, or the deadline has passed."""
        from omnivery.webhooks import BotVerdicts, Listener, Receiver, VerdictStore

        host, port = listen
        with VerdictStore(self.store_path) as store:
            arrivals = Arrivals(store=store)
            receiver = Receiver(arrivals.came, signing_key, accepts=BotVerdicts, store=store, tolerance=TOLERANCE)
            try:
                async with Listener(receiver, host=host, port=port):
                    await self._submit(files, token, settings)
                    await self._wait(arrivals)
            finally:
                self.stored = store.statistics

    async def _submit(self, files: tuple[str, ...], token: str | None, settings: dict[str, str | None]) -> None:
        given_up = self._given_up()
        await self.submission.run(files, token, settings)
        stopped = any(report.stopped_by for report in self.submission.reports.values())
        # Afterwards, for the submission makes sure that journal and settings go together. What was given up only now
        # has had its attempts.
        if given_up is not None and not stopped:
            await self.submission.retry(token, given_up)

    def _given_up(self) -> str | None:
        """The server for which an earlier run left undelivered events; None where there are none."""
        from omnivery.bulk.journal.reader import JournalReader

        # Where there is none yet, or it cannot be used: the submission makes one, or says what is wrong with it.
        with suppress(ConfigError), JournalReader.open(self.journal) as view:
            state = view.state()
            return state.base_url if state.undelivered else None
        return None

    async def _wait(self, arrivals: Arrivals) -> None:
        from omnivery.bulk.journal.reader import JournalReader

        end = anyio.current_time() + self.deadline
        answered = missing = 0
        with JournalReader.open(self.journal) as view, progress("Verdicts received", None) as arrivals.tell:
            for batch in view.accepted():
                left = await arrivals.missing_of(batch.event_ids, until=end)
                missing += left
                answered += len(batch.event_ids) - left
        self.answered, self.missing = answered, missing


def _own_url(host: str, port: int) -> str:
    """The address of the receiver itself.

    Raises:
        ConfigError: nobody can call it, or it would be another one the next time.
    """
    with suppress(ValueError):
        if ip_address(host).is_unspecified:
            raise ConfigError(f"--listen: {host} stands for every address of this machine: name one by --public-url")
    if port == 0:
        raise ConfigError("--listen: port 0 is another port each time: choose one, or name the address by --public-url")
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _warn_if_out_of_reach(webhook_url: str, base_url: str | None) -> None:
    if _is_loopback(webhook_url) and not (base_url and _is_loopback(base_url)):
        click.echo(
            "Warning: verdicts are to go to an address of this machine alone, which the service cannot reach: none "
            "will come. Lead a public https address, such as a tunnel's, to it, and name that by --public-url.",
            err=True,
        )


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a name; or no address at all, which the client will say
        return False


def _end_with(round_trip: RoundTrip, interrupted: int) -> NoReturn:
    """Print the account, and end the command with the status that it calls for."""
    reports = round_trip.submission.reports
    if not reports:
        raise click.Abort
    if wants_json():
        stored = asdict(round_trip.stored) if round_trip.stored else None
        counts = {"answered": round_trip.answered, "missing": round_trip.missing, "store": stored}
        print_json({**totals(reports, interrupted=bool(interrupted)), **counts})
    else:
        print_summary(reports)
        _print_verdicts(round_trip)
    if interrupted:
        click.echo("Interrupted: what is done is kept. The same command goes on where it stood.", err=True)
    elif round_trip.missing:
        click.echo("To wait longer for verdicts, run the same command again.", err=True)
    all_accepted = all(report.accepted == report.read and report.stopped_by is None for report in reports.values())
    sys.exit(interrupted or (0 if all_accepted and round_trip.missing == 0 else 1))


def _print_verdicts(round_trip: RoundTrip) -> None:
    out = console()
    if round_trip.missing is not None:
        out.print(f"[bold]{round_trip.answered:,} of them have their verdict[/], {round_trip.missing:,} have none")
    if (stored := round_trip.stored) is not None:
        out.print(
            f"  in the store: {stored.verdicts:,} verdicts, {stored.bots:,} bots, {stored.humans:,} humans, "
            f"{stored.unknown:,} unknown; {stored.repeats:,} more came again"
        )
