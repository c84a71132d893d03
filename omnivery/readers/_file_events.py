"""The events of files as a source that can be resumed: each file is recognized, and read on from where it was left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, Generic, TypeVar

from attrs import define, evolve, field

from omnivery._logging import get_logger
from omnivery.bulk.files import FileStart
from omnivery.bulk.position import PositionDelta
from omnivery.bulk.source import ItemStream, Resumable, ResumePoint
from omnivery.errors import ConfigError, OmniveryError, SourceError
from omnivery.events.event import EventLike
from omnivery.readers._choice import Choice, Fixed
from omnivery.readers._file_source import FileSources, name_of, origins
from omnivery.readers._format import Reader
from omnivery.readers._handed_out import END, HandedOut, Portion
from omnivery.readers._identity import FINGERPRINT, is_cut_short
from omnivery.readers._known_places import KnownPlaces
from omnivery.readers._local_file import LocalFile
from omnivery.readers._origin import Origin
from omnivery.readers._past_files import PastFiles
from omnivery.readers._place import Place, Places
from omnivery.readers._reading import Reading
from omnivery.readers._rotation import is_complete, recognized
from omnivery.readers._slices import FileSlices
from omnivery.readers._stop import Stop
from omnivery.readers._tail import FollowedFile
from omnivery.readers._threaded import Threaded
from omnivery.readers.copies import note_of_copies
from omnivery.transport.config import flag

T = TypeVar("T", bound=EventLike)

logger = get_logger("omnivery.readers")


def events_from(source: FileSources, make: Callable[[], Reader], *, check: bool = False) -> FileEvents[Any]:
    """Return the events of a source that one kind of reader reads.

    Args:
        source: what the caller named.
        make: makes the reader of one file.
        check: whether to begin to read at once, so that what is wrong with the first line is known at the call. It is
            not done where that would mean to wait for it.

    Raises:
        ConfigError: it is no source.
        OSError: a file that was named does not exist, or cannot be opened.
    """
    found = file_events(source, Fixed(make))
    if check:
        for origin in found.origins:
            # A first line of a file that may still be being written says nothing yet.
            may_grow = isinstance(origin, LocalFile) and origin.again
            _begin(evolve(Reading(origin=origin, choice=found.choice), growing=may_grow))
    return found


def file_events(
    source: FileSources, choice: Choice, *, follow: bool = False, complete: bool = False
) -> FileEvents[Any]:
    """Return the events of a source; see `FileEvents` for the options.

    Raises:
        ConfigError: it is no source; or several files are to be followed.
        OSError: a file that was named does not exist, or cannot be opened.
    """
    flag(follow, argument="follow")
    flag(complete, argument="complete")
    found = origins(source)
    if follow and len(found) != 1:
        raise ConfigError(f"follow: one file can be followed, and these are {len(found)}: start a run for each")
    return FileEvents(origins=found, name=name_of(source, found), choice=choice, follow=follow, complete=complete)


@define(kw_only=True, eq=False)
class FileEvents(Resumable[T], Iterator[T], Generic[T]):
    """The events of one or several files: iterate it, or submit it, with a journal or without.

    What is no event is counted: lines without one in `skipped`, and in `unfinished` last lines that are still being
    written. `notes` says what else there is to know, for instance that a file was replaced.
    """

    origins: Sequence[Origin] = field(repr=False)
    name: str = field(repr=False)
    """As a journal has it."""
    choice: Choice = field(repr=False)
    follow: bool = False
    """Whether reading goes on when the file ends, until it is stopped."""
    complete: bool = False
    """Whether a last line without an ending is an event in a run with a journal, too, though the file may grow."""
    _known: KnownPlaces = field(alias="known", factory=KnownPlaces, repr=False)
    """What a journal knows. The events of each file of a folder share it: most is as it was for the file before."""
    skipped: Counter[str] = field(init=False, factory=Counter[str])
    """Lines that hold no event and are no fault, by what they are: `"blank"`, `"header"`."""
    unfinished: int = field(init=False, default=0)
    """Last lines that were left for the next run with the journal, because they are still being written."""
    notes: list[str] = field(init=False, factory=list[str])
    errors: dict[str, OSError | OmniveryError] = field(init=False, factory=dict[str, "OSError | OmniveryError"])
    """Of several files, those that could not be read to their end."""
    _stop: Stop = field(init=False, factory=Stop, repr=False)
    _iterator: Iterator[T] | None = field(init=False, default=None, repr=False)
    _handed_out: HandedOut = field(init=False, factory=HandedOut, repr=False)
    _encoded: bool = field(init=False, default=False, repr=False)
    """Whether a run takes encoded events."""
    _past: PastFiles = field(init=False, repr=False)
    _prepared: bool = field(init=False, default=False, repr=False)
    """Whether copies among the files were looked for."""
    _recorded: bool = field(init=False, default=False, repr=False)
    """Whether a journal keeps these."""

    def __attrs_post_init__(self) -> None:
        if self.follow:
            self.origins = [_followed(one, self._stop) for one in self.origins]
        self._past = PastFiles(origins=self.origins, note=self._note)

    def __iter__(self) -> Iterator[T]:  # noqa: PYI034  # the bare iterator: a step more for each event costs
        if self._iterator is None:
            self.prepare()
            self._iterator = chain.from_iterable(map(self._handed_out.begin, self._portions(self._readings())))
        return self._iterator

    def __next__(self) -> T:
        return next(iter(self))

    @property
    def progress(self) -> tuple[int, int | None]:
        """Bytes that were read so far, and how many there are if all files say so; as they lie on disk."""
        sizes = [one.size for one in self.origins]
        known = [size for size in sizes if size is not None]
        return sum(one.taken for one in self.origins), sum(known) if len(known) == len(sizes) else None

    @property
    def replays(self) -> bool:
        """Whether its events can be read again: not from a pipe, nor from a log that may be emptied meanwhile."""
        return not self.follow and all(one.again for one in self.origins)

    @property
    def files(self) -> Sequence[FileStart]:
        """Where the items of each file begin among those that a run took last."""
        return self._handed_out.files

    def each_file(self) -> list[FileEvents[T]]:
        """Return the events of each file for itself, to be submitted one after the other, with a report for each."""
        return [evolve(self, origins=[one], name=one.key) for one in self.origins]

    def allow_encoded(self) -> None:
        """Say that `stream` and `open` may hand out encoded events, which a run takes as they are."""
        self._encoded = True

    def stream(self) -> ItemStream[T]:
        """Return all items, for a run without a journal. What may keep one waiting is read in a thread."""
        return self._items(self._readings()) if self._iterator is None else self._iterator

    def prepare(self) -> None:
        """Note, once, which files seem to be copies of others."""
        if not self._prepared:
            self._prepared = True
            if (copies := note_of_copies(self.origins)) is not None:
                self._note(copies)

    def locate(self, known: Sequence[ResumePoint]) -> ResumePoint:
        """Return how far each of the files was read, wherever it lay then and however it is packed now.

        Raises:
            OSError: a file cannot be read.
        """
        everywhere = self._known
        everywhere.update(known)
        own = everywhere.of_source(self.name)
        # A file that was rotated may have been submitted by itself since.
        alone = all(one.name == self.name for one in known)
        self._past.look()
        past, now = [*own.past.values()], Places()
        now.add_past(past if alone else self._past.furthest(past, everywhere))
        for origin in self.origins:
            before = own.files.get(origin.key)
            # Whether a stream is one that was read before shows when it is read.
            found = self._recognized(origin.as_it_is(), everywhere) if origin.again else before
            if found is None and before is not None and self._is_cut_short(origin.as_it_is(), before):
                found = before  # to read on from there fails, and says so
            if found is not None:
                now.keep(origin.key, found)
            elif before is not None:
                now.add_past(self._past.replaced(origin, before, everywhere))
            else:
                now.add_past(self._past.passed_over(origin, past, everywhere))
        return ResumePoint(name=self.name, position=now.as_json())

    def open(self, point: ResumePoint) -> ItemStream[T]:
        """Return the items behind a point. What may keep one waiting is read in a thread.

        Raises:
            OSError: a file cannot be read.
        """
        self._handed_out.places, self._recorded = Places.of(point.position), True
        return self._items(chain(self._rests(), self._readings()))

    def position(self, last: T) -> Mapping[str, Any]:  # noqa: ARG002  # where reading stands is known without it
        """Return how far each file was read."""
        self._handed_out.keep_place()
        return self._handed_out.places.as_json()

    def position_delta(self, last: T) -> PositionDelta:  # noqa: ARG002  # where reading stands is known without it
        """Return how far the files were read that were read since the last call."""
        self._handed_out.keep_place()
        return self._handed_out.places.take_delta()

    def _items(self, readings: Iterator[Reading]) -> ItemStream[T]:
        waits = any(one.waits for one in self.origins)
        encoded = self._encoded
        portions = self._portions(evolve(one, encoded=encoded, in_blocks=encoded and not waits) for one in readings)
        if not waits:
            return FileSlices(
                portions=portions,
                begin=self._handed_out.begin,
                note_file=self._handed_out.note_file,
                skipped=self.skipped,
            )
        for one in self.origins:
            one.stop = self._stop
        return Threaded(
            portions=portions,
            items_of=self._handed_out.begin,
            note_file=self._handed_out.note_file,
            stop=self._stop,
        )

    def _readings(self) -> Iterator[Reading]:
        """A pass over each file. One that is followed has another pass each time it is replaced."""
        for origin in self.origins:
            place = self._handed_out.places.files.get(origin.key)
            while True:
                reading = self._pass(origin)
                if origin.again:
                    reading.place = place
                    reading.growing = self._recorded and not (self.complete or self.follow or self._is_complete(origin))
                else:
                    reading.candidates = [*self._handed_out.places.past.values(), *((place,) if place else ())]
                yield reading
                if not isinstance(origin, FollowedFile):
                    break
                place = None
                self._note_truncated(origin)

    def _rests(self) -> Iterator[Reading]:
        """What is left of files that lay under these names before."""
        for serial, origin in self._past.rests(self._handed_out.places):
            yield evolve(self._pass(origin), place=self._handed_out.places.past[serial], past=serial)

    def _pass(self, origin: Origin) -> Reading:
        return Reading(origin=origin, choice=self.choice, skipped=self.skipped)

    def _is_complete(self, origin: Origin) -> bool:
        try:
            return is_complete(origin)
        except OSError:  # to read it fails as well, and says so
            return True

    def _portions(self, readings: Iterator[Reading]) -> Iterator[Portion]:
        for reading in readings:
            try:
                for placed in reading.items():
                    if placed.items:
                        yield reading, placed
            except (OSError, OmniveryError) as error:
                if len(self.origins) == 1 and reading.past is None:
                    raise
                # One file's error must not keep the others from being read.
                self.errors[reading.origin.name] = error
                if not isinstance(error, OmniveryError):
                    continue  # it may be readable later
            self.unfinished += reading.unfinished > 0
            if reading.note:
                self._note(reading.note)
            if reading.past is not None:
                yield reading, END
        if self.errors:
            told = "; ".join(f"{name}: {_words(error)}" for name, error in self.errors.items())
            raise SourceError(f"{len(self.errors)} of the files could not be read to their end: {told}")

    def _recognized(self, origin: Origin, places: KnownPlaces) -> Place | None:
        try:
            return recognized(origin, places)
        except OSError:
            if len(self.origins) == 1:
                raise
            return None  # to read it fails as well, and says so

    def _is_cut_short(self, origin: Origin, place: Place) -> bool:
        # A short beginning may be that of any file: a header, for instance.
        return origin.again and place.head_bytes >= FINGERPRINT and is_cut_short(origin, place)

    def _note_truncated(self, origin: FollowedFile) -> None:
        if origin.truncated:
            self._note(f"{origin.name} was emptied while it was followed: what was written just before may be missing")

    def _note(self, words: str) -> None:
        self.notes.append(words)
        logger.warning(words)


def _followed(origin: Origin, stop: Stop) -> Origin:
    if isinstance(origin, LocalFile) and origin.again:
        return FollowedFile(name=origin.name, key=origin.key, path=origin.path, stop=stop)
    return origin  # a pipe is followed anyway


def _begin(reading: Reading) -> None:
    with reading.origin.rewound() as can_be_read_again, suppress(OSError):
        if can_be_read_again:
            next(reading.items(), None)


def _words(error: OSError | OmniveryError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
