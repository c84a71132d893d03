"""This machine's clock, compared with the servers': webhook signatures, certificates and logs depend on it."""

from __future__ import annotations

from collections.abc import Sequence

from omnivery.cli.checkup.finding import Area, Finding, note, ok, problem, warning
from omnivery.cli.checkup.probe import ClockSample
from omnivery.webhooks.explanation import duration
from omnivery.webhooks.signature import TOLERANCE

NOTICEABLE = 30.0
"""Seconds of difference that a clock which is set over the network does not have."""
REPAIR = "Have the clock set over the network: `timedatectl set-ntp true`, or the date and time settings."


def check_clock(samples: Sequence[ClockSample]) -> Finding:
    """Compare the clocks, by the sample that is the most certain."""
    if not samples:
        return note(
            Area.CLOCK, "No server told its time, so the clock could not be compared.", "Have a server respond first."
        )
    best = min(samples, key=lambda sample: sample.uncertainty)
    skew, off = round(best.skew, 1), max(0.0, abs(best.skew) - best.uncertainty)
    size = round(abs(skew), -1) if off < TOLERANCE else 60 * round(abs(skew) / 60)
    words = f"This machine's clock is about {duration(size)} {'ahead of' if skew > 0 else 'behind'} the server's"
    if off >= TOLERANCE:
        message = f"{words}: every webhook call will be refused as {'too old' if skew > 0 else 'from the future'}."
        return problem(Area.CLOCK, message, REPAIR, skew=skew)
    if off >= NOTICEABLE:
        return warning(Area.CLOCK, f"{words}; webhook calls bear {TOLERANCE} seconds.", REPAIR, skew=skew)
    agreement = f"within {max(1, round(abs(best.skew) + best.uncertainty))} s"
    return ok(Area.CLOCK, f"This machine's clock agrees with the server's {agreement}.", skew=skew)
