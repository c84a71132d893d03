"""Fault specifications: the faults that requests and webhooks meet by chance, written as one line.

`429=5%,500=1%,cut=0.5%,delay=50ms±20ms,dup=1%,late=2s,limit=10/s`
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Self, TypeAlias

from attrs import field, frozen

from omnivery.emulator.fault_values import Duration, Rate, Share
from omnivery.errors import ConfigError, phrase

ANY = "*"
"""Matches every route."""

Value: TypeAlias = Share | Duration | Rate


@frozen(kw_only=True)
class FaultKind:
    """One kind of fault that a specification can name."""

    name: str
    """The name in a specification. `429` stands for every status from 400 to 599."""
    example: str
    """A value as it is written."""
    of: type[Share | Duration | Rate] = field(repr=False)
    """The type of the values."""
    text: str = field(repr=False)
    """What it means, with `{value}` and `{phrase}` to fill in."""
    routed: bool = True
    """Whether it may be limited to one route, as `messages:500=2%`."""

    def meaning(self, value: str, phrase: str) -> str:
        """Return what a value means, in words."""
        return self.text.format(value=value, phrase=phrase)


KINDS = (
    FaultKind(name="429", example="5%", of=Share, text="{value} of requests get {phrase} and are not carried out"),
    FaultKind(name="cut", example="0.5%", of=Share, text="{value} of connections are cut, before or after acceptance"),
    FaultKind(name="cut-before", example="1%", of=Share, text="{value} of connections are cut before acceptance"),
    FaultKind(name="cut-after", example="1%", of=Share, text="{value} of connections are cut after acceptance"),
    FaultKind(name="delay", example="50ms±20ms", of=Duration, text="every request waits {value} first"),
    FaultKind(name="limit", example="10/s", of=Rate, text="requests beyond {value} get 429 with a Retry-After"),
    FaultKind(
        name="retry-after", example="1s", of=Duration, text="the Retry-After of chance 429 and 503 responses is {value}"
    ),
    FaultKind(name="dup", example="1%", of=Share, text="{value} of webhooks are delivered twice", routed=False),
    FaultKind(name="late", example="2s", of=Duration, text="every webhook comes {value} later", routed=False),
)
"""The kinds of faults, in the order in which a page may show them."""
KNOWN = ", ".join(f"{kind.name}={kind.example}" for kind in KINDS)


@frozen(kw_only=True)
class FaultPart:
    """One part of a specification, such as `429=5%` or `messages:500=2%`."""

    name: str
    """Name of its kind; the status for those that are one."""
    value: Value
    """The share, duration or rate."""
    route: str = ANY
    """Name of the route that it is limited to; `*` for all."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one part.

        Raises:
            ConfigError: it is not of the form `name=value`, or there is no such fault, or its value is not valid.
        """
        left, equals, written = (piece.strip() for piece in text.partition("="))
        route, colon, name = (piece.strip() for piece in left.rpartition(":"))
        if not equals or not name or not written or (colon and not route):
            raise ConfigError(f"fault {text!r} is not of the form name=value: known are {KNOWN}")
        kind = _kind_of(name)
        if kind is None:
            raise ConfigError(f"no fault is named {name!r}: known are {KNOWN}, and any status from 400 to 599")
        if route and not kind.routed:
            raise ConfigError(f"fault {text!r}: {name} is about webhooks, and cannot be limited to the route {route!r}")
        try:
            return cls(name=name, value=kind.of.parse(written), route=route or ANY)
        except ConfigError as error:
            raise ConfigError(f"fault {text!r}: {error}") from None

    @property
    def share(self) -> float:
        """The share of requests that have this fault in place of their response; 0 for other kinds of faults."""
        return self.value.share if isinstance(self.value, Share) and self.name != "dup" else 0.0

    @property
    def meaning(self) -> str:
        """What it means, in words."""
        status = int(self.name) if self.name.isdecimal() else 0
        said = self.kind.meaning(str(self.value), f"{status} {phrase(status)}")
        return said if self.route == ANY else f"{said}, on the route {self.route}"

    @property
    def kind(self) -> FaultKind:
        """Its kind."""
        kind = _kind_of(self.name)
        assert kind is not None  # noqa: S101  # parse() saw to it
        return kind

    def as_data(self) -> dict[str, str]:
        """Return it as plain data: `name`, `route`, `value`, `meaning`, and `text`, from which it can be read again."""
        value, route = str(self.value), self.route
        return {"name": self.name, "route": route, "value": value, "meaning": self.meaning, "text": str(self)}

    def __str__(self) -> str:
        prefix = "" if self.route == ANY else f"{self.route}:"
        return f"{prefix}{self.name}={self.value}"


@frozen(kw_only=True)
class FaultSpec:
    """Faults by chance. `FaultSpec.parse(text)` makes one, `str(spec)` gives the text again.

    A part for one route replaces the part of that name for all routes. A request has one fault in place of its response
    at most, so the sum of a route's shares is at most 100%.
    """

    parts: tuple[FaultPart, ...] = ()
    """The parts, in their order."""
    seed: int | None = None
    """Seed of the random numbers; the emulator's own when None."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a specification; an empty text has no faults.

        Args:
            text: parts, separated by commas, such as `429=5%,cut=0.5%,delay=50ms±20ms,messages:500=2%,seed=7`.

        Raises:
            ConfigError: a part is not valid or comes twice, or shares add up to more than 100%; says which, and what is
                known.
        """
        pieces = [piece.strip() for piece in text.split(",")] if text.strip() else []
        seeds = [piece for piece in pieces if re.match(r"seed\s*=", piece)]
        parts = tuple(FaultPart.parse(piece) for piece in pieces if piece not in seeds)
        if len(seeds) > 1:
            raise ConfigError("seed is given twice")
        _check_parts(parts)
        return cls(parts=parts, seed=_seed(seeds[0]) if seeds else None)

    @classmethod
    def of(cls, faults: FaultSpec | str | None) -> FaultSpec:
        """Return a specification as it is, and read one that is text; None has no faults."""
        return faults if isinstance(faults, FaultSpec) else cls.parse(faults or "")

    def for_route(self, route: str) -> dict[str, FaultPart]:
        """Return the parts that apply to a route, by name."""
        return {
            **{part.name: part for part in self.parts if part.route == ANY},
            **{part.name: part for part in self.parts if part.route == route},
        }

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data: `faults` (the text), `seed`, and `parts`."""
        return {"faults": str(self), "seed": self.seed, "parts": [part.as_data() for part in self.parts]}

    def __bool__(self) -> bool:
        return bool(self.parts)

    def __str__(self) -> str:
        seed = [] if self.seed is None else [f"seed={self.seed}"]
        return ",".join([*map(str, self.parts), *seed])


def _kind_of(name: str) -> FaultKind | None:
    known = "429" if re.fullmatch(r"[45][0-9]{2}", name) else name
    return next((kind for kind in KINDS if kind.name == known), None)


def _seed(text: str) -> int:
    written = text.partition("=")[2].strip()
    if not re.fullmatch(r"-?[0-9]{1,18}", written):
        raise ConfigError(f"seed {written!r} is not a whole number")
    return int(written)


def _check_parts(parts: tuple[FaultPart, ...]) -> None:
    if twice := next(_repeated((part.route, part.name) for part in parts), None):
        route, name = twice
        raise ConfigError(f"fault {name!r} is given twice{'' if route == ANY else f' for the route {route}'}")
    spec = FaultSpec(parts=parts)
    for route in dict.fromkeys((ANY, *(part.route for part in parts))):
        total = sum(part.share for part in spec.for_route(route).values())
        if total > 1 + 1e-9:
            where = "" if route == ANY else f" of the route {route}"
            raise ConfigError(
                f"the shares{where} add up to {total * 100:g}%, but a request has only one fault: 100% at most"
            )


def _repeated(keys: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    seen: set[tuple[str, str]] = set()
    for key in keys:
        if key in seen:
            yield key
        seen.add(key)
