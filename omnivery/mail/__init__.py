"""Mail values that both surfaces share: messages, attachments, recipients, forms, suppressions, webhooks."""

from __future__ import annotations
