"""The suppression lists, as both APIs have them, and how their entries are shown and written to files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click
from attrs import frozen

from omnivery.cli.failure import SettingError

if TYPE_CHECKING:
    from omnivery.mailgun import Bounces, Complaints, Mailgun, Unsubscribes, Whitelists


@frozen(kw_only=True)
class SuppressionList:
    """One of the lists."""

    name: str
    fields: tuple[str, ...]
    """What an entry can be added with."""
    columns: Mapping[str, type]
    """The columns of an export. It can be imported again."""
    type: str | None = None
    """Its name in the Automations API; None if that has no such list."""
    needs_error: bool = False
    """Whether the API asks for a reason."""
    in_arrays: bool = True
    """Whether one request takes many records."""

    def of(self, client: Mailgun) -> Bounces | Complaints | Unsubscribes | Whitelists:
        """Return the resource of a client."""
        lists: Mapping[str, Any] = {
            "bounces": client.bounces,
            "complaints": client.complaints,
            "unsubscribes": client.unsubscribes,
            "whitelists": client.whitelists,
        }
        return lists[self.name]  # type: ignore[no-any-return]  # one of the four

    def automations_type(self) -> str:
        """Return its name in the Automations API.

        Raises:
            SettingError: that has no such list.
        """
        if self.type is None:
            raise SettingError(
                f"the Automations API has no {self.name}. Nothing was sent.",
                hint="The Mailgun-compatible API has: set OMNIVERY_API_KEY.",
            )
        return self.type


LISTS = {
    "bounces": SuppressionList(
        name="bounces",
        fields=("address", "code", "error", "created_at"),
        columns={"address": str, "code": str, "error": str, "created_at": str},
        type="bounce",
    ),
    "complaints": SuppressionList(
        name="complaints",
        fields=("address", "error", "created_at"),
        columns={"address": str, "error": str, "created_at": str},
        type="complaint",
        needs_error=True,
    ),
    "unsubscribes": SuppressionList(
        name="unsubscribes",
        fields=("address", "error", "tags", "created_at"),
        columns={"address": str, "error": str, "tags": list, "created_at": str},
        type="unsubscribe",
    ),
    "whitelists": SuppressionList(
        name="whitelists",
        fields=("address",),
        columns={"address": str, "type": str, "reason": str, "created_at": str},
        in_arrays=False,
    ),
}

list_argument: Callable[[Callable[..., Any]], Callable[..., Any]] = click.argument(
    "which", metavar="LIST", type=click.Choice(sorted(LISTS)), callback=lambda _context, _parameter, name: LISTS[name]
)
"""The argument LIST: bounces, complaints, unsubscribes or whitelists."""


def row_of(entry: Any, columns: Mapping[str, type]) -> dict[str, Any]:
    """Return an entry as a value for each column."""
    # An entry of the whitelist has a value, which is an address or a domain.
    found = {name: getattr(entry, name, None) for name in columns}
    found["address"] = getattr(entry, "address", None) or getattr(entry, "value", None)
    if "tags" in found:
        found["tags"] = list(found["tags"] or ())
    return found
