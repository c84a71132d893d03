"""What a file keeps of the account: its keys, its domains with all that belongs to them, and counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import cache
from logging import Logger
from typing import TYPE_CHECKING, Any

from omnivery._logging import get_logger
from omnivery.codec import dumps, loads
from omnivery.emulator.account import Account
from omnivery.emulator.domain import Domain
from omnivery.emulator.records.database import RecordDatabase
from omnivery.errors import OmniveryError

if TYPE_CHECKING:
    from cattrs import Converter

logger: Logger = get_logger("omnivery.emulator")

DELAY = 0.5
"""Seconds after a change until the account is written: a flood of changes is written once."""
PUT = "INSERT OR REPLACE INTO settings VALUES (?, ?)"


class AccountFile:
    """Reads and writes the account of an emulator with a file. In memory it does nothing.

    Args:
        database: the file.
        account: the account.
    """

    def __init__(self, database: RecordDatabase, account: Account) -> None:
        self._database, self._account = database, account
        self._planned: asyncio.TimerHandle | None = None
        if self._is_used:
            account.restore([_read(content) for content in self._contents()])

    def key(self, name: str, make: Callable[[], str]) -> str:
        """Return the key of that name that the file has; make one and keep it there, if it has none."""
        if not self._is_used:
            return make()
        rows = self._database.rows("SELECT value FROM settings WHERE name = ?", f"key {name}")
        if rows:
            return str(rows[0][0])
        made = make()
        self._database.execute(PUT, f"key {name}", made)
        return made

    def plan(self) -> None:
        """Write the account soon, because it may have changed. Called on the server's event loop."""
        if self._is_used and self._planned is None:
            self._planned = asyncio.get_running_loop().call_later(DELAY, self._save_planned)

    def save(self) -> None:
        """Write the account."""
        self._planned = None
        if not self._is_used:
            return
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM domains")
            rows = [(domain.name, place, _written(domain)) for place, domain in enumerate(self._account.domains)]
            connection.executemany("INSERT INTO domains VALUES (?, ?, ?)", rows)

    def _save_planned(self) -> None:
        try:
            self.save()
        except OmniveryError as error:  # such as a full disk; the end of the emulator tries again, and says so
            logger.error("domains and suppressions were not saved: %s", error)  # noqa: TRY400  # no fault of the code

    @property
    def _is_used(self) -> bool:
        return self._database.path is not None

    def _contents(self) -> list[str]:
        return [content for [content] in self._database.rows("SELECT content FROM domains ORDER BY position")]


def _written(domain: Domain) -> str:
    return dumps(_converter().unstructure(domain)).decode()


def _read(content: str) -> Domain:
    return _converter().structure(loads(content), Domain)


@cache
def _converter() -> Converter:
    """A converter of its own: that of the API's models reads other dates, and drops what it does not know."""
    from cattrs import Converter

    made = Converter()
    made.register_unstructure_hook(datetime, datetime.isoformat)
    made.register_structure_hook(datetime, _moment)
    return made


def _moment(text: Any, _shape: Any) -> datetime:
    return datetime.fromisoformat(text)
