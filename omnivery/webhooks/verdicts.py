"""Bot results: one webhook call carries the verdicts of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from attrs import field, frozen

from omnivery.display.table import Table, table_of
from omnivery.display.tabular import Tabular
from omnivery.events.event import EVENT_KINDS, FIELD_NAMES, FIELDS, BotEvent
from omnivery.events.verdict import Verdict
from omnivery.webhooks.body import DAMAGED

if TYPE_CHECKING:
    from omnivery.webhooks.signature import Signature

_EVENT_NAMES = FIELD_NAMES | {"is_bot"}


@frozen(kw_only=True)
class BotVerdicts(Tabular):
    """The verdicts of one webhook call: iterate over it; `len()` counts them.

    As a table it has a row for each verdict: `event_id`, `is_bot`, then the event's fields and your own attributes.

    Source: https://docs.omnivery.com/api-ref/automations-api (Bot detection, webhook).
    """

    verdicts: tuple[Verdict, ...]
    """One for each event, in the order of the call."""
    unreadable: tuple[Any, ...] = field(default=(), repr=False)
    """Entries of the call that are not events, as received: not an object, or with an id that is damaged."""
    token: str = field(repr=False)
    """Identifies the call: equal tokens mean a repeated call. Of an unsigned call, a digest of its body."""
    timestamp: int
    """When the service signed the call, in unix seconds; for an unsigned call, when it was read."""
    verified: bool = field(default=False, eq=False)
    """Whether a signature, or your own verifier, proved the sender. Left out of comparisons."""
    batch: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """What the service says about the batch, as received: its fields are not documented."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the call that the SDK does not know."""

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    def __len__(self) -> int:
        return len(self.verdicts)

    def _table(self) -> Table:
        return table_of(
            "Bot verdicts",
            [{**verdict.request.to_fields(), "is_bot": verdict.is_bot} for verdict in self.verdicts],
            columns=("event_id", "is_bot", *FIELDS),
            kinds={"is_bot": bool, **EVENT_KINDS},
            caption=f"{len(self.unreadable)} unreadable entries" if self.unreadable else "",
        )


def is_known(payload: Mapping[str, Any]) -> bool:
    """Return whether a payload carries bot results."""
    return "events" in payload or ("is_bot" in payload and "request" in payload) or _is_object(payload.get("request"))


def read(
    payload: Mapping[str, Any], signature: Signature, *, verified: bool, now: float, repaired: bool = False
) -> BotVerdicts:
    """Read a payload for which `is_known` is true. An entry that cannot be read costs none of the others.

    The API's table calls `events` an object and its prose an array, so both are read: a list, one event, or an
    object of events. A call with `request` in place of `events` is the result of a single check.

    Args:
        payload: the call's body.
        signature: the call's signature.
        verified: whether the signature, or something else, proved the sender.
        now: stands in for the timestamp of an unsigned call, in unix seconds.
        repaired: whether the body's text was damaged in places.
    """
    rest = {name: value for name, value in payload.items() if name != "signature"}
    found: list[Verdict] = []
    unreadable: list[Any] = []
    for entry, kept in _entries(rest.pop("events") if "events" in rest else [_result(rest)]):
        # The exact type first: it is cheaper to ask for, and what every entry of a call is.
        if (type(entry) is dict or isinstance(entry, Mapping)) and not (repaired and _has_damaged_id(entry)):
            found.append(_verdict(entry if "event_id" in entry else _of_check(entry)))
        else:
            unreadable.append(kept)
    batch: Mapping[str, Any] = rest.pop("batch") if _is_object(rest.get("batch")) else {}
    return BotVerdicts(
        verdicts=tuple(found),
        unreadable=tuple(unreadable),
        token=signature.token,
        timestamp=int(now) if signature.signed_at is None else signature.signed_at,
        verified=verified,
        batch=batch,
        extra=rest,
    )


def _entries(events: object) -> Iterator[tuple[object, object]]:
    """Each entry, and what is kept of it if it is unreadable."""
    if not isinstance(events, Mapping):
        yield from ((entry, entry) for entry in (events if isinstance(events, list) else [events]))
        return
    mapping = cast("Mapping[str, object]", events)
    # A single event has one of its fields at the top. Where such a name holds an object, the name is an event's id:
    # a user may have an event whose id is "domain".
    if any(name in mapping and not isinstance(mapping[name], Mapping) for name in _EVENT_NAMES):
        yield mapping, mapping
    else:
        yield from ((_named(entry, name), {name: entry}) for name, entry in mapping.items())


def _named(entry: object, name: str) -> object:
    """An entry of an object of events: where it says no id of its own, its name is the event's id."""
    return {**entry, "event_id": name} if isinstance(entry, Mapping) and entry.get("event_id") is None else entry


def _result(rest: dict[str, Any]) -> object:
    """The result of a single check, in the form of an entry of `events`."""
    is_bot, request = rest.pop("is_bot", None), rest.pop("request")
    return {**request, "is_bot": is_bot} if _is_object(request) else request


def _of_check(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """An entry without an id; of one in the form of a check's result, whose `request` has it, all fields."""
    request = entry.get("request")
    if not isinstance(request, Mapping) or "event_id" not in request:
        return entry
    return {**request, **{name: value for name, value in entry.items() if name != "request"}}


def _is_object(value: object) -> bool:
    return isinstance(value, Mapping)


def _has_damaged_id(entry: Mapping[str, Any]) -> bool:
    # Two ids that are damaged may be repaired into the same text.
    return DAMAGED in str(entry.get("event_id", ""))


def _verdict(entry: Mapping[str, Any]) -> Verdict:
    fields = dict(entry)
    is_bot = fields.pop("is_bot", None)
    request = BotEvent.from_fields(fields)
    if is_bot is None or isinstance(is_bot, bool):
        return Verdict(is_bot=is_bot, request=request)
    # Not a boolean, so not a verdict; the value is kept beside it.
    return Verdict(request=request, extra={"is_bot": is_bot})
