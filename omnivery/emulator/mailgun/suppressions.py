"""Bounces, complaints and unsubscribes: three lists that work alike."""

# https://docs.omnivery.com/api-ref/mailgun-api  (Bounces, Complaints, Unsubscribes)
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.address_rules import is_mail_address
from omnivery.emulator.domain import Domain
from omnivery.emulator.forms import media_type, read_form, read_query, read_records
from omnivery.emulator.pages import Entry, page
from omnivery.emulator.refusal import Refusal
from omnivery.emulator.routes import Route, json_response, mailgun
from omnivery.emulator.state import State
from omnivery.emulator.suppressions import SuppressionList

LONGEST_ARRAY = 1000
"""Records that one JSON array may hold (Mailgun's own limit)."""


@frozen(kw_only=True)
class Kind:
    """One of the lists: what its records hold, and its words. The words are Mailgun's."""

    name: str
    list_of: Callable[[Domain], SuppressionList]
    record: Callable[[Entry], dict[str, Any]]
    """Makes a record of what a client sent."""
    fields: tuple[str, ...]
    """What a record has in responses of the dialect `omnivery`, beside `address` and `created_at`."""
    of_mailgun: tuple[str, ...]
    """The same in the dialect `mailgun`."""
    alone: tuple[str, str] | None = None
    """A field, and its name in the response for a single address of the dialect `omnivery`."""
    needed: str | None = None
    """A field that the dialect `omnivery` requires if it is strict."""
    missing: str
    removed: str

    def routes(self) -> tuple[Route, ...]:
        """The endpoints of this list."""
        every, one = f"/{{domain}}/{self.name}", f"/{{domain}}/{self.name}/{{address}}"
        return (
            mailgun(f"{self.name}.list", "GET", every, self.list_page),
            mailgun(f"{self.name}.create", "POST", every, self.create),
            mailgun(f"{self.name}.get", "GET", one, self.get),
            mailgun(f"{self.name}.delete", "DELETE", one, self.delete),
        )

    async def list_page(self, request: Request, state: State) -> Response:
        """One page of the list."""
        entries = self._list(request, state).sorted()
        return json_response(page(request, state, entries, show=lambda record: self._shown(record, state)))

    async def create(self, request: Request, state: State) -> Response:
        """Add or replace one record, from a form or a JSON object, or up to 1000 from a JSON array."""
        found = self._list(request, state)
        sent, many = await read_records(request, state)
        if not many and state.settings.like_mailgun and media_type(request) == "application/json":
            raise Refusal("the body must be a form, or a JSON array of records")
        if len(sent) > LONGEST_ARRAY:
            raise Refusal(f"Too many records, max is {LONGEST_ARRAY}")
        # All or none: a record that is refused must not leave those before it behind.
        records = [self._checked(item, state) for item in sent]
        for record in records:
            found.put(record["address"], record)
        if many:
            return json_response({"message": f"{len(records)} addresses have been added to the {self.name} table"})
        message = f"Address has been added to the {self.name} table"
        return json_response({"address": records[0]["address"], "message": message})

    async def get(self, request: Request, state: State) -> Response:
        """The record of one address."""
        record = self._list(request, state).get(request.path_params["address"])
        if record is None:
            raise Refusal(self.missing, status=404)
        shown = self._shown(record, state)
        if self.alone and not state.settings.like_mailgun:
            old, new = self.alone
            shown[new] = shown.pop(old)
        return json_response(shown)

    async def delete(self, request: Request, state: State) -> Response:
        """Take one address off the list; or one of its tags, in Mailgun's way, and the address with the last tag."""
        address, found = request.path_params["address"], self._list(request, state)
        tag = read_query(request).get("tag") or (await read_form(request, state)).get("tag")
        if tag and (record := found.get(address)):
            self._remove_tag(tag, record, found)
        elif found.remove(address) is None:
            raise Refusal(self.missing, status=404)
        return json_response({"address": address, "message": self.removed})

    def _remove_tag(self, tag: str, record: Entry, found: SuppressionList) -> None:
        tags = record.get("tags", [tag])
        if tag not in tags:
            raise Refusal(self.missing, status=404)
        rest = [other for other in tags if other != tag]
        if rest:
            found.put(record["address"], {**record, "tags": rest})
        else:
            found.remove(record["address"])

    def _shown(self, record: Entry, state: State) -> dict[str, Any]:
        names = self.of_mailgun if state.settings.like_mailgun else self.fields
        return {name: record[name] for name in ("address", *names, "created_at")}

    def _list(self, request: Request, state: State) -> SuppressionList:
        return self.list_of(state.account.find(request.path_params["domain"]))

    def _checked(self, sent: Entry, state: State) -> dict[str, Any]:
        if self.needed and state.settings.strict and not state.settings.like_mailgun and not sent.get(self.needed):
            raise Refusal(f"{self.needed} parameter is missing")
        address = sent.get("address")
        if not isinstance(address, str) or not address.strip():
            raise Refusal("address parameter is missing")
        if not is_mail_address(address.strip()):
            raise Refusal("address parameter is not a valid address")
        created = {"created_at": sent["created_at"]} if isinstance(sent.get("created_at"), str) else {}
        return {"address": address.strip(), **self.record(sent), **created}


async def delete_all_bounces(request: Request, state: State) -> Response:
    """Take every address off the bounce list."""
    state.account.find(request.path_params["domain"]).bounces.clear()
    return json_response({"message": "Bounced addresses for this domain have been removed"})


def _text(sent: Entry, name: str, default: str = "") -> str:
    value = sent.get(name)
    return default if value is None else str(value)


def _tags(sent: Entry) -> list[str]:
    tags = sent.get("tags")
    return [str(tag) for tag in tags] if isinstance(tags, list) and tags else [_text(sent, "tag", "*")]


BOUNCES = Kind(
    name="bounces",
    list_of=lambda domain: domain.bounces,
    record=lambda sent: {"code": _text(sent, "code", "550"), "error": _text(sent, "error")},
    fields=("code", "error"),
    of_mailgun=("code", "error"),
    missing="Address not found in bounces table",
    removed="Bounced address has been removed",
)
COMPLAINTS = Kind(
    name="complaints",
    list_of=lambda domain: domain.complaints,
    record=lambda sent: {"error": _text(sent, "error")},
    fields=("error",),
    of_mailgun=(),
    # The page's own inconsistency: a list says `error` where a single response says `description`.
    alone=("error", "description"),
    needed="error",
    missing="No spam complaints found for this address",
    removed="Spam complaint has been removed",
)
UNSUBSCRIBES = Kind(
    name="unsubscribes",
    list_of=lambda domain: domain.unsubscribes,
    record=lambda sent: {"error": _text(sent, "error"), "tags": _tags(sent)},
    fields=("error",),
    of_mailgun=("tags",),
    missing="Address not found in unsubscribers table",
    removed="Unsubscribe event has been removed",
)
ROUTES = (
    *BOUNCES.routes(),
    mailgun("bounces.delete_all", "DELETE", "/{domain}/bounces", delete_all_bounces),
    *COMPLAINTS.routes(),
    *UNSUBSCRIBES.routes(),
)
