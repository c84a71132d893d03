"""Results as people look at them: tables, HTML, data frames, progress. Knows no request."""

from __future__ import annotations
