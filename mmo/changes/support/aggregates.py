"""Aggregates: decide, append the events, write the row and tell the audit, in one transaction."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from psycopg import AsyncConnection
from pydantic import BaseModel

from mmo.audit.postgres import append as note
from mmo.audit.record import Record, digest_of
from mmo.kernel.envelope import Actor
from mmo.kernel.identifiers import mint
from mmo.kernel.refusals import Refused
from mmo.messaging.event import Event
from mmo.messaging.postgres import append, history_of

Connection = AsyncConnection[Any]
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Done(Generic[S]):
    """What an aggregate is now, what happened, and where that stands in the feed ("": nowhere)."""

    state: S
    events: tuple[Any, ...] = ()
    position: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate(Generic[S]):
    """One kind of aggregate: its pure functions, its row, and its names."""

    name: str
    """In events and in the audit: `wallet`."""
    events: Mapping[str, type[Any]]
    """Type of message → model of the event."""
    actions: Mapping[type[Any], str]
    """Command → how the audit names it."""
    decision: Callable[[S | None, Any], tuple[Any, ...] | Refused]
    evolve: Callable[..., S]
    lock: Callable[[Connection, int, UUID], Awaitable[S | None]]
    save: Callable[[Connection, int, S], Awaitable[None]]
    replace: Callable[[Connection, int, S], Awaitable[None]]
    """Writes the whole row anew, whatever stood there."""

    async def change(
        self, connection: Connection, tenant: int, identifier: UUID, actor: Actor,
        command_of: Callable[[S | None], Awaitable[Any]],
    ) -> Done[S] | Refused:  # fmt: skip
        """Carry out the command that fits the state, which is locked before it is asked for."""
        state = await self.lock(connection, tenant, identifier)
        command: object = await command_of(state)
        decided = self.decision(state, command)
        record = self.record(tenant, identifier, actor, type(command), state)
        record = replace(record, reason=getattr(command, "reason", None))
        if isinstance(decided, Refused):
            await note(connection, replace(record, outcome="refused", reason=decided.code))
            return decided
        if not decided:
            assert state is not None
            return Done(state)
        changed, events = self._folded(tenant, identifier, state, decided, actor)
        position = await append(connection, events)
        await self.save(connection, tenant, changed)
        await note(connection, replace(record, after=_digest(changed)))
        return Done(changed, decided, str(position))

    def record(
        self, tenant: int, identifier: UUID, actor: Actor, command: type[Any],
        state: S | None = None,
    ) -> Record:  # fmt: skip
        """What the audit is told of a command, before anything came of it."""
        return Record(
            tenant_id=tenant,
            actor=actor.subject,
            client=actor.client,
            action=self.actions[command],
            object=f"{self.name}/{identifier}",
            before=_digest(state),
        )

    def refold(self, state: S | None, event: Event) -> S:
        """Fold one stored event."""
        return self.evolve(
            state,
            self.events[event.type].model_validate(event.data),
            identifier=str(event.aggregate_id),
            version=event.version,
            at=event.occurred_at,
        )

    async def as_of(
        self, connection: Connection, tenant: int, identifier: UUID, at: datetime | None = None
    ) -> S | None:
        """Fold the events up to a moment, or all; None where there were none yet."""
        state: S | None = None
        for event in await history_of(connection, tenant, self.name, identifier):
            if at is None or event.occurred_at <= at:
                state = self.refold(state, event)
        return state

    async def as_begun(self, connection: Connection, tenant: int, identifier: UUID) -> S:
        """The aggregate as its first event made it. Raises LookupError where there is none."""
        history = await history_of(connection, tenant, self.name, identifier)
        if not history:
            raise LookupError(f"there is no {self.name} {identifier}")
        return self.refold(None, history[0])

    def _folded(
        self, tenant: int, identifier: UUID, state: S | None, decided: tuple[BaseModel, ...],
        actor: Actor,
    ) -> tuple[S, list[Event]]:  # fmt: skip
        types = {model: name for name, model in self.events.items()}
        now, events = datetime.now(UTC), list[Event]()
        for happened in decided:
            version = getattr(state, "version", 0) + 1
            state = self.evolve(
                state, happened, identifier=str(identifier), version=version, at=now
            )
            events.append(
                Event(
                    tenant_id=tenant,
                    id=mint(),
                    aggregate=self.name,
                    aggregate_id=identifier,
                    version=version,
                    type=types[type(happened)],
                    actor=actor.subject,
                    occurred_at=now,
                    data=happened.model_dump(mode="json"),
                )
            )
        assert state is not None
        return state, events


def _digest(state: Any) -> bytes | None:
    return digest_of(asdict(state)) if state is not None else None
