"""Changes of rules: set by one person, and in force once another has approved, where so ruled."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from mmo.audit.postgres import append as note
from mmo.audit.record import Record, digest_of
from mmo.bep import definitions
from mmo.bep.definitions import FOUR_EYES, NewVersion, Version
from mmo.bep.event import EventKind, Phase
from mmo.bep.processor import Offers
from mmo.codelists import postgres as code_lists
from mmo.documents.kinds import table_fields
from mmo.identity import roles
from mmo.kernel.envelope import Actor
from mmo.kernel.identifiers import mint
from mmo.kernel.money import digits_of
from mmo.messaging.event import Event
from mmo.messaging.postgres import append
from mmo.wallets import products

Connection = AsyncConnection[Any]
LISTED_MAX = 1000
"""Products, codes … that settings may choose from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Triplet:
    """What a rule is for."""

    kind: EventKind
    phase: Phase
    product: int | None
    processor: str


async def offers_of(
    connection: Connection, tenant: int, currencies: tuple[str, ...], events: tuple[EventKind, ...]
) -> Offers:
    """What the tenant has that settings may name. The transaction may read shared code lists."""
    held = await roles.listed(connection, tenant)
    sold = await products.listed(connection, tenant, 0, LISTED_MAX)
    lists: dict[str, dict[str, bool]] = {}
    for one in await code_lists.lists(connection, tenant):
        owner = await code_lists.owner_of(connection, tenant, one.list)
        if owner is None:
            continue
        values = await code_lists.values(
            connection, owner.id, one.list, active=None, after=None, limit=LISTED_MAX
        )
        lists[one.list] = {value.code: value.active for value in values}
    tables = await table_fields(connection, tenant)
    return Offers(
        roles={role.id: role.name for role in held},
        products={product.id: product.name for product in sold},
        code_lists=lists,
        tables=tuple(tables),
        fields={name: fields for name, fields in tables.items() if fields is not None},
        currencies=currencies,
        digits={currency: digits_of(currency) for currency in currencies},
        events=events,
    )


class RuleChanges:
    """Changes of rules in the caller's transaction: versions, their event and their audit row."""

    def __init__(self, connection: Connection, tenant: int, actor: Actor) -> None:
        self._connection = connection
        self._tenant = tenant
        self._actor = actor

    async def create(self, triplet: Triplet, new: NewVersion) -> UUID:
        """Set a rule. Raises psycopg.errors.UniqueViolation where the triplet has one."""
        identifier = mint()
        await definitions.create(
            self._connection, self._tenant, identifier, event=triplet.kind.name,
            phase=triplet.phase, product=triplet.product, processor=triplet.processor,
            by=self._actor.subject,
        )  # fmt: skip
        await self._add(identifier, new, "created")
        return identifier

    async def change(self, identifier: UUID, new: NewVersion) -> None:
        """Set its next version; `wanted` retired ends it."""
        await self._add(identifier, new, "changed")

    async def decide(self, version: Version, *, approve: bool) -> None:
        """Approve or reject a pending version. That it is another person's is for the caller."""
        await self._decided(version, approve=approve)

    async def set_four_eyes(self, wanted: bool) -> bool:
        """Say whether rules need a second person; tell whether they do now."""
        needed = await FOUR_EYES.ask(self._connection, self._tenant, wanted, self._actor)
        about = {"wanted": wanted, "four_eyes": needed}
        await self._tell(UUID(int=self._tenant), "governed", about)
        return needed

    async def _add(self, identifier: UUID, new: NewVersion, what: str) -> None:
        await definitions.lock(self._connection, self._tenant, identifier)
        await definitions.add(self._connection, self._tenant, identifier, new)
        found = await definitions.versions(self._connection, self._tenant, identifier)
        await self._tell(identifier, what, _content(found[0]))
        if not await FOUR_EYES.needed(self._connection, self._tenant):
            await self._decided(found[0], approve=True)

    async def _decided(self, version: Version, *, approve: bool) -> None:
        await definitions.decide(
            self._connection, self._tenant, version, self._actor.subject, approve=approve
        )
        retires = approve and version.wanted == "retired"
        what = "retired" if retires else "approved" if approve else "rejected"
        await self._tell(version.id, what, _content(version))

    async def _tell(self, identifier: UUID, what: str, about: dict[str, Any]) -> None:
        """Append the event, and tell the audit."""
        cursor = await self._connection.execute(
            """SELECT coalesce(max(version), 0) + 1 FROM messaging.event
                WHERE tenant_id = %s AND aggregate = 'rule' AND aggregate_id = %s""",
            [self._tenant, identifier],
        )
        row = await cursor.fetchone()
        assert row is not None
        await append(
            self._connection,
            [
                Event(
                    tenant_id=self._tenant, id=mint(), aggregate="rule", aggregate_id=identifier,
                    version=row[0], type=f"mmo.rule.{what}.v1", actor=self._actor.subject,
                    occurred_at=datetime.now(UTC), data=about,
                )
            ],
        )  # fmt: skip
        await note(
            self._connection,
            Record(
                tenant_id=self._tenant,
                actor=self._actor.subject,
                client=self._actor.client,
                action=f"rule.{what}",
                object=f"rule/{identifier}",
                after=digest_of(about),
            ),
        )


def _content(version: Version) -> dict[str, Any]:
    """A version in full, as its event tells it."""
    content: dict[str, Any] = json.loads(
        json.dumps(
            {
                "definition": str(version.id),
                "version": version.number,
                "event": version.event,
                "phase": version.phase,
                "product": version.product,
                "processor": version.processor,
                "wanted": version.wanted,
                "metadata": version.metadata,
                "since": version.since,
                "until": version.until,
                "made_by": version.made_by,
            },
            default=str,
        )
    )
    return content
