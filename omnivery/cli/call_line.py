"""A webhook call that was relayed, as a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omnivery.cli.call_summary import words
from omnivery.cli.output import console, print_json, printable, wants_json

if TYPE_CHECKING:
    from omnivery.cli.relay import RelayedCall


def print_call(relayed: RelayedCall, *, is_verifying: bool, with_hint: bool) -> None:
    """Print a call.

    Args:
        relayed: the call.
        is_verifying: whether there is a key to verify it with.
        with_hint: whether to say what to do about a refusal.
    """
    if wants_json():
        print_json(_as_json(relayed))
        return
    from rich.text import Text

    moment = relayed.call.received_at
    is_good = 200 <= relayed.status < 300  # noqa: PLR2004
    line = Text(f"{moment.astimezone():%H:%M:%S} " if moment else "")
    line.append(f" {relayed.status} ", style="green" if is_good else "bold red")
    if relayed.refusal is not None:
        line.append(f" refused, {relayed.refusal}: {printable(relayed.message or '')}")
    else:
        line.append(f" {printable(words(relayed.content))}")
        line.append("  (repeated)" if relayed.is_repeated else "")
        line.append("  not verified" if not is_verifying else "", style="red")
    if relayed.forwarded is not None:
        line.append(f"  forwarded: {printable(relayed.forwarded.words)}")
    out = console()
    out.print(line, soft_wrap=True)
    if relayed.hint and with_hint:
        out.print(f"           Next: {printable(relayed.hint)}", markup=False, style="italic", soft_wrap=True)


def _as_json(relayed: RelayedCall) -> dict[str, Any]:
    moment = relayed.call.received_at
    return {
        "received_at": moment and moment.isoformat(),
        "status": relayed.status,
        **relayed.content,
        "verified": relayed.is_verified,
        "repeated": relayed.is_repeated,
        "refused": relayed.refusal,
        "message": relayed.message,
        "hint": relayed.hint,
        "forwarded": relayed.forwarded and relayed.forwarded.to_fields(),
    }
