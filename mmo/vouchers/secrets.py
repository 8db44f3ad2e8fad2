"""What is secret or personal about a voucher: the recipient's number, and the code."""

from uuid import UUID

from mmo.keys.codes import Codes
from mmo.keys.envelope import Envelope
from mmo.keys.personal import Sealing
from mmo.keys.ports import KeyStore
from mmo.vouchers.postgres import VoucherRow


class VoucherSecrets:
    """Makes and opens them. Its methods raise KeysAwayError and NoKeyError."""

    def __init__(self, keys: KeyStore, envelope: Envelope) -> None:
        self._sealing = Sealing(keys, envelope, "voucher")
        self.codes = Codes(keys, "mmo-voucher-v1")

    async def index(self, tenant: str, msisdn: str) -> str:
        """The blind index of a number, as wallets have it."""
        (index,) = await self._sealing.indices(tenant, [msisdn])
        return index

    async def made(
        self, tenant: str, movement: UUID, msisdn: str, currency: str
    ) -> tuple[str, VoucherRow]:
        """A new code, and the row of the voucher that keeps its MAC."""
        code, kept = await self.codes.made(tenant, movement)
        row = VoucherRow(
            movement_id=movement,
            recipient=await self.index(tenant, msisdn),
            msisdn=await self._sealing.seal(tenant, "msisdn", str(movement), msisdn),
            currency=currency,
            salt=kept.salt,
            mac=kept.mac,
            key_n=kept.key_n,
        )
        return code, row

    async def number(self, tenant: str, row: VoucherRow) -> str:
        """The recipient's number in clear."""
        return await self._sealing.open(tenant, "msisdn", str(row.movement_id), row.msisdn)
