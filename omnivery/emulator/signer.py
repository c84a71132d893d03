"""Signatures of webhook calls, as each dialect's document has them."""

from __future__ import annotations

import secrets
import time
from typing import Any

from attrs import field, frozen

from omnivery.webhooks.signature import sign

TOKEN_OF_MAILGUN = 25
"""Bytes of a token of Mailgun's, which has 50 hexadecimal digits; Omnivery's sample has 32."""


@frozen(kw_only=True)
class Signer:
    """Signs calls. The algorithm is the same in both dialects."""

    key: str = field(repr=False)
    """The signing key."""
    like_mailgun: bool = False
    """Whether the timestamp is text and the token long; otherwise the timestamp is a number."""

    def sign(self) -> dict[str, Any]:
        """Return the signature of one attempt: receivers refuse old timestamps and repeated tokens."""
        if self.like_mailgun:
            return sign(self.key, timestamp=str(int(time.time())), token=secrets.token_hex(TOKEN_OF_MAILGUN))
        return sign(self.key)
