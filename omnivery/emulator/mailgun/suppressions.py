"""Bounces, complaints and unsubscribes: three lists that work alike."""

# https://docs.omnivery.com/api-ref/mailgun-api  (Bounces, Complaints, Unsubscribes)
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.address_rules import ADDRESS
from omnivery.emulator.domain import Domain
from omnivery.emulator.forms import media_type, read_records
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
    alone: Callable[[Entry], Entry] = dict
    """How a record looks that is asked for by its address."""
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
        return json_response(page(request, state, self._list(request, state).sorted()))

    async def create(self, request: Request, state: State) -> Response:
        """Add or replace one record, from a form or a JSON object, or up to 1000 from a JSON array."""
        found = self._list(request, state)
        sent, many = await read_records(request, state)
        if not many and state.settings.dialect == "mailgun" and media_type(request) == "application/json":
            raise Refusal("the body must be a form, or a JSON array of records")
        if len(sent) > LONGEST_ARRAY:
            raise Refusal(f"Too many records, max is {LONGEST_ARRAY}")
        # All or none: a record that is refused must not leave those before it behind.
        records = [self._checked(item) for item in sent]
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
        return json_response(self.alone(record))

    async def delete(self, request: Request, state: State) -> Response:
        """Take one address off the list."""
        address = request.path_params["address"]
        if self._list(request, state).remove(address) is None:
            raise Refusal(self.missing, status=404)
        return json_response({"address": address, "message": self.removed})

    def _list(self, request: Request, state: State) -> SuppressionList:
        return self.list_of(state.account.find(request.path_params["domain"]))

    def _checked(self, sent: Entry) -> dict[str, Any]:
        address = sent.get("address")
        if not isinstance(address, str) or not address.strip():
            raise Refusal("address parameter is missing")
        if not ADDRESS.fullmatch(address.strip()):
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


def _complaint_alone(record: Entry) -> Entry:
    # The page's own inconsistency: a list says `error` where a single response says `description`.
    return {("description" if name == "error" else name): value for name, value in record.items()}


BOUNCES = Kind(
    name="bounces",
    list_of=lambda domain: domain.bounces,
    record=lambda sent: {"code": _text(sent, "code", "550"), "error": _text(sent, "error")},
    missing="Address not found in bounces table",
    removed="Bounced address has been removed",
)
COMPLAINTS = Kind(
    name="complaints",
    list_of=lambda domain: domain.complaints,
    record=lambda sent: {"error": _text(sent, "error")},
    alone=_complaint_alone,
    missing="No spam complaints found for this address",
    removed="Spam complaint has been removed",
)
UNSUBSCRIBES = Kind(
    name="unsubscribes",
    list_of=lambda domain: domain.unsubscribes,
    record=lambda sent: {"error": _text(sent, "error"), "tags": _tags(sent)},
    missing="Address not found in unsubscribers table",
    removed="Unsubscribe event has been removed",
)
ROUTES = (
    *BOUNCES.routes(),
    mailgun("bounces.delete_all", "DELETE", "/{domain}/bounces", delete_all_bounces),
    *COMPLAINTS.routes(),
    *UNSUBSCRIBES.routes(),
)
