"""The registry: every format that is recognized by its content and has a name."""

from __future__ import annotations

from typing import Any

from omnivery.errors import ConfigError
from omnivery.readers._format import Format, Sample
from omnivery.readers._log_formats import LOG_FORMATS
from omnivery.readers._ndjson import NdjsonReader


def _ndjson_share(sample: Sample) -> float:
    return _share(sample, [line.lstrip().startswith(b"{") for line in sample])


def _share(sample: Sample, read: list[bool]) -> float:
    return sum(read) / len(sample) if sample else 0.0


FORMATS: tuple[Format, ...] = (
    *(one.as_format() for one in LOG_FORMATS),
    Format(name="ndjson", sniff=_ndjson_share, reader=lambda _sample, _options: NdjsonReader()),
)
"""In the order in which they are preferred where a sample fits several alike."""


def format_named(name: str) -> Format:
    """Return the format of a name.

    Raises:
        ConfigError: there is none.
    """
    found = next((one for one in FORMATS if one.name == name), None)
    if found is None:
        raise ConfigError(f"format: there is no {name!r}; there are {', '.join(one.name for one in FORMATS)}")
    return found


def recognized(sample: Sample) -> tuple[Format | None, float]:
    """Return the format that reads most of a sample, and which share of it; None if no format reads any line."""
    scores: list[tuple[float, Any]] = [(one.sniff(sample), one) for one in FORMATS]
    best = max(scores, key=lambda scored: scored[0], default=(0.0, None))
    return (best[1], best[0]) if best[0] > 0 else (None, 0.0)
