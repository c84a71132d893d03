"""`omnivery verify`: whether a webhook call is signed with the key, and why not."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from omnivery.cli.arguments import Duration
from omnivery.cli.command import command
from omnivery.cli.output import console, print_json, printable, wants_json
from omnivery.cli.signing_key import key_file_option, namesake, needed_keys
from omnivery.display.counts import counted

if TYPE_CHECKING:
    from omnivery.cli.saved_call import SavedCall
    from omnivery.webhooks import Explanation


SEARCHED = 10
"""Calls of a wrong key for which a reason is looked for: each search takes up to a second, and a file may be long."""


@command(
    examples="""
    omnivery verify call.json
    pbpaste | omnivery verify -
    omnivery verify calls.ndjson --json | jq 'select(.verified | not)'
    omnivery verify call.json --key-file old-key.txt --any-age
    """
)
@click.argument("file", metavar="FILE")
@key_file_option
@click.option("--tolerance", default=300.0, type=Duration(), help="Age that is accepted, such as 5m, the default.")
@click.option("--any-age", is_flag=True, help="Accept any age: for saved calls.")
def verify(*, file: str, key_files: tuple[Path, ...], tolerance: float, any_age: bool) -> None:
    """Say whether the webhook call in FILE is signed with your key, and if not, why, and what to do next.

    FILE is the body of a call as it was received, an array or lines of bodies, or what `omnivery listen --save` wrote;
    `-` is standard input. The key comes from OMNIVERY_SIGNING_KEY. The age of a saved call is its age when it was
    received.

    Exit status 0: every call is verified. 1: one is not.
    """
    from omnivery.cli.saved_call import read_calls

    calls = read_calls(file)
    keys = needed_keys(key_files)
    found = [*_explained(calls, keys, None if any_age else tolerance)]
    for call, explanation in zip(calls, found, strict=True):
        _show(call, explanation, _key_hint(explanation, keys))
    verified = sum(explanation.verified for explanation in found)
    if len(calls) != 1 and not wants_json():
        console().print(f"{verified:,} of {counted(len(calls), 'call')} verified.")
    sys.exit(0 if verified == len(calls) else 1)


def _explained(calls: Sequence[SavedCall], keys: Sequence[str], tolerance: float | None) -> Iterator[Explanation]:
    from omnivery.webhooks import explain

    searched = 0
    for call in calls:
        now = call.received_at.timestamp() if call.received_at else None
        found = explain(call.body, *keys, tolerance=tolerance, now=now, thorough=searched < SEARCHED)
        searched += found.cause == "wrong key"
        yield found


def _key_hint(explanation: Explanation, keys: Sequence[str]) -> str:
    if explanation.cause == "wrong key" and (other := namesake(keys)):
        return f"The signing key is the same as {other}, and is none of the API keys: look for the signing key."
    return explanation.hint


def _show(call: SavedCall, explanation: Explanation, hint: str) -> None:
    from omnivery.cli.call_summary import summary_of, words

    fields = summary_of(call.body)
    if wants_json():
        print_json(_as_json(explanation, hint, fields))
        return
    out = console()
    what = f" {printable(words(fields))}:" if fields["kind"] else ""
    style = "green" if explanation.verified else "bold red"
    out.print(f"[{style}]{explanation.cause.capitalize()}.[/] ", end="")
    out.print(f"{what.strip()} {explanation.message}".strip(), markup=False)
    out.print(f"Next: {hint}", markup=False, style="italic")


def _as_json(explanation: Explanation, hint: str, fields: dict[str, Any]) -> dict[str, Any]:
    moment = explanation.signed_at
    return {
        "verified": explanation.verified,
        "cause": explanation.cause,
        "message": explanation.message,
        "hint": hint,
        "key": explanation.key,
        "signed_at": moment and moment.isoformat(),
        "age": explanation.age,
        **fields,
    }
