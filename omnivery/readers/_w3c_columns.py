"""The columns of W3C logs without their `#Fields` line: a filter took it out, or it stands in an earlier file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from omnivery.events.ip_address import client_address

DELIMITER = re.compile(r"\s*[,;|]\s*|\s+")
"""What stands between the names of columns."""


class Layout(NamedTuple):
    """Columns that a server writes as long as nobody chooses others."""

    name: str
    """Of the format."""
    columns: Sequence[str]
    counts: Sequence[int]
    """How many columns a line may have: the newest ones stand at the end."""
    line: re.Pattern[str]
    """What a line begins with."""


_EDGE = r"[A-Z]{3}\d{1,3}(?:-[A-Z]\d{1,2})?"
_CLOUDFRONT = """
date time x-edge-location sc-bytes c-ip cs-method cs(host) cs-uri-stem sc-status cs(referer) cs(user-agent)
cs-uri-query cs(cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken
x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status
fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len
sc-range-start sc-range-end
"""
_IN_REAL_TIME = """
timestamp c-ip time-to-first-byte sc-status sc-bytes cs-method cs-protocol cs-host cs-uri-stem cs-bytes
x-edge-location x-edge-request-id x-host-header time-taken cs-protocol-version c-ip-version cs-user-agent cs-referer
cs-cookie cs-uri-query x-edge-response-result-type x-forwarded-for ssl-protocol ssl-cipher x-edge-result-type
fle-encrypted-fields fle-status sc-content-type sc-content-len sc-range-start sc-range-end c-port
x-edge-detailed-result-type c-country cs-accept-encoding cs-accept cache-behavior-path-pattern cs-headers
cs-header-names cs-headers-count
"""
_IIS = """
date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(user-agent) cs(referer) sc-status
sc-substatus sc-win32-status time-taken
"""
_LAYOUTS: Sequence[Layout] = (
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html
    Layout(
        name="cloudfront",
        columns=_CLOUDFRONT.split(),
        counts=(24, 26, 33),
        line=re.compile(rf"\d{{4}}-\d\d-\d\d\t\d\d:\d\d:\d\d\t{_EDGE}\t\d+\t"),
    ),
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/real-time-logs.html
    Layout(
        name="cloudfront",
        columns=_IN_REAL_TIME.split(),
        counts=range(33, 65),
        line=re.compile(rf"\d{{10}}\.\d{{3}}\t[\da-fA-F:.]+\t\S+\t\S+\t\d+\t[A-Z]+\t\w+\t\S+\t\S+\t\d+\t{_EDGE}\t"),
    ),
    # https://learn.microsoft.com/iis/configuration/system.applicationhost/sites/sitedefaults/logfile
    Layout(
        name="iis",
        columns=_IIS.split(),
        counts=(15,),
        line=re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [\da-fA-F:.%]+ [A-Z]+ /\S* \S+ \d{1,5} \S+ [\da-fA-F:.%]+ "),
    ),
)


@lru_cache(maxsize=4)  # once to recognize a line, once to read it
def layout_of(text: str) -> Layout | None:
    """Return the layout that a line without a `#Fields` line above it has; None if it has none that is known."""
    for layout in _LAYOUTS:
        if layout.line.match(text) is None:
            continue
        cells = text.split("\t" if "\t" in text else " ")
        if len(cells) in layout.counts and client_address(cells[layout.columns.index("c-ip")]) is not None:
            return layout
    return None


def columns_of(text: str) -> Sequence[str]:
    """Return the columns that such a line has; none if it has no layout that is known."""
    layout = layout_of(text)
    if layout is None:
        return ()
    count = text.count("\t" if "\t" in text else " ") + 1
    return layout.columns if count == len(layout.columns) else _so_many(tuple(layout.columns), count)


@lru_cache(maxsize=16)
def _so_many(columns: Sequence[str], count: int) -> Sequence[str]:
    return [*columns, *(f"x-{number}" for number in range(len(columns), count))][:count]
