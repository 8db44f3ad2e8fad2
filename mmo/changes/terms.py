"""Changes of dated terms: set by one person, and in force once another has approved."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from psycopg import AsyncConnection

from mmo.changes.support.asked import Asked, Carried, DeclinedError
from mmo.changes.support.registry import ChangeKind
from mmo.dated import postgres as terms
from mmo.dated.documents import WrongDocumentError
from mmo.dated.postgres import FOUR_EYES, NewVersion, Version
from mmo.dated.timeline import TermError
from mmo.wallets import products

Connection = AsyncConnection[Any]
Read: TypeAlias = Callable[[Any], Any]
"""Reads the content, which tells its `currency`. Raises WrongDocumentError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One kind of terms, whose changes raise `<name>.create` and the like."""

    name: str
    read: Read
    problem: str
    """What is said of a content that is wrong: `tariff_invalid`."""

    async def create(self, connection: Connection, asked: Asked) -> Carried:
        """Set terms for a key that has none. Raises UniqueViolation, DeclinedError."""
        tenant, body, identifier = asked.tenant_id, asked.body, self._identifier(asked)
        await self._check(connection, tenant, body["key"], body["content"])
        by = asked.actor.subject
        await terms.create(connection, tenant, identifier, self.name, body["key"], by)
        return await self._add(connection, asked, _new(asked))

    async def change(self, connection: Connection, asked: Asked) -> Carried:
        """Set the next version; the body's `version` is the newest that the caller knows."""
        found = await self._standing(connection, asked)
        if found[0].number != asked.body["version"]:
            raise DeclinedError("version_conflict", f"the newest is {found[0].number}")
        await self._check(connection, asked.tenant_id, found[0].key, asked.body["content"])
        return await self._add(connection, asked, _new(asked))

    async def retire(self, connection: Connection, asked: Asked) -> Carried:
        """Set a version that ends the definition."""
        found = await self._standing(connection, asked)
        new = NewVersion(
            title=found[0].title, content=found[0].content, made_by=asked.actor.subject,
            wanted="retired",
        )  # fmt: skip
        return await self._add(connection, asked, new)

    async def approve(self, connection: Connection, asked: Asked) -> Carried:
        """Put the pending version in force, as somebody who did not set it."""
        pending = await self._pending(connection, asked)
        with _declining():
            await terms.approve(connection, asked.tenant_id, pending, asked.actor.subject)
        return await self._carried(connection, asked, pending.number)

    async def reject(self, connection: Connection, asked: Asked) -> Carried:
        """Let the pending version never be in force."""
        pending = await self._pending(connection, asked)
        await terms.reject(connection, asked.tenant_id, pending, asked.actor.subject)
        return await self._carried(connection, asked, pending.number)

    def kinds(self, scope: str) -> tuple[ChangeKind, ...]:
        """The changes of such terms; `scope`: who has it may read what became of one."""
        handlers = (self.create, self.change, self.retire, self.approve, self.reject)
        return tuple(
            ChangeKind(event=f"{self.name}.{one.__name__}", scope=scope, carry_out=one)
            for one in handlers
        )

    async def _check(
        self, connection: Connection, tenant: int, key: Mapping[str, Any], content: Any
    ) -> None:
        """The content can be read, is in the key's currency, and the product is there."""
        try:
            currency = self.read(content).currency
        except WrongDocumentError as error:
            told = [(f"/content{pointer}", what) for pointer, what in error.errors]
            raise DeclinedError(self.problem, told[0][1], *told) from None
        if currency != key["currency"]:
            wrong = f"it is for {key['currency']}"
            raise DeclinedError(self.problem, wrong, ("/content/currency", wrong))
        product = key["product"]
        if product is not None and await products.find(connection, tenant, product) is None:
            raise DeclinedError("product_unknown")

    async def _add(self, connection: Connection, asked: Asked, new: NewVersion) -> Carried:
        """Add a version; where nobody else needs to approve it, it is in force at once."""
        tenant, identifier = asked.tenant_id, self._identifier(asked)
        with _declining():
            number = await terms.add(connection, tenant, identifier, new)
            if not await FOUR_EYES.needed(connection, tenant):
                found = await terms.versions(connection, tenant, identifier)
                await terms.approve(connection, tenant, found[0], asked.actor.subject)
        return await self._carried(connection, asked, number)

    async def _standing(self, connection: Connection, asked: Asked) -> Sequence[Version]:
        """All versions of a definition that is not retired; it stays as it is meanwhile."""
        found = await self._locked(connection, asked)
        if found[0].retired_at is not None:
            raise DeclinedError("version_conflict", "it is retired")
        return found

    async def _pending(self, connection: Connection, asked: Asked) -> Version:
        found = await self._locked(connection, asked)
        number = asked.body["number"]
        pending = next((one for one in found if one.state == "pending"), None)
        if pending is None or pending.number != number:
            raise DeclinedError("version_not_pending")
        if pending.made_by in asked.actor.people:
            raise DeclinedError("maker_may_not")
        return pending

    async def _locked(self, connection: Connection, asked: Asked) -> Sequence[Version]:
        identifier = self._identifier(asked)
        await terms.lock(connection, asked.tenant_id, identifier)
        found = await terms.versions(connection, asked.tenant_id, identifier)
        if not found or found[0].kind != self.name:
            raise DeclinedError("not_found")
        return found

    async def _carried(self, connection: Connection, asked: Asked, number: int) -> Carried:
        found = await terms.versions(connection, asked.tenant_id, self._identifier(asked))
        version = next(one for one in found if one.number == number)
        after = {"number": number, "state": version.state, "content": version.content}
        return Carried(result=version, after=after)

    def _identifier(self, asked: Asked) -> UUID:
        return UUID(asked.object.removeprefix(f"{self.name}/"))


@contextmanager
def _declining() -> Generator[None]:
    """Let what does not fit the timeline be declined."""
    try:
        yield
    except TermError as error:
        raise DeclinedError(error.code, error.detail) from None


def _new(asked: Asked) -> NewVersion:
    body = asked.body
    return NewVersion(
        title=body["title"], content=body["content"], made_by=asked.actor.subject,
        since=_moment(body["since"]), until=_moment(body["until"]),
    )  # fmt: skip


def _moment(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None


async def _govern(connection: Connection, asked: Asked) -> Carried:
    """Say whether terms need a second person; that they need none, two people must say."""
    wanted = asked.body["four_eyes"]
    needed = await FOUR_EYES.ask(connection, asked.tenant_id, wanted, asked.actor)
    return Carried(result=needed, after={"wanted": wanted, "four_eyes": needed})


KINDS = (ChangeKind(event="terms.govern", scope="tariffs:read", carry_out=_govern),)
