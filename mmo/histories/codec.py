"""What a tenant's workflows carry is enciphered with the tenant's own data key."""

from collections.abc import Sequence

from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from mmo.kernel.payloads import CLEAR, UNREADABLE
from mmo.keys.envelope import Envelope, TamperedError
from mmo.keys.ports import NoKeyError

ENCODING = b"binary/encrypted"
PURPOSE = "temporal"


class TenantCodec(PayloadCodec):
    """Enciphers and deciphers payloads of one tenant's namespace.

    The namespace is bound in: a payload of another namespace cannot be read as this one's. Raises
    KeysAwayError (the server tries the task again) and NoKeyError (the tenant's key is destroyed).
    """

    def __init__(self, envelope: Envelope, tenant: str, namespace: str) -> None:
        self._envelope = envelope
        self._tenant = tenant
        self._context = namespace.encode()

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encipher whole payloads, what they are of included."""
        return [await self._sealed(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decipher; what was written in clear stays as it is."""
        return [await self._opened(payload) for payload in payloads]

    async def _sealed(self, payload: Payload) -> Payload:
        blob = await self._envelope.seal(
            self._tenant, PURPOSE, self._context, payload.SerializeToString()
        )
        return Payload(metadata={"encoding": ENCODING}, data=blob)

    async def _opened(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        clear = await self._envelope.open(self._tenant, PURPOSE, self._context, payload.data)
        return Payload.FromString(clear)


class WorkerCodec(TenantCodec):
    """The codec of workers, which also read what others have written.

    A payload that came in clear is marked, and one that cannot be read is replaced by a mark: the
    converter refuses both where a start, an activity or a result carries them, and a signal drops
    them. Raising here would fail the workflow task for ever, whatever the payload was for.
    """

    async def _opened(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return Payload(metadata={**payload.metadata, CLEAR: b"1"}, data=payload.data)
        try:
            return await super()._opened(payload)
        except (TamperedError, NoKeyError, DecodeError) as error:
            return Payload(metadata={"encoding": UNREADABLE}, data=str(error).encode())
