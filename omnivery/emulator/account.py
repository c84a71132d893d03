"""The customer's account, with its sending domains. The emulator has one account."""

from __future__ import annotations

from omnivery.emulator.domain import FIXED_STATES, Domain
from omnivery.emulator.refusal import Refusal

CUSTOMER = 1
"""Id of the only customer."""


class Account:
    """The domains of the account, by name. The server's thread uses it; any thread may reset it.

    Args:
        domain: name of the domain that exists from the start, in state `active`.
    """

    def __init__(self, domain: str) -> None:
        self._first = domain.lower()
        self.reset()

    def reset(self) -> None:
        """Restore the state at the start."""
        self._made = 1
        self._domains = {self._first: Domain(name=self._first, id=1, state="active")}

    def restore(self, domains: list[Domain]) -> None:
        """Take over the domains of an earlier run, if there are any."""
        if domains:
            self._made = max(domain.id for domain in domains) + 1
            self._domains = {domain.name: domain for domain in domains}
            self._domains.setdefault(self._first, Domain(name=self._first, id=self._made, state="active"))

    @property
    def domains(self) -> list[Domain]:
        """Every domain, oldest first."""
        return list(self._domains.values())

    def find(self, name: str) -> Domain:
        """Return the domain of that name.

        Raises:
            Refusal: no domain has that name.
        """
        if domain := self._domains.get(name.lower()):
            return domain
        raise Refusal(f"Domain not found: {name}", status=404)

    def create(self, name: str, *, wildcard: bool) -> Domain:
        """Create a domain. Its state is `unverified`, unless its name fixes another state.

        Raises:
            Refusal: the name is taken, or is not a domain name.
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
        """Delete a domain and everything that belongs to it.

        Raises:
            Refusal: no domain has that name.
        """
        del self._domains[self.find(name).name]
