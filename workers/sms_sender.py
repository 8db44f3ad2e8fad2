"""Sending short messages that are due: one process at a time, over one session with the centre."""

import asyncio
from typing import Any

import psycopg
import structlog
from prometheus_client import Counter
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from mmo.keys.envelope import Envelope
from mmo.keys.ports import KeysAwayError, NoKeyError
from mmo.notifications import messages, parts
from mmo.notifications.backoff import backoff_s
from mmo.notifications.gsm import TooLongError
from mmo.notifications.messages import PURPOSE, Queued, text_context
from mmo.notifications.receipts import Receipt
from mmo.notifications.smpp import Centre, CentreAwayError, CentreRefusesError
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister
from mmo.tenancy.tenant import Tenant
from mmo.wallets import postgres as wallets
from mmo.wallets.personal import PersonalData
from workers.loops import run_alone
from workers.wiring import key_store, open_envelope, open_pool, open_trust

BATCH_MAX = 50
EVERY_S = 0.5
TRIES_MAX = 20
RETRY_FIRST_S, RETRY_LAST_S = 2.0, 3600.0
RECEIPT_LOOKS_MAX, RECEIPT_LOOK_S = 50, 0.1
"""A receipt may come before we wrote down under which id the message went out."""
LOOSE_FROM_LOOK = 10
_OUTCOMES = {"delivered": "delivered", "failed": "undelivered", "open": "under_way"}

MESSAGES = Counter("mmo_sms", "Short messages by what became of them.", ["outcome"])

_log = structlog.get_logger()


async def loop(settings: Settings, stop: asyncio.Event) -> None:
    """Send what is due. While the centre is away, messages wait."""
    keys = key_store(settings)
    async with open_pool(settings) as pool, open_trust(settings) as trust:
        envelope = open_envelope(keys, trust)
        centre = Centre(
            settings.smsc_host,
            settings.smsc_port,
            settings.smsc_system_id,
            password_of(settings),
            settings.smsc_rate,
            lambda receipt: fold_receipt(pool, centre.route, receipt),
        )
        sender = Sender(pool, centre, envelope, PersonalData(keys, envelope))
        try:
            await run_alone("sms", settings, stop, sender.round, EVERY_S)
        finally:
            await centre.close()


def password_of(settings: Settings) -> str:
    """What the centre knows us by."""
    file = settings.smsc_password_file
    return file.read_text().strip() if file else ""


async def fold_receipt(pool: AsyncConnectionPool[Any], route: str, receipt: Receipt) -> None:
    """Fold a receipt; one that comes too early is looked at again for some seconds.

    At first its id must be written as in the centre's answer: that of a message which is not
    stored yet may look like another's in another spelling.
    """
    for look in range(RECEIPT_LOOKS_MAX):
        try:
            async with pool.connection() as connection:
                known = await parts.fold(
                    connection, receipt, route, loosely=look >= LOOSE_FROM_LOOK
                )
        except (psycopg.OperationalError, PoolTimeout) as error:
            _log.warning("sms.database_away", error=str(error).strip())
            known = False
        if known:
            MESSAGES.labels(_OUTCOMES[receipt.state]).inc()
            return
        await asyncio.sleep(RECEIPT_LOOK_S)
    MESSAGES.labels("receipt_of_nothing").inc()
    _log.warning("sms.receipt_of_nothing", ids=receipt.ids, state=receipt.word)


class Sender:
    """Sends what is due. A message that was handed over as the process died is sent again."""

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        centre: Centre,
        envelope: Envelope,
        personal: PersonalData,
    ) -> None:
        self._pool = pool
        self._centre = centre
        self._envelope = envelope
        self._personal = personal
        self._tenants = TenantRegister(pool)

    async def round(self) -> bool:
        """Send one page; true when there may be more."""
        async with self._pool.connection() as connection:
            due = await messages.due(connection, BATCH_MAX)
        if not due:
            return False
        tenants = await self._tenants.numbered({message.tenant_id for message in due})
        for message in due:
            if not await self._send(message, tenants[message.tenant_id]):
                return False
        return len(due) == BATCH_MAX

    async def _send(self, message: Queued, tenant: Tenant) -> bool:
        """Send one; False where it is no use to go on now."""
        try:
            number, text, sender = await self._written(message, tenant)
            ids = await self._centre.send(number, text, sender)
        except CentreAwayError as error:
            if message.tries + 1 >= TRIES_MAX:
                await self._failed(message, str(error))
            else:
                await self._later(message, str(error))
            return False
        except (CentreRefusesError, TooLongError, NoKeyError, LookupError) as error:
            await self._failed(message, str(error))
            return True
        except KeysAwayError as error:
            raise OSError(f"the keys are away: {error}") from error
        async with self._pool.connection() as connection:
            await messages.sent(
                connection, message, ids, route=self._centre.route, sender=sender, msisdn=number
            )
        MESSAGES.labels("sent").inc()
        return True

    async def _written(self, message: Queued, tenant: Tenant) -> tuple[str, str, str]:
        """Number, text and sender, in clear, for as long as they are handed over."""
        async with self._pool.connection() as connection:
            _, sender = await messages.settings_of(connection, tenant.id)
            wallet_id = str(message.wallet)
            found = await wallets.find(connection, tenant.id, {wallet_id: message.wallet})
        if wallet_id not in found:
            raise LookupError("the wallet is gone")
        number = await self._personal.number(tenant.slug, found[wallet_id])
        text = await self._envelope.open_text(
            tenant.slug, PURPOSE, text_context(message.id), message.text
        )
        return number, text, sender

    async def _later(self, message: Queued, reason: str) -> None:
        wait_s = backoff_s(message.tries, first_s=RETRY_FIRST_S, last_s=RETRY_LAST_S)
        _log.warning("sms.later", message=str(message.id), reason=reason, wait_s=wait_s)
        async with self._pool.connection() as connection:
            await messages.postpone(connection, message, reason, wait_s)

    async def _failed(self, message: Queued, reason: str) -> None:
        MESSAGES.labels("failed").inc()
        _log.warning("sms.failed", message=str(message.id), reason=reason)
        async with self._pool.connection() as connection:
            await messages.fail(connection, message, reason)
