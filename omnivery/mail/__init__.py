"""What both surfaces share of e-mail: messages, attachments, recipients, forms, suppressions, webhooks."""

from __future__ import annotations
