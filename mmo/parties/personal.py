"""Personal data of parties: sealed as one document, and numbers found by the wallets' index."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any
from uuid import UUID

import orjson

from mmo.keys.envelope import Envelope
from mmo.keys.personal import Sealing
from mmo.keys.ports import KeyStore, NoKeyError
from mmo.parties.party import Party

_FIELD = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What the operator knows of somebody, in clear. Of a business: its name and contact."""

    name: str
    msisdn: str
    birth_date: date | None = None
    address: str | None = None
    national_id: str | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Person":
        """Read what was sealed."""
        born: Any = row["birth_date"] and date.fromisoformat(row["birth_date"])
        return cls(**{**row, "birth_date": born})


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedPerson:
    """The same as it is kept."""

    person: str
    alias: str
    """Blind index of the number, hex."""


class PartyData:
    """Seals and opens. Its methods raise KeysAwayError where the process `keys` is away."""

    def __init__(self, keys: KeyStore, envelope: Envelope) -> None:
        self._sealing = Sealing(keys, envelope, "party")

    async def seal(self, tenant: str, party: UUID, person: Person) -> SealedPerson:
        """Seal what belongs to one party. Raises NoKeyError."""
        text = orjson.dumps(asdict(person)).decode()
        sealed = await self._sealing.seal(tenant, _FIELD, str(party), text)
        return SealedPerson(person=sealed, alias=await self.index(tenant, person.msisdn))

    async def show(self, tenant: str, party: Party) -> Person | None:
        """Open what a party keeps; None where the key is destroyed.

        Raises TamperedError where it is another party's.
        """
        try:
            text = await self._sealing.open(tenant, _FIELD, party.id, party.person)
        except NoKeyError:
            return None
        return Person.of(orjson.loads(text))

    async def index(self, tenant: str, msisdn: str) -> str:
        """The blind index of a number, hex. Raises NoKeyError."""
        (found,) = await self._sealing.indices(tenant, [msisdn])
        return found
