"""Templates of the page, and the headers that every page is sent with."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, Response

from omnivery.display.counts import counted
from omnivery.emulator.page import texts
from omnivery.emulator.page.sections import BASE, SECTIONS, Section
from omnivery.emulator.page.static_files import static_path

if TYPE_CHECKING:
    from jinja2 import Environment

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types page"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""Scripts and styles come from files of the page alone, nothing comes from another host, and nothing is kept."""
LIVE = f"{BASE}/live"
"""Path of the stream of changes."""


@cache
def environment() -> Environment:
    """Return the templates. Every value is escaped: what comes from outside is text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(
        loader=PackageLoader("omnivery.emulator.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "number": texts.number,
        "size": texts.size,
        "share": texts.share,
        "counted": counted,
        "exact": texts.exact,
        "masked": texts.masked,
    }
    found.globals |= {"sections": SECTIONS, "static": static_path, "live_url": LIVE}
    return found


def render(name: str, section: Section, *, counts: dict[str, str], status: int = 200, **values: Any) -> Response:
    """Return a page.

    Args:
        name: the template's name.
        section: the section that the page belongs to.
        counts: the counts beside the sections' names.
        status: the response's status.
        values: what the template shows.
    """
    now = datetime.now(UTC)
    page = (
        environment()
        .get_template(name)
        .render(section=section, counts=counts, age=lambda moment: texts.age(moment, now), **values)
    )
    return HTMLResponse(page.encode("utf-8", "replace"), status_code=status, headers=HEADERS)
