"""`omnivery trigger`: a webhook call of any kind, on demand."""

from __future__ import annotations

import sys
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from omnivery import codec
from omnivery.cli.call_summary import summary_of, words
from omnivery.cli.command import command
from omnivery.cli.failure import SettingError
from omnivery.cli.output import console, print_json, printable, wants_json
from omnivery.cli.signals import run_interruptibly
from omnivery.cli.signing_key import VARIABLE, clean_keys, key_file_option
from omnivery.cli.streams import written

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omnivery.cli.webhook_post import Posted


@command(
    examples="""
    omnivery trigger click
    omnivery trigger hardbounced --set recipient=bob@example.net
    omnivery trigger bot --to http://127.0.0.1:8000/webhooks
    omnivery trigger opened --to http://127.0.0.1:8000/webhooks --set user-variables.order=7
    omnivery trigger delivered --print | jq .
    """
)
@click.argument("kind", required=False)
@click.option("--to", metavar="URL", help="Sign the call here and post it to this URL: no emulator is needed.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Set a field of the event, or of each event with a verdict; dots lead into objects. Repeatable.",
)
@click.option("--domain", help="Sending domain; OMNIVERY_DOMAIN if left out.")
@click.option("--print", "only_print", is_flag=True, help="Print the signed body, and send nothing.")
@key_file_option
def trigger(
    *,
    kind: str | None,
    to: str | None,
    settings: tuple[str, ...],
    domain: str | None,
    only_print: bool,
    key_files: tuple[Path, ...],
) -> None:
    """Send a made-up webhook call of a KIND, such as opened, clicked, hardbounced, bot or human.

    Without --to, the emulator sends it: to the domain's webhook of that kind, or else to its own receiver. The service
    itself has no operation for that. With --to, it is signed with OMNIVERY_SIGNING_KEY and posted from here, once.
    VALUE is read as JSON, or else taken as text. Without a KIND, the kinds are listed.

    Exit status 0: the receiver accepted it. 1: it did not. 2: there is no such kind.
    """
    from omnivery.emulator.examples import find_kind
    from omnivery.transport.config import from_environment, valid_domain

    if kind is None:
        _list_kinds()
        return
    fields, chosen = read_settings(settings), find_kind(kind)
    name = from_environment(domain, "OMNIVERY_DOMAIN")
    if name is not None:
        valid_domain(name, argument="--domain")
    if to is None and not only_print:
        from omnivery.cli.emulator_trigger import trigger_at_emulator

        sys.exit(trigger_at_emulator(chosen, fields, name))
    body = _signed(chosen, fields, name, clean_keys(key_files))
    if only_print:
        with written():
            click.echo(body.decode())
        return
    sys.exit(_post(chosen, str(to), body))


def read_settings(settings: Iterable[str]) -> dict[str, Any]:
    """Read `FIELD=VALUE` texts.

    Raises:
        SettingError: one has no field.
    """
    found: dict[str, Any] = {}
    for setting in settings:
        field, separator, text = setting.partition("=")
        if not separator or not all(field.split(".")):
            hint = "Such as --set recipient=ann@example.com, or --set message.headers.subject=Hi."
            raise SettingError(f"--set: {setting!r} is not of the form FIELD=VALUE", hint=hint)
        try:
            found[field] = codec.loads(text)
        except ValueError:
            found[field] = text
    return found


def _list_kinds() -> None:
    from omnivery.emulator.examples import ALIASES, HAPPENINGS, KINDS, VERDICTS

    if wants_json():
        print_json({"kinds": KINDS, "aliases": ALIASES})
        return
    out = console()
    out.print("What happened to a message:\n  " + ", ".join(HAPPENINGS), markup=False)
    out.print("\nVerdicts about bots:\n  " + ", ".join(VERDICTS), markup=False)
    aliases = (f"{name} ({kind})" for name, kind in ALIASES.items())
    out.print("\nOther names:\n  " + ", ".join(aliases), markup=False)
    out.print("\nNext: omnivery trigger clicked --to http://127.0.0.1:8000/webhooks", markup=False, style="italic")


def _signed(kind: str, fields: dict[str, Any], domain: str | None, keys: list[str]) -> bytes:
    from omnivery.emulator.examples import DOMAIN, example_call
    from omnivery.webhooks.signature import sign

    call = example_call(kind, domain=domain or DOMAIN, fields=fields)
    if not keys:
        click.secho(f"THE CALL IS NOT SIGNED: {VARIABLE} is not set.", err=True, fg="red", bold=True)
        return codec.dumps(call)
    return codec.dumps({"signature": sign(keys[0]), **call})


def _post(kind: str, url: str, body: bytes) -> int:
    from omnivery.cli.webhook_post import post, post_adapter
    from omnivery.transport.config import valid_url

    valid_url(url, argument="--to")
    posted: list[Posted] = []

    async def work() -> None:
        async with aclosing(post_adapter()) as adapter:
            posted.append(await post(adapter, url, body))

    if (interrupted := run_interruptibly(work)) or not posted:
        return interrupted
    [result] = posted
    if wants_json():
        print_json({"kind": kind, "url": url, **result.to_fields(), "body": codec.loads(body)})
    else:
        style = "green" if result.is_accepted else "bold red"
        text = f"{printable(words(summary_of(body)))} to {url}: {result.words}"
        console().print(text, markup=False, style=style)
    return 0 if result.is_accepted else 1
