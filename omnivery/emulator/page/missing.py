"""The page for a record that is not there."""

from __future__ import annotations

from starlette.responses import Response

from omnivery.emulator.page.counts import counts
from omnivery.emulator.page.sections import Section
from omnivery.emulator.page.template import render
from omnivery.emulator.state import State


def missing(section: Section, state: State, noun: str) -> Response:
    """Return a page with status 404 that says what is missing, and why that may be."""
    return render("missing.html", section, counts=counts(state), status=404, noun=noun)
