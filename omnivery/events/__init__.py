"""The bot event and its verdict, as data: what is valid, how it is encoded. Knows no request and no run."""

from __future__ import annotations
