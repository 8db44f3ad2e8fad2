"""What the activities of reactions and tasks do, on the database."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from activities.reactions import Asked, By, Occasion, TaskToDo
from mmo.bep.event import BusinessEvent, Phase
from mmo.bep.facts import RuleFacts
from mmo.bep.listener import BusinessEventListener, Reacted
from mmo.bep.processor import Requested
from mmo.bep.processors import task
from mmo.bep.registry import effects, processors
from mmo.bep.snapshot import Rule, Snapshot, Stored, compiled
from mmo.messaging.event import Event
from mmo.messaging.postgres import append
from mmo.movements.support import reacting
from mmo.movements.support.business_events import business_events
from mmo.tasks import postgres as tasks
from mmo.tenancy.scope import scoped

REACTIONS_MAX = 20
"""Reactions that one rule may ask for after one event."""
_EVENT = """SELECT tenant_id, id, aggregate, aggregate_id, version, type, actor, occurred_at, data,
                   xid, seq FROM messaging.event WHERE tenant_id = %s """
_RULE = """SELECT d.event, d.phase, d.product, d.processor, v.metadata
             FROM bep.definition d
             JOIN bep.version v ON v.tenant_id = d.tenant_id AND v.definition_id = d.id
            WHERE d.tenant_id = %s AND d.id = %s AND v.number = %s"""

Connection = AsyncConnection[Any]


class ReactionFailedError(Exception):
    """The rule cannot be asked, or asks for too much. The activity is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    event: BusinessEvent
    facts: RuleFacts
    rule: Rule


class Reacting:
    """The steps. `ring`: called after what was appended is committed."""

    def __init__(self, pool: AsyncConnectionPool[Any], ring: Callable[[], None]) -> None:
        self._pool = pool
        self._ring = ring
        self._listener = BusinessEventListener()

    async def react(self, occasion: Occasion) -> list[Asked]:
        """Ask the rule, and append what it says, in one transaction."""
        ids = [_reaction_id(occasion, number) for number in range(REACTIONS_MAX)]
        async with scoped(self._pool, occasion.tenant_id) as connection:
            known = await _known(connection, occasion.tenant_id, ids)
            if known:
                return [_asked(one) for one in known]
            event = await find_event(connection, occasion.tenant_id, UUID(occasion.event))
            case = await _case(connection, occasion, event)
            found = self._listener.after(case.event, case.facts, [case.rule])
            events = list(_events(occasion, event, found, ids))
            await append(connection, events)
        self._ring()
        return [_asked(one) for one in events]

    async def carry_out(self, occasion: Occasion, asked: Asked) -> None:
        """Run a plug-in's effect, which knows the request by its id."""
        async with scoped(self._pool, occasion.tenant_id) as connection:
            event = await find_event(connection, occasion.tenant_id, UUID(asked.id))
        await effects()[asked.kind].carry_out(
            Requested(
                tenant=occasion.tenant,
                tenant_id=occasion.tenant_id,
                id=asked.id,
                kind=asked.kind,
                data=event.data["data"],
                caused_by=event.data["caused_by"],
            )
        )

    async def open_task(self, task: TaskToDo) -> None:
        """Open it, and tell."""
        async with scoped(self._pool, task.tenant_id) as connection:
            asked = await find_event(connection, task.tenant_id, UUID(task.id))
            await tasks.open_task(connection, task.tenant_id, asked, datetime.now(UTC))
        self._ring()

    async def escalate_task(self, task: TaskToDo) -> bool:
        """Escalate it, and tell."""
        async with scoped(self._pool, task.tenant_id) as connection:
            asked = await find_event(connection, task.tenant_id, UUID(task.id))
            still = await tasks.escalate(connection, task.tenant_id, asked, datetime.now(UTC))
        self._ring()
        return still

    async def is_done(self, task: TaskToDo) -> bool:
        """Look at its row."""
        async with scoped(self._pool, task.tenant_id) as connection:
            found = await tasks.find(connection, task.tenant_id, UUID(task.id))
        return found is not None and found.state == "done"


async def find_event(connection: Connection, tenant: int, identifier: UUID) -> Event:
    """An event of the feed by its id. Raises ReactionFailedError."""
    cursor = connection.cursor(row_factory=class_row(Event))
    await cursor.execute(_EVENT + "AND id = %s", [tenant, identifier])
    event = await cursor.fetchone()
    if event is None:
        raise ReactionFailedError(f"there is no event {identifier}")
    return event


async def _known(connection: Connection, tenant: int, ids: Sequence[UUID]) -> list[Event]:
    cursor = connection.cursor(row_factory=class_row(Event))
    await cursor.execute(
        _EVENT + "AND aggregate = 'reaction' AND aggregate_id = ANY (%s) ORDER BY seq",
        [tenant, list(ids)],
    )
    return await cursor.fetchall()


async def _case(connection: Connection, occasion: Occasion, event: Event) -> _Case:
    """The event, the facts of now, and the rule as it was when the event was seen."""
    tenant, kind = occasion.tenant_id, reacting.kind_of(event, business_events())
    if kind is None:
        raise ReactionFailedError(f"{event.type} tells no business event")
    rule = await _rule(connection, occasion)
    parties = reacting.parties_of(event, kind)
    wallets = [UUID(wallet) for wallet in parties.values()]
    cursor = await connection.execute(
        "SELECT movements.facts(%s, '{}', %s::uuid[]), bep.facts(%s, %s)",
        [tenant, wallets, tenant, Jsonb(reacting.needs_of(rule, event, kind, parties))],
    )
    row: Any = await cursor.fetchone()
    facts = reacting.facts_of(row[0], parties, row[1].get(str(event.id), {}))
    products = {party.id: party.product for party in facts.parties.values()}
    product = reacting.product_of(event, parties, products)
    told = reacting.business_event(event, kind, parties, product)
    return _Case(event=told, facts=facts, rule=rule)


async def _rule(connection: Connection, occasion: Occasion) -> Rule:
    cursor = await connection.execute(
        _RULE, [occasion.tenant_id, UUID(occasion.definition), occasion.version]
    )
    row = await cursor.fetchone()
    if row is None:
        raise ReactionFailedError(f"there is no rule {occasion.definition}@{occasion.version}")
    event, phase, product, processor, metadata = row
    stored = Stored(
        definition=occasion.definition, version=occasion.version, event=event, phase=Phase(phase),
        product=product, processor=processor, metadata=metadata,
        mode="shadow" if occasion.shadow else "binding",
    )  # fmt: skip
    snapshot: Snapshot = compiled(0, [stored], processors(), business_events().kinds)
    rule = next(rule for rules in snapshot.by_event.values() for rule in rules)
    if rule.metadata is None:
        raise ReactionFailedError(f"the processor {processor} cannot be asked with these settings")
    return rule


def _reaction_id(occasion: Occasion, number: int) -> UUID:
    name = f"{occasion.definition}@{occasion.version}/{number}"
    return uuid5(UUID(occasion.event), name)


def _events(
    occasion: Occasion, event: Event, found: Sequence[Reacted], ids: Sequence[UUID]
) -> Sequence[Event]:
    reactions = [(one.rule, reaction) for one in found for reaction in one.reactions]
    if len(reactions) > REACTIONS_MAX:
        raise ReactionFailedError(f"a rule asks for more than {REACTIONS_MAX} reactions")
    caused_by = {
        "event": occasion.event,
        "type": event.type,
        "definition": occasion.definition,
        "version": occasion.version,
    }
    template = replace(event, aggregate="reaction", version=1, occurred_at=datetime.now(UTC))
    events: list[Event] = []
    for identifier, (rule, reaction) in zip(ids, reactions, strict=False):
        verb = "requested" if rule.stored.mode == "binding" else "considered"
        data = {"kind": reaction.kind, "data": dict(reaction.data), "caused_by": caused_by}
        events.append(
            replace(
                template, id=identifier, aggregate_id=identifier, data=data,
                type=f"mmo.{reaction.kind}.{verb}.v1",
            )
        )  # fmt: skip
    return events


def _asked(event: Event) -> Asked:
    kind, data = event.data["kind"], event.data["data"]
    due_s = data.get("sla_seconds") if kind == task.KIND else None
    return Asked(id=str(event.id), kind=kind, by=_by(event, kind), due_s=due_s)


def _by(event: Event, kind: str) -> By:
    if event.type.split(".")[2] == "considered":
        return "nobody"
    if kind == task.KIND:
        return "task"
    return "activity" if kind in effects() else "subscriber"
