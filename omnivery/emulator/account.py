"""The account: its sending domains. The emulator has one."""

from __future__ import annotations

from omnivery.emulator.domain import FIXED_STATES, Domain
from omnivery.emulator.refusal import Refusal

CUSTOMER = 1
"""Number of the one customer."""


class Account:
    """The domains of the account, by name. Used by the server's thread; any thread may reset it.

    Args:
        domain: the one that exists from the start, ready to send.
    """

    def __init__(self, domain: str) -> None:
        self._first = domain.lower()
        self.reset()

    def reset(self) -> None:
        """Go back to the start."""
        self._made = 1
        self._domains = {self._first: Domain(name=self._first, id=1, state="active")}

    @property
    def domains(self) -> list[Domain]:
        """Every domain, oldest first."""
        return list(self._domains.values())

    def find(self, name: str) -> Domain:
        """The domain of that name.

        Raises:
            Refusal: there is none.
        """
        if domain := self._domains.get(name.lower()):
            return domain
        raise Refusal(f"Domain not found: {name}", status=404)

    def create(self, name: str, *, wildcard: bool) -> Domain:
        """Make a domain: approved, and waiting for its DNS records, unless its name fixes another state.

        Raises:
            Refusal: the name is taken, or is no domain's.
        """
        name = name.lower()
        if name in self._domains:
            raise Refusal("This domain name is already taken")
        if "." not in name.strip(".") or any(sign in name for sign in "@/ "):
            raise Refusal("name is not a valid domain name")
        self._made += 1
        state = FIXED_STATES.get(name.partition(".")[0], "unverified")
        self._domains[name] = Domain(name=name, id=self._made, state=state, wildcard=wildcard)
        return self._domains[name]

    def delete(self, name: str) -> None:
        """Forget a domain and everything that belongs to it.

        Raises:
            Refusal: there is none of that name.
        """
        del self._domains[self.find(name).name]
