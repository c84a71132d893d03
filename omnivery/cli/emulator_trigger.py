"""Webhook calls that the emulator sends on demand, over its control API."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import anyio

from omnivery import codec
from omnivery.automations.config import BASE_URL, resolve_base_url
from omnivery.cli.failure import SettingError
from omnivery.cli.output import console, print_json, printable, wants_json
from omnivery.cli.signals import run_interruptibly
from omnivery.cli.webhook_post import TIMEOUTS, post_adapter
from omnivery.errors import ConfigError
from omnivery.transport.http import Request, Response

if TYPE_CHECKING:
    from omnivery.transport.http import Adapter

WAIT = 10.0
"""Seconds to wait for a delivery, which the emulator may try several times."""
EVERY = 0.05
"""Seconds between two looks at a delivery."""
NOT_EMULATED = (
    'Add --to URL to sign and post the call from here, or run the emulator: eval "$(omnivery emulator --export)".'
)


def trigger_at_emulator(kind: str, fields: dict[str, Any], domain: str | None) -> int:
    """Have the emulator send a call, and wait until it is delivered or given up; return the exit status.

    Raises:
        SettingError: the environment leads to no emulator.
        ConfigError: it refuses the call.
        TransportError: it does not respond.
    """
    url = resolve_base_url(None)
    if url == BASE_URL:
        raise SettingError(
            "the service has no operation that sends a webhook call on demand, and OMNIVERY_AUTOMATIONS_URL names no "
            "emulator. Nothing was sent.",
            hint=NOT_EMULATED,
        )
    deliveries: list[dict[str, Any]] = []

    async def work() -> None:
        async with aclosing(post_adapter()) as adapter:
            options = {"fields": fields, **({"domain": domain} if domain else {})}
            accepted = await _call(adapter, "POST", f"{url}/_/trigger/{quote(kind)}", options)
            for number in accepted["deliveries"]:
                settled = await _settled(adapter, f"{url}/_/deliveries/{number}")
                deliveries.append(settled)

    interrupted = run_interruptibly(work)
    for delivery in deliveries:
        _show(kind, delivery)
    return interrupted or int(any(delivery["state"] != "delivered" for delivery in deliveries))


async def _settled(adapter: Adapter, url: str) -> dict[str, Any]:
    delivery = await _call(adapter, "GET", url)
    with anyio.move_on_after(WAIT):
        while delivery["state"] == "waiting":
            await anyio.sleep(EVERY)
            delivery = await _call(adapter, "GET", url)
    return delivery


async def _call(adapter: Adapter, method: str, url: str, options: dict[str, Any] | None = None) -> dict[str, Any]:
    content = b"" if options is None else codec.dumps(options)
    headers = (("content-type", "application/json"),)
    response = await adapter.send(Request(method=method, url=url, headers=headers, content=content, timeouts=TIMEOUTS))
    found = _object(response)
    if response.status >= 400:  # noqa: PLR2004
        if found is None or "message" not in found:
            raise SettingError(f"{url} is no emulator's: {response.status}. Nothing was sent.", hint=NOT_EMULATED)
        raise ConfigError(f"the emulator refuses the call: {found['message']}")
    if found is None:
        raise SettingError(f"{url} is no emulator's: its response is not JSON.", hint=NOT_EMULATED)
    return found


def _object(response: Response) -> dict[str, Any] | None:
    try:
        found = codec.loads(response.content)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _show(kind: str, delivery: dict[str, Any]) -> None:
    attempts = delivery["attempts"]
    last = attempts[-1] if attempts else {"status": None, "error": None}
    if wants_json():
        shown = {name: delivery[name] for name in ("id", "url", "state")}
        tried = {"attempts": len(attempts), "status": last["status"], "error": last["error"]}
        print_json({"kind": kind, **shown, **tried})
        return
    outcome = last["status"] or last["error"] or "not tried yet"
    text = printable(f"{kind} to {delivery['url']}: {delivery['state']} ({outcome})")
    console().print(text, markup=False, style="green" if delivery["state"] == "delivered" else "bold red")
