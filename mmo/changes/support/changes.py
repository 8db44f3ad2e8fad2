"""Carrying changes out: rules first, then rows, event and audit, all in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import ForeignKeyViolation, UniqueViolation
from psycopg_pool import AsyncConnectionPool

from mmo.approvals.awaited import Awaited
from mmo.approvals.postgres import decided_by
from mmo.audit.postgres import append as note
from mmo.audit.record import Record, digest_of
from mmo.bep.listener import BusinessEventListener, Consideration
from mmo.bep.postgres import Snapshots
from mmo.bep.verdict import Approval, Ask, merged, unmet
from mmo.changes.support import rows
from mmo.changes.support.asked import Asked, Carried, DeclinedError, Outcome, Parked, WentOn
from mmo.changes.support.deciding import case_of, parties_of, record_of
from mmo.changes.support.registry import ChangeKind, kinds
from mmo.kernel.identifiers import mint
from mmo.kernel.refusals import REFUSALS, Refused
from mmo.messaging.event import Event
from mmo.messaging.postgres import append
from mmo.tenancy.scope import scoped

Connection = AsyncConnection[Any]
CANNOT_WAIT = "a rule asks for approval, which a command with a secret cannot wait for"

FORGOTTEN_MAX = 100
"""Changes of one tenant whose workflows are started in one go."""


class Changes:
    """Carries out commands that move no money. `ring` is called after each commit."""

    def __init__(
        self, pool: AsyncConnectionPool[Any], snapshots: Snapshots, ring: Callable[[], None]
    ) -> None:
        self._pool = pool
        self._snapshots = snapshots
        self._ring = ring
        self._listener = BusinessEventListener()

    async def run(
        self, asked: Asked, asked_before: Sequence[Ask] = (), approvals: Sequence[Approval] = ()
    ) -> Outcome:
        """Put the change to the rules, and carry it out, refuse it, or let it wait.

        Safe to repeat: under its id it is carried out once. Raises DeclinedError, and then nothing
        is written. `asked_before`, `approvals`: what was asked when it began to wait, and who has
        agreed since; the stricter of old and new rules binds.
        """
        try:
            async with scoped(self._pool, asked.tenant_id) as connection:
                ended = _ended(await rows.find(connection, asked.tenant_id, asked.id, lock=True))
                if ended is not None:
                    return ended
                outcome = await self._decided(connection, asked, asked_before, approvals)
        except UniqueViolation:
            raise DeclinedError("already_there") from None
        except ForeignKeyViolation:
            raise DeclinedError("not_found") from None
        self._ring()
        return outcome

    async def go_on(self, awaited: Awaited) -> WentOn:
        """Carry out what people have agreed to, by the rows of their votes. Safe to repeat."""
        kept = await self._kept(awaited)
        if kept.state != "pending":
            return WentOn(code=kept.refusal["code"] if kept.refusal else "")
        asked = kept.asked(awaited.tenant, awaited.tenant_id)
        if rows.awaited_of(asked, []).about != awaited.about:
            return WentOn(code=await self.end(awaited, "failed"))
        agreed = await self._agreed(awaited)
        try:
            outcome = await self.run(asked, [Ask.of(row) for row in awaited.asks], agreed)
        except DeclinedError as error:
            return WentOn(code=await self.end(awaited, error.code))
        if isinstance(outcome, Parked):
            return WentOn(asks=outcome.awaited.asks)
        return WentOn(code=outcome.code if isinstance(outcome, Refused) else "")

    async def end(self, awaited: Awaited, code: str) -> str:
        """Refuse a change that waits, for the reason of a code. Safe to repeat."""
        async with scoped(self._pool, awaited.tenant_id) as connection:
            kept = await rows.find(connection, awaited.tenant_id, UUID(awaited.id), lock=True)
            if kept is not None and kept.state == "pending":
                asked = kept.asked(awaited.tenant, awaited.tenant_id)
                reason = REFUSALS.get(code, code.replace("_", " "))
                refusal = {"code": code, "reason": reason}
                await rows.write(connection, asked, "refused", kept.record, refusal=refusal)
                await note(connection, _audit(asked, outcome="refused", reason=code))
        return code

    async def forgotten(self, tenant: str, tenant_id: int, older_s: float) -> list[Awaited]:
        """What waits though its workflow never began: whoever accepted it died on the way."""
        async with scoped(self._pool, tenant_id) as connection:
            found = await rows.forgotten(connection, tenant_id, older_s, FORGOTTEN_MAX)
        return [rows.awaited_of(one.asked(tenant, tenant_id), one.asks) for one in found]

    async def waiting(self, tenant: str, tenant_id: int, after: UUID) -> list[Awaited]:
        """The next page of changes that wait, in the order of their ids."""
        async with scoped(self._pool, tenant_id) as connection:
            found = await rows.waiting(connection, tenant_id, after, FORGOTTEN_MAX)
        return [rows.awaited_of(one.asked(tenant, tenant_id), one.asks) for one in found]

    async def _agreed(self, awaited: Awaited) -> list[Approval]:
        """Who has agreed, by the rows: a workflow's own word proves nothing."""
        identifier = UUID(awaited.id)
        async with scoped(self._pool, awaited.tenant_id) as connection:
            decided = await decided_by(connection, awaited.tenant_id, [identifier])
        return [
            Approval(subject=one["subject"], roles=tuple(one["roles"]))
            for one in decided[identifier]
            if one["choice"] == "approve"
        ]

    async def _kept(self, awaited: Awaited) -> rows.Change:
        async with scoped(self._pool, awaited.tenant_id) as connection:
            found = await rows.find(connection, awaited.tenant_id, UUID(awaited.id))
        if found is None:
            raise LookupError(f"there is no change {awaited.id}")
        return found

    async def _decided(
        self, connection: Connection, asked: Asked, before: Sequence[Ask],
        approvals: Sequence[Approval],
    ) -> Outcome:  # fmt: skip
        kind = kinds()[asked.event]
        case = await case_of(connection, self._snapshots, kind, asked)
        said = self._listener.before(case.event, case.facts, case.rules)
        asks = merged(before, said.asks)
        record = record_of(asked, case, said, asks, approvals)
        lacking = unmet(asks, approvals)
        if said.violations or (lacking and not kind.waits):
            return await _refused(connection, asked, said, record)
        if lacking:
            told = [ask.row() for ask in asks]
            await rows.write(connection, asked, "pending", record, asks=told)
            return Parked(rows.awaited_of(asked, told))
        return await _carried(connection, kind, asked, record)


async def _carried(
    connection: Connection, kind: ChangeKind, asked: Asked, record: dict[str, Any]
) -> Outcome:
    outcome = await kind.carry_out(connection, asked)
    if isinstance(outcome, Refused):
        refusal = {"code": outcome.code, "reason": outcome.reason}
        await rows.write(connection, asked, "refused", record, refusal=refusal)
        return outcome
    asked = replace(asked, object=outcome.object or asked.object)
    await rows.write(connection, asked, "done", record)
    if kind.tells_itself:
        return outcome
    position = await append(connection, [_event(kind, asked, record)])
    before, after = outcome.before, outcome.after
    await note(
        connection,
        _audit(
            asked,
            before=digest_of(before) if before is not None else None,
            after=digest_of(after) if after is not None else None,
        ),
    )
    return replace(outcome, position=str(position))


async def _refused(
    connection: Connection, asked: Asked, said: Consideration, record: dict[str, Any]
) -> Refused:
    violations = said.told_violations() or [
        {"code": "rule_refused", "reason": CANNOT_WAIT, "details": {}}
    ]
    code, reason = violations[0]["code"], violations[0]["reason"]
    published = code if code in REFUSALS else "rule_refused"
    await rows.write(
        connection, asked, "refused", record, refusal={"code": published, "reason": reason}
    )
    await note(connection, _audit(asked, outcome="refused", reason=published))
    return Refused(published, reason, {"violations": violations}, record)


def _ended(kept: rows.Change | None) -> Carried | Refused | None:
    """What came of a change that was asked for before."""
    if kept is None or kept.state == "pending":
        return None
    if kept.refusal is None:
        return Carried(object=kept.object)
    code = kept.refusal["code"]
    published = code if code in REFUSALS else "failed"
    return Refused(published, kept.refusal["reason"], {}, kept.record)


def _event(kind: ChangeKind, asked: Asked, record: dict[str, Any]) -> Event:
    return Event(
        tenant_id=asked.tenant_id,
        id=mint(),
        aggregate="change",
        aggregate_id=asked.id,
        version=1,
        type=kind.raises.raises[0],
        actor=asked.actor.subject,
        occurred_at=datetime.now(UTC),
        data={
            "change": str(asked.id),
            "object": asked.object,
            "client": asked.actor.client,
            "parties": parties_of(kind, asked),
            "body": kind.shown(asked.body),
            "record": record,
        },
    )


def _audit(asked: Asked, **more: Any) -> Record:
    acts = (one.rpartition("/") for one in asked.actor.act)
    return Record(
        tenant_id=asked.tenant_id,
        actor=asked.actor.subject,
        client=asked.actor.client,
        act=tuple({"tenant": tenant, "sub": subject} for tenant, _, subject in acts),
        action=asked.event,
        object=asked.object,
        **more,
    )
