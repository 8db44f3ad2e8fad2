"""What some movements need at their acceptance beside the command, and histories must not know."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from fastapi import Request
from psycopg import AsyncConnection

from api.security import Caller
from mmo.movements.support.command import Command


class Preparation(Protocol):
    """What is prepared for one request."""

    told: Mapping[str, Any]
    """What the first answer tells, and no other one; filled in by `prepare`."""

    async def seen(self) -> str:
        """What tells two requests apart beside the canonical command; nothing personal."""
        ...

    async def prepare(self, movement: UUID) -> Mapping[str, str]:
        """Fields that the accepted command has beside what was asked. Raises Problem."""
        ...

    async def keep(self, connection: AsyncConnection[Any]) -> None:
        """Write what is kept, in the transaction that accepts the command."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """How the requests of one movement are prepared."""

    body: type[Command]
    """What a caller sends: the command, and what is private beside it."""
    begin: Callable[[Request, Caller, Any], Preparation]
