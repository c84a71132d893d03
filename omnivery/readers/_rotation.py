"""What becomes of a log when it is rotated: renamed, packed, copied and emptied, or replaced behind a link."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from attrs import evolve, frozen

from omnivery.errors import OmniveryError
from omnivery.readers._folder import files_beside, is_regular, listing, modified_at
from omnivery.readers._identity import FINGERPRINT, breaking_off, head_of, is_sound, matching
from omnivery.readers._known_places import KnownPlaces
from omnivery.readers._local_file import LocalFile, identity_of, local_file
from omnivery.readers._origin import FileIdentity, Origin
from omnivery.readers._packing import packing_of
from omnivery.readers._place import Place, start_digest

_NUMBERED = re.compile(r"(.+)\.(?:\d{1,3}|old|bak|prev)")
_DATE = r"\d{4}-?\d\d-?\d\d(?:[-_.T]?\d{1,10})*"
_DATED = re.compile(rf"(.+?)[.-]{_DATE}")
_TAI64N = re.compile(r"@([0-9a-f]{24})(?:\.[a-z])?")
"""How svlogd, multilog and s6-log name what was `current`: by the time, in hexadecimal digits."""
_LOOKED_AT = 50
"""Files of a folder that are looked at, the latest first, in search of one that was rotated."""
_MOST = 400
"""The same of those that are named like it: a log of each day of a year."""
_LARGE = 2_000
"""Names in a folder in which none is looked for that is named otherwise: there may be thousands to be looked for."""


def is_complete(origin: Origin) -> bool:
    """Whether nothing will be added to a file: it is packed, or its name says that it was rotated.

    Raises:
        OSError: it cannot be read.
    """
    if not isinstance(origin, LocalFile):
        return True
    if _NUMBERED.fullmatch(origin.path.name):
        return True
    # Apache's rotatelogs writes to a file with the date in its name: it is rotated only if the live one is beside it.
    dated = _DATED.fullmatch(origin.path.name)
    if dated and origin.path.with_name(dated[1]).exists():
        return True
    with origin.open() as file:
        return packing_of(file.read(512)) is not None


def recognized(origin: Origin, places: KnownPlaces) -> Place | None:
    """Return the furthest of these places that one is in this file.

    A file that is like another one up to where that was read may be its copy, or only begin alike. It is taken for the
    same file if enough is the same, or if the other one is not where it was any more.

    Raises:
        OSError: the file cannot be read.
    """
    # To open the files of thousands of other places would take long: only those are looked at whose places fit.
    head = head_of(origin)
    alike = places.beginning(head)
    fitting = [one for one in alike if one.head_bytes >= FINGERPRINT or not _still_there(one, origin)]
    found = (matching(origin, fitting) or breaking_off(origin, fitting)) if fitting else None
    return found and evolve(found, start=start_digest(head[: found.head_bytes]))


class ReadAnyway:
    """The files of a source, none of which needs to be looked for."""

    def __init__(self, origins: Iterable[Origin] = ()) -> None:
        self._paths: dict[FileIdentity, Path] = {}
        for one in origins:
            if isinstance(one, LocalFile) and (identity := one.identity) is not None:
                self._paths[identity] = one.path

    def has(self, path: Path) -> bool:
        """Whether a file is one of them, under whichever name."""
        identity = identity_of(path)
        same = None if identity is None else self._paths.get(identity)
        # It may have been renamed since.
        return same is not None and _is_same(path, same)


def rest_of(place: Place, others: ReadAnyway) -> LocalFile | None:
    """Find a file that is not under its name any more: beside it, or where a link led.

    Args:
        place: how far it was read.
        others: files that are read anyway.
    """
    for path in _candidates(Path(place.path)) if place.path else ():
        found = local_file(path)
        try:
            if not others.has(path) and matching(found, [place]) is not None:
                return found
        except (OSError, OmniveryError):
            continue  # what cannot be read is not taken for it
    return None


def between(rest: LocalFile, live: Origin) -> list[LocalFile]:
    """Return the files that lay under a name after one that was rotated, and before the one that lies there now."""
    if not isinstance(live, LocalFile) or (last := _rank(rest.path, live.path)) is None:
        return []
    there = rotated(live)
    if rest.path.parent != Path(os.path.realpath(live.path)).parent:  # logrotate's `olddir`
        there = [*there, *rotated(live, rest.path.parent)]
    ranks = {one: rank for one in there if (rank := _rank(one.path, live.path))}
    return sorted((one for one in ranks if ranks[one][0] == last[0] and ranks[one] > last), key=lambda one: ranks[one])


@frozen(kw_only=True)
class Ended:
    """What is known of a file after which another one lay under its name."""

    identity: FileIdentity
    modified: int
    """When it was written to last, in nanoseconds, as far as it was read."""
    head: bytes
    """Its first bytes."""


def written_after(ended: Ended, live: LocalFile) -> LocalFile | None:
    """Return the first file that lay under a name after one, and before the one that lies there now.

    Times tell their order: some programs count their files up, and others down.
    """
    there = [
        (modified_at(one.path), one) for one in rotated(live) if one.identity not in {live.identity, ended.identity}
    ]
    later = sorted((pair for pair in there if pair[0] > ended.modified), key=lambda pair: pair[0])
    # Packed, it is another file, and may have another time.
    return next((one for _, one in later if head_of(one) != ended.head), None)


def rotated(live: Origin, folder: Path | None = None) -> list[LocalFile]:
    """Return the files whose names say that they lay under a name before, in the order in which they did.

    Args:
        live: the name.
        folder: where they lie now; beside it if left out.
    """
    if not isinstance(live, LocalFile):
        return []
    lay = folder / live.path.name if folder else live.path
    beside = [*files_beside(lay, lay.stem), *(files_beside(lay, "@") if lay.name == "current" else ())]
    ranks = {path: rank for path in beside if (rank := _rank(path, live.path)) and is_regular(path)}
    return [local_file(path) for path in sorted(ranks, key=lambda path: ranks[path])]


def rotated_since(places: Sequence[Place], live: Origin) -> list[LocalFile]:
    """Return the files that were written to after all of these places in files of the same name, which are gone."""
    last = max((one.modified for one in named_like(places, live)), default=0)
    if not last:
        return []
    later = [one for one in rotated(live) if modified_at(one.path) > last]
    return [one for one in later if _is_sound(one)]


def _is_sound(file: LocalFile) -> bool:
    """A file that is damaged may be the very one that is missing: read anew, all of it would be sent twice."""
    try:
        return is_sound(file)
    except OSError:
        return False


def named_like(places: Sequence[Place], live: Origin) -> list[Place]:
    """Return the places in files that lay under this name, or that the rotation of it has named."""
    if not places or not isinstance(live, LocalFile):
        return []
    lies = Path(os.path.realpath(live.path))
    return [one for one in places if one.path and _has_name_of(Path(one.path), lies)]


def _has_name_of(path: Path, live: Path) -> bool:
    return path == live or (path.parent == live.parent and _rank(path, live) is not None)


def _rank(path: Path, live: Path) -> tuple[str, int] | None:
    """How a file is named that was rotated, and the greater a number, the later; None if its name does not say."""
    if live.name == "current" and (stamped := _TAI64N.fullmatch(path.name)):
        return "tai64n", int(stamped[1], 16)
    if not path.name.startswith(live.stem):  # as most files in a folder of thousands
        return None
    name = path.with_suffix("").name if path.suffix in _PACKED else path.name
    if number := re.fullmatch(rf"{re.escape(live.name)}\.(\d{{1,3}})", name):
        return "number", -int(number[1])
    for before, after in ((live.name, ""), (live.stem, live.suffix)):
        if dated := re.fullmatch(rf"{re.escape(before)}[.-]({_DATE}){re.escape(after)}", name):
            return "date", int(re.sub(r"\D", "", dated[1]))
    return None


_PACKED = frozenset({".gz", ".bz2", ".xz", ".zst"})


def _candidates(lay: Path) -> Iterator[Path]:
    if is_regular(lay):
        yield lay
    stem, name = re.split(r"[.-]", lay.name.lstrip("."), maxsplit=1)[0], _unrotated(lay)
    beside = [one for one in files_beside(lay, stem) if one != lay and is_regular(one)]
    beside.sort(key=modified_at, reverse=True)
    # A server may have a log for each of hundreds of hosts: those of this one come first.
    yield from [one for one in beside if _unrotated(one) == name][:_MOST]
    yield from [one for one in beside if _unrotated(one) != name][:_LOOKED_AT]
    yield from sorted(filter(is_regular, _moved(lay, stem)), key=modified_at, reverse=True)[:_LOOKED_AT]


def _moved(lay: Path, stem: str) -> list[Path]:
    """Files that may be named otherwise now, as `old-access.log`, or lie in a folder below, as `old/access.log.1`."""
    names, folders = listing(lay.parent)
    if len(names) > _LARGE:
        return []
    renamed = [name for name in names if not name.startswith(stem) and (stem in name or _TAI64N.fullmatch(name))]
    below = [path for name in folders for path in files_beside(lay.parent / name / lay.name, stem)]
    return [*(lay.parent / name for name in renamed), *below]


def _unrotated(path: Path) -> str:
    """The name of a file without what its rotation has added."""
    name = path.with_suffix("").name if path.suffix in _PACKED else path.name
    return re.sub(rf"[.-]{_DATE}|\.\d{{1,3}}$", "", name)


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _still_there(place: Place, origin: Origin) -> bool:
    """Whether the file that was read lies where it lay, and is not this one."""
    path = Path(place.path)
    try:
        if not place.path or not path.is_file() or (isinstance(origin, LocalFile) and _is_same(path, origin.path)):
            return False
        return place.begins(head_of(local_file(path)))
    except OSError:
        return False
