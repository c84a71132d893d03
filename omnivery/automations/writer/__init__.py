"""Events of a service, collected into batches as they come."""

from __future__ import annotations
