"""Personal data of wallets: sealed wherever they are kept, and numbers found by a blind index.

Aggregates, events, rows and read models hold sealed texts. Only who shows a wallet to somebody
opens them. With the tenant's KEK they are gone, and money goes on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from mmo.keys.envelope import Envelope
from mmo.keys.personal import BY_NUMBER, Sealing
from mmo.keys.ports import KeyStore, NoKeyError
from mmo.wallets.wallet import Wallet


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What a wallet keeps of a person."""

    msisdn: str
    name: str
    alias: str
    """Blind index of the number, hex: equal numbers of a tenant have equal ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The same in clear; None where the key is destroyed."""

    msisdn: str | None
    name: str | None

    @property
    def alias(self) -> str | None:
        """The wallet's name in requests."""
        return self.msisdn and BY_NUMBER + self.msisdn


class PersonalData:
    """Seals and opens. Its methods raise KeysAwayError where the process `keys` is away."""

    def __init__(self, keys: KeyStore, envelope: Envelope) -> None:
        self._sealing = Sealing(keys, envelope, "wallet")

    async def seal(self, tenant: str, wallet: UUID, msisdn: str, name: str) -> Sealed:
        """Seal what belongs to one wallet. Raises NoKeyError."""
        (alias,) = await self._sealing.indices(tenant, [msisdn])
        return Sealed(
            msisdn=await self._sealing.seal(tenant, "msisdn", str(wallet), msisdn),
            name=await self._sealing.seal(tenant, "name", str(wallet), name),
            alias=alias,
        )

    async def show(self, tenant: str, wallet: Wallet) -> Shown:
        """Open what a wallet keeps. Raises TamperedError where it is another wallet's."""
        try:
            return Shown(
                msisdn=await self._sealing.open(tenant, "msisdn", wallet.id, wallet.msisdn),
                name=await self._sealing.open(tenant, "name", wallet.id, wallet.name),
            )
        except NoKeyError:
            return Shown(msisdn=None, name=None)

    async def number(self, tenant: str, wallet: Wallet) -> str:
        """The wallet's number in clear. Raises NoKeyError."""
        return await self._sealing.open(tenant, "msisdn", wallet.id, wallet.msisdn)

    async def named(self, tenant: str, names: Sequence[str]) -> Mapping[str, UUID | str]:
        """Ids and aliases as rows have them: an id, or the blind index of a number.

        However many numbers there are, the process `keys` is asked once. Raises NoKeyError.
        """
        numbers = [name for name in dict.fromkeys(names) if name.startswith(BY_NUMBER)]
        clear = [name.removeprefix(BY_NUMBER) for name in numbers]
        found = dict(zip(numbers, await self._sealing.indices(tenant, clear), strict=True))
        return {name: found[name] if name in found else UUID(name) for name in names}
