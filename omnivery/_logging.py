"""The SDK's own loggers, and the filter that keeps secrets and personal data out of their records."""

from __future__ import annotations

import logging
import os
import re
import sys

from attrs import define

LOG_LEVEL = "OMNIVERY_LOG"
"""Environment variable that switches logging on: `debug` or `info`."""

# "ov-token: abc", "authorization=Basic abc", "signing_key": "abc" and their like. Possessive quantifiers (*+) and the
# alternatives' distinct first characters keep the search linear: the text may come from a hostile server.
_SECRET = re.compile(
    r"(?i)(?<![a-z])((?:ov[-_])?token|authorization|(?:api|sending|signing)[-_]?key|password|signature)"
    r"([\"']?\s*+[:=]\s*+[\"']?|[\"'],\s*+b?[\"'])((?:basic|bearer)\s++)?[^\s\"',;&}]++"
)
# The characters of an e-mail address's local part, then "@" and a domain. A URL has %40 for "@": httpx logs URLs of a
# caller's own client. The domain is optional, so that a word without one is consumed at once; otherwise the search
# would start again at each of its letters, and take quadratic time.
_WORD = re.compile(r"(?:[\w.+\-']|%(?!40))++((?:@|%40)[\w\-]++(?:\.[\w\-]++)++)?")

_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.\-]*+://)(?:[^/?#\s@]*+@)?([^/?#\s@]*+)(.*)", re.DOTALL)


def redact(text: str) -> str:
    """Mask what looks like a key, a token, a signature or an e-mail address. Takes linear time for any text."""
    text = _SECRET.sub(r"\1\2***", text)
    if "@" in text or "%40" in text:
        text = _WORD.sub(lambda word: "***@***" if word[1] else word[0], text)
    return text


def mask_url(url: str) -> str:
    """Return scheme and host of a URL: user name, path and query may be secrets."""
    parts = _URL.match(url)
    return f"{parts[1]}{parts[2]}{'/…' if parts[3] else ''}" if parts else "***"


class RedactionFilter(logging.Filter):
    """Masks secrets and e-mail addresses in a record's message and traceback. Attach it to your own handlers, too.

    A record that needs no masking is left as it is. In one that does, the formatted message replaces `msg` and `args`,
    and the formatted traceback replaces `exc_info`.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; never drops one."""
        _redact_traceback(record)
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001  # the arguments do not fit the message: logging reports that itself
            return True
        masked = redact(text)
        if masked != text:
            record.msg, record.args = masked, ()
        return True


def _redact_traceback(record: logging.LogRecord) -> None:
    text = record.exc_text or (_FORMATTER.formatException(record.exc_info) if record.exc_info else "")
    masked = redact(text)
    if masked != text:
        # Formatters print `exc_text`, but some of them would rather format `exc_info` again.
        record.exc_text, record.exc_info = masked, None
    if record.stack_info:
        record.stack_info = redact(record.stack_info)


@define(kw_only=True)
class LogThrottle:
    """A counter that is worth a log record at 1, 2, 4, 8 …: the first event is logged at once, a flood is not."""

    count: int = 0

    def add(self, more: int) -> bool:
        """Add to the count.

        Returns:
            Whether the new count is worth a log record.
        """
        before = self.count.bit_length()
        self.count += more
        return self.count.bit_length() > before


class _FallbackHandler(logging.Handler):
    """Prints to standard error while the program has no handler of its own for the record.

    It replaces `logging.lastResort`, which our NullHandler disables. Setting `logging.lastResort` to None switches this
    handler off, too.
    """

    def emit(self, record: logging.LogRecord) -> None:
        if sys.stderr is not None and logging.lastResort is not None and not _has_handler(record.name):
            try:
                sys.stderr.write(f"{self.format(record)}\n")
            except Exception:  # noqa: BLE001  # as every handler of the standard library
                self.handleError(record)


def _has_handler(name: str) -> bool:
    """Whether records of that logger reach a handler that is not ours. The program's own NullHandler counts as one."""
    logger: logging.Logger | None = logging.getLogger(name)
    while logger is not None:
        if any(handler is not _SILENCE and not isinstance(handler, _FallbackHandler) for handler in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False


_FORMATTER = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
_REDACTION = RedactionFilter()
_SILENCE = logging.NullHandler()
_STDERR = _FallbackHandler()
_STDERR.setFormatter(_FORMATTER)
_WARNINGS = _FallbackHandler(logging.WARNING)
_WARNINGS.setFormatter(_FORMATTER)


def get_logger(name: str, *, prints: bool = False) -> logging.Logger:
    """Return a logger below `omnivery` with the redaction filter on it.

    Args:
        name: the logger's name.
        prints: whether its warnings and errors go to standard error in a program without logging, so that they are
            not missed.
    """
    root = _set_up_root()
    logger = logging.getLogger(name)
    # A parent's filters do not apply to a child's records. Adding a filter that is already there changes nothing.
    logger.addFilter(_REDACTION)
    if prints and _STDERR not in root.handlers:
        logger.addHandler(_WARNINGS)
    return logger


def _set_up_root() -> logging.Logger:
    root = logging.getLogger("omnivery")
    if _SILENCE in root.handlers:
        return root
    # A program that has not set up logging must not find our records on its standard error, unless it asked for them.
    root.addHandler(_SILENCE)
    wanted = os.environ.get(LOG_LEVEL, "").strip().upper()
    if not wanted:
        return root
    root.addHandler(_STDERR)
    if wanted in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        root.setLevel(wanted)
    else:
        root.warning("%s must be debug or info; logging stays as it is set up", LOG_LEVEL)
    return root
