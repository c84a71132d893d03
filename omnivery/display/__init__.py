"""How results are shown: tables, HTML, data frames, progress. Knows no request."""

from __future__ import annotations
