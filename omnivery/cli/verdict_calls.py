"""The webhook calls that arrive while a command waits: counted, and each refusal reported when it happens."""

from __future__ import annotations

from collections.abc import Mapping

from omnivery._logging import LogThrottle
from omnivery.cli.output import say
from omnivery.display.counts import counted
from omnivery.webhooks.payload import WebhookEvent
from omnivery.webhooks.reasons import RefusalReason
from omnivery.webhooks.verdict_wait import Refusals
from omnivery.webhooks.verdicts import BotVerdicts
from omnivery.webhooks.watcher import Refusal

ADVICE: Mapping[str, str] = {
    RefusalReason.SIGNATURE_WRONG: "check OMNIVERY_SIGNING_KEY",
    RefusalReason.SIGNATURE_MISSING: "not the service's, or it does not sign its calls",
    RefusalReason.SIGNATURE_OLD: "a late retry, or a replay",
    RefusalReason.SIGNATURE_AHEAD: "check this machine's clock",
    RefusalReason.NOT_ACCEPTED: "it brings a delivery event; give the domain's webhooks another URL",
    RefusalReason.REPLAYED: "nothing is lost",
}


class VerdictCalls(Refusals):
    """Is told of the receiver's calls, and prints refusals: of each kind the 1st, 2nd, 4th, 8th and so on."""

    def __init__(self) -> None:
        super().__init__(self._report)
        self.received: int = 0
        """Verdicts that arrived so far."""
        self._throttles: dict[str, LogThrottle] = {}

    def accepted(self, event: WebhookEvent) -> None:
        """A call was handled."""
        super().accepted(event)
        if isinstance(event, BotVerdicts):
            self.received += len(event)

    def _report(self, refusal: Refusal) -> None:
        throttle = self._throttles.setdefault(refusal.reason, LogThrottle())
        if throttle.add(1):
            advice = ADVICE.get(refusal.reason, refusal.message)
            say(f"{counted(throttle.count, 'call')} refused: {refusal.reason}: {advice}")
