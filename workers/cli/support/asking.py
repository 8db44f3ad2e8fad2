"""What commands that look into a running operator share: its pool, its tenant, and time spans."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar

import psycopg
import typer
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from mmo.keys.envelope import Envelope
from mmo.keys.ports import KeysAwayError, KeyStore
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister
from mmo.tenancy.tenant import Tenant
from workers.cli.support.options import home_of
from workers.stack.launch import StackError
from workers.stack.plan import stack_settings
from workers.wiring import TenantClients, key_store, open_pool, tenant_clients

TenantOption = Annotated[str, typer.Option("--tenant", help="The tenant.")]
SinceOption = Annotated[
    str | None, typer.Option("--all-since", help="Everything since: 90s, 15m, 1h, 7d or a date.")
]

_SPAN = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A running operator, as a command asks it."""

    settings: Settings
    pool: AsyncConnectionPool[Any]
    tenant: Tenant
    keys: KeyStore
    envelope: Envelope
    """Of one command: it ends long before a key that it unwrapped could be changed unseen."""

    def clients(self) -> TenantClients:
        """Clients of the tenants' namespaces."""
        return tenant_clients(self.settings, self.envelope)


@asynccontextmanager
async def operator(settings: Settings, slug: str) -> AsyncGenerator[Operator]:
    """Open the operator's database. Raises StackError where it cannot be reached."""
    try:
        async with open_pool(settings) as pool:
            tenant = await TenantRegister(pool).find(slug)
            if tenant is None:
                raise StackError(f"there is no tenant {slug}: name one with --tenant")
            keys = key_store(settings)
            yield Operator(
                settings=settings, pool=pool, tenant=tenant, keys=keys, envelope=Envelope(keys)
            )
    except KeysAwayError as error:
        raise StackError(f"{error}: `mmo status`") from None
    except (psycopg.OperationalError, PoolTimeout):
        raise StackError(
            f"no database answers at {settings.database_host}:{settings.database_port}: "
            "run `mmo up`, or name its home with --home"
        ) from None


def ask(home: Path, slug: str, question: Callable[[Operator], Awaitable[Result]]) -> Result:
    """Ask the operator of that home one question."""

    async def run() -> Result:
        async with operator(stack_settings(home_of(home).path), slug) as opened:
            return await question(opened)

    return asyncio.run(run())


def moment(written: str) -> datetime:
    """A moment in the past: a span such as 1h, or an ISO date. Raises typer.BadParameter."""
    span = _SPAN.fullmatch(written)
    if span:
        return datetime.now(UTC) - timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        raise typer.BadParameter("write a span such as 90s, 15m, 1h, 7d, or a date") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
