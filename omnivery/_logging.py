"""The SDK's own log, and the filter that keeps secrets and personal data out of it."""

from __future__ import annotations

import logging
import re

_MASKS = (
    # "ov-token: abc", "authorization=Basic abc", "signing_key": "abc" and their like
    (
        re.compile(
            r"(?i)(?<![a-z])((?:ov[-_])?token|authorization|(?:api|sending|signing)[-_]?key|password|signature)"
            r"([\"']?\s*[:=]\s*[\"']?|[\"'],\s*b?[\"'])((?:basic|bearer)\s+)?[^\s\"',;&}]+"
        ),
        r"\1\2***",
    ),
    # %40 is how an address stands in a URL, such as those that httpx logs for a caller's own client.
    (re.compile(r"[\w.+%\-']+?(?:@|%40)[\w\-]+(?:\.[\w\-]+)+"), "***@***"),
)


def redact(text: str) -> str:
    """Mask what looks like a key, a token, a signature or a mail address."""
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return text


class RedactionFilter(logging.Filter):
    """Masks secrets and mail addresses in the final text of every record. Attach it to your own handlers, too."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; never drops one."""
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001  # arguments that do not fit: whatever they raise, logging reports it itself
            return True
        masked = redact(text)
        if masked != text:
            record.msg, record.args = masked, ()
        return True


_REDACTION = RedactionFilter()
_SILENCE = logging.NullHandler()


def get_logger(name: str) -> logging.Logger:
    """A logger below `omnivery` with the redaction filter on it."""
    # A program that has not set up logging must not find our lines on its standard error.
    logging.getLogger("omnivery").addHandler(_SILENCE)
    logger = logging.getLogger(name)
    # A parent's filters do not see a child's records. Adding one that is already there changes nothing.
    logger.addFilter(_REDACTION)
    return logger
