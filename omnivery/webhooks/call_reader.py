"""From the bytes of a webhook call to an event whose sender is proved, or need not be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

from omnivery.errors import ConfigError, PayloadError, SignatureError
from omnivery.webhooks.body import decode
from omnivery.webhooks.payload import WebhookEvent, need_object, read
from omnivery.webhooks.reasons import RefusalReason
from omnivery.webhooks.signature import check, check_tolerance, encode_keys, find, unsigned

Unsigned: TypeAlias = Literal["refuse", "accept"]
"""What happens to a call without a signature."""


_NAMES = tuple(gap.join([b"%c" % letter for letter in b"signature"]) for gap in (b"", b"\0", b"\0\0\0"))
"""The member's name in UTF-8, UTF-16 and UTF-32."""
GZIP = b"\x1f\x8b"
"""First bytes of what is compressed with gzip."""


@frozen(kw_only=True)
class CallReader:
    """How the calls of one receiver are read."""

    keys: tuple[bytes, ...] = field(repr=False)
    """Signing keys; none if a verifier proves the sender, or if nothing does."""
    tolerance: float
    """Seconds by which a signature's timestamp may differ from the clock."""
    accepts_unsigned: bool
    """Whether a call without a signature is read. With no key, signatures are not looked at either."""
    accepts: type[Any] | None
    """The one kind of event that is read; both for None."""

    def read(self, content: bytes, *, now: float, proved: bool = False) -> WebhookEvent:
        """Read a call.

        Args:
            content: the body.
            now: unix seconds.
            proved: whether a verifier has proved the sender.

        Raises:
            SignatureError: the signature is missing, wrong, too old or from the future.
            PayloadError: the body cannot be read, or brings an event of another kind.
        """
        # A scan takes a thousandth of the time that parsing takes, and everyone can send megabytes without a signature.
        if not (proved or self.accepts_unsigned) and not any(name in content for name in _NAMES):
            if content.startswith(GZIP):
                raise PayloadError(
                    "its body is compressed, as none of the service is: have the proxy in front leave it as it is",
                    reason=RefusalReason.NOT_JSON,
                )
            raise SignatureError(
                "the signature is missing: nothing in the body is named so. If it is another service's format, set the "
                "webhook to the format `mailgun`; calls that are not signed need a verifier= or unsigned=",
                reason=RefusalReason.SIGNATURE_MISSING,
            )
        decoded = decode(content)
        payload = need_object(decoded, content)
        signature = find(payload)
        if verified := not proved and not self._needs_no_proof(has_signature=signature is not None):
            signature = check(payload, self.keys, tolerance=self.tolerance, now=now)
        event = read(decoded, signature or unsigned(content), verified=proved or verified, now=now)
        if self.accepts and not isinstance(event, self.accepts):
            raise PayloadError(
                f"it brings {type(event).__name__}, and only {self.accepts.__name__} is accepted here",
                reason=RefusalReason.NOT_ACCEPTED,
            )
        return event

    def _needs_no_proof(self, *, has_signature: bool) -> bool:
        # With keys, a wrong signature is refused all the same: it shows a wrong setting.
        return self.accepts_unsigned and not (has_signature and self.keys)


def make_reader(
    keys: Sequence[str | bytes],
    *,
    tolerance: float | None,
    verifier: Callable[..., object] | None,
    unsigned: Unsigned,
    accepts: type[Any] | None,
) -> CallReader:
    """Make a reader from a receiver's options.

    Raises:
        ConfigError: they do not fit together, or one of them is invalid.
    """
    seconds = check_tolerance(tolerance)
    if tolerance == float("inf"):
        raise ConfigError("tolerance must be a finite number of seconds, or None for any age")
    if unsigned not in {"refuse", "accept"}:
        raise ConfigError(f"unsigned must be 'refuse' or 'accept', not {unsigned!r}")
    if verifier is not None and (keys or unsigned == "accept"):
        raise ConfigError("verifier takes the place of signing keys and of unsigned='accept': leave these out")
    needs_key = verifier is None and unsigned == "refuse"
    return CallReader(
        keys=encode_keys(keys) if keys or needs_key else (),
        tolerance=seconds,
        accepts_unsigned=unsigned == "accept",
        accepts=accepts,
    )
