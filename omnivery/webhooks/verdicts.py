"""Bot results: one webhook call carries the verdicts of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from attrs import field, frozen

from omnivery.display.table import Table, table_of
from omnivery.display.tabular import Tabular
from omnivery.errors import PayloadError
from omnivery.events.event import FIELD_NAMES, FIELDS
from omnivery.events.event_list import EVENT_KINDS
from omnivery.events.verdict import Verdict

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
    token: str = field(repr=False)
    """The call's token: equal tokens mean a repeated call."""
    timestamp: int
    """When the service signed the call, in unix seconds."""
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
            [{**verdict.request, "is_bot": verdict.is_bot} for verdict in self.verdicts],
            columns=("event_id", "is_bot", *FIELDS),
            kinds={"is_bot": bool, **EVENT_KINDS},
        )


def is_known(payload: Mapping[str, Any]) -> bool:
    """Return whether a payload carries bot results."""
    return "events" in payload or isinstance(payload.get("request"), Mapping)


def read(payload: Mapping[str, Any], signature: Signature) -> BotVerdicts:
    """Read a payload for which `is_known` is true, after its signature was checked.

    The API's table calls `events` an object and its prose an array, so both are read: a list, one event, or an
    object of events. A call with `request` in place of `events` is the result of a single check.

    Raises:
        PayloadError: `events`, or an entry of it, is none of these.
    """
    rest = {name: value for name, value in payload.items() if name != "signature"}
    if "events" in rest:
        found = tuple(_event_verdict(event) for event in _entries(rest.pop("events")))
    else:
        found = (_verdict(rest.pop("is_bot", None), rest.pop("request")),)
    batch: Mapping[str, Any] = rest.pop("batch") if isinstance(rest.get("batch"), Mapping) else {}
    return BotVerdicts(
        verdicts=found, token=signature.token, timestamp=int(signature.timestamp), batch=batch, extra=rest
    )


def _entries(events: object) -> list[object]:
    if isinstance(events, list):
        return cast("list[object]", events)
    if not isinstance(events, Mapping):
        raise PayloadError("`events` is neither a list nor an object")
    mapping = cast("Mapping[str, object]", events)
    # A single event has one of its fields at the top. Where such a name holds an object, the name is an event's id:
    # a user may have an event whose id is "domain".
    single = any(name in mapping and not isinstance(mapping[name], Mapping) for name in _EVENT_NAMES)
    return [mapping] if single else list(mapping.values())


def _event_verdict(event: object) -> Verdict:
    if not isinstance(event, Mapping):
        raise PayloadError("an entry of `events` is not an object")
    request = dict(cast("Mapping[str, Any]", event))
    return _verdict(request.pop("is_bot", None), request)


def _verdict(is_bot: object, request: Mapping[str, Any]) -> Verdict:
    if is_bot is None or isinstance(is_bot, bool):
        return Verdict(is_bot=is_bot, request=request)
    # Not a boolean, so not a verdict; the value is kept beside it.
    return Verdict(request=request, extra={"is_bot": is_bot})
