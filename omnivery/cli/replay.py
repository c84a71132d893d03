"""Webhook calls of a file, posted again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

import click
from attrs import evolve

from omnivery import codec
from omnivery.cli.call_summary import summary_of, words
from omnivery.cli.output import console, print_json, printable, wants_json
from omnivery.cli.saved_call import SavedCall, read_calls
from omnivery.cli.signals import run_interruptibly
from omnivery.cli.signing_key import VARIABLE
from omnivery.cli.webhook_post import post, post_adapter
from omnivery.display.counts import counted
from omnivery.webhooks.body import decode
from omnivery.webhooks.signature import sign

if TYPE_CHECKING:
    from omnivery.transport.http import Adapter


def replay(file: str, keys: Sequence[str], target: str) -> int:
    """Post the calls of a file, one after the other; return the exit status.

    Args:
        file: a path; `-` for standard input.
        keys: the first one signs the calls anew; without one, they go out as they are.
        target: the URL.
    """
    calls = read_calls(file)
    if not keys:
        click.secho(f"Signatures go out as they are: {VARIABLE} is not set.", err=True, fg="red", bold=True)
    accepted = 0

    async def work() -> None:
        nonlocal accepted
        async with aclosing(post_adapter()) as adapter:
            for number, call in enumerate(calls, 1):
                accepted += await _post_again(adapter, target, evolve(call, body=_signed_anew(call.body, keys)), number)

    interrupted = run_interruptibly(work)
    if not wants_json():
        console().print(f"{accepted:,} of {counted(len(calls), 'call')} accepted by {target}.", markup=False)
    return interrupted or (0 if accepted == len(calls) else 1)


async def _post_again(adapter: Adapter, target: str, call: SavedCall, number: int) -> bool:
    posted, content = await post(adapter, target, call.body, call.forwarded_headers()), summary_of(call.body)
    if wants_json():
        print_json({"call": number, **content, **posted.to_fields()})
    else:
        style = "green" if posted.is_accepted else "red"
        console().print(f"{number:>5}  {printable(words(content))}: {posted.words}", markup=False, style=style)
    return posted.is_accepted


def _signed_anew(body: bytes, keys: Sequence[str]) -> bytes:
    decoded = decode(body)
    # A body that is not strict JSON is posted as it is: written anew, it would be another one.
    if not keys or decoded.payload is None or decoded.repaired:
        return body
    return codec.dumps({**decoded.payload, "signature": sign(keys[0])})
