"""Where reading stands is known behind each item that was handed out, and not before."""

from __future__ import annotations

from pathlib import Path

from omnivery.readers._choice import Fixed
from omnivery.readers._handed_out import HandedOut
from omnivery.readers._local_file import local_file
from omnivery.readers._ndjson import NdjsonReader
from omnivery.readers._reading import Reading


def test_a_place_is_behind_the_items_that_were_taken(tmp_path: Path) -> None:
    """Were it behind those that were read, a run that is stopped would lose the ones between."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(b'{"event_id":"1"}\n{"event_id":"2"}\n{"event_id":"3"}\n')
    reading = Reading(origin=local_file(path), choice=Fixed(NdjsonReader))
    handed_out = HandedOut()
    (placed,) = reading.items()
    left = handed_out.begin((reading, placed))
    assert [next(left), next(left)]
    handed_out.keep_place()
    (place,) = handed_out.places.files.values()
    assert place.line + place.skip - 1 == 2
