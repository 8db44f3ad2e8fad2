"""Approvals in Postgres: each change of one, its event and its audit row in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from mmo.approvals import document_store
from mmo.approvals.accepted import accepted
from mmo.approvals.awaited import Awaited, Ending, OpenedApproval, Vote
from mmo.approvals.closeness import Closeness, closeness
from mmo.approvals.documents import Document, read
from mmo.approvals.notices import IGNORED, append_notice, ignored_record, record_of
from mmo.approvals.objections import Objection, objection
from mmo.audit.postgres import append as note
from mmo.keys.verifier import Verifier
from mmo.tenancy.scope import scoped

Pool = AsyncConnectionPool[Any]
_COLUMNS = """id, kind, event, about, maker, people, asks, roles, summary, state, opened_at,
              expires_at, ended_at, version"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What waits for agreement, or has waited."""

    id: UUID
    kind: str
    event: str
    about: str
    maker: str
    people: list[str]
    asks: list[dict[str, Any]]
    roles: list[str]
    summary: dict[str, Any]
    state: str
    opened_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    version: int


class Approvals:
    """Opens, decides and ends approvals, for the processes that wait. All is safe to repeat."""

    def __init__(self, pool: Pool, verifier: Verifier) -> None:
        self._pool = pool
        self._verifier = verifier

    async def open(self, awaited: Awaited) -> OpenedApproval:
        """Show it to those who may agree; opened again, it shows what is asked now."""
        async with scoped(self._pool, awaited.tenant_id) as connection:
            await connection.execute(
                """INSERT INTO approvals.approval AS a
                   (tenant_id, id, kind, event, about, maker, people, asks, roles, summary,
                    expires_at)
                   VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
                   ON CONFLICT (tenant_id, id) DO UPDATE
                      SET asks = excluded.asks, roles = excluded.roles,
                          expires_at = excluded.expires_at, version = a.version + 1
                    WHERE a.state = 'open' AND a.asks <> excluded.asks""",
                [
                    awaited.tenant_id, awaited.id, awaited.kind, awaited.event, awaited.about,
                    awaited.maker.subject, sorted(awaited.maker.people), _json(awaited.asks),
                    sorted(awaited.roles), Jsonb(awaited.summary), awaited.expires_at,
                ],
            )  # fmt: skip
            await append_notice(connection, awaited, "requested", {"asks": list(awaited.asks)})
            return await _opened(connection, awaited)

    async def verify(self, awaited: Awaited, document: str) -> Vote | str:
        """Prove a document and keep the vote, or say why it does not count; the audit is told."""
        async with scoped(self._pool, awaited.tenant_id) as connection:
            asked = await accepted(connection, awaited)
            if asked is None:
                return "about what nobody accepted"
            awaited = asked
            now = await document_store.recorded_at(
                connection, awaited.tenant_id, UUID(awaited.id), document
            )
            said = read(self._verifier, awaited, document, now)
            vote = said if isinstance(said, str) else await _voted(connection, awaited, said)
            if isinstance(vote, str):
                by = said.by.subject if isinstance(said, Document) else "unknown"
                await note(connection, ignored_record(awaited, document, by, vote))
        return vote

    async def tell(self, awaited: Awaited, what: str, about: Mapping[str, Any]) -> None:
        """Tell that somebody was reminded, or that others may agree too."""
        async with scoped(self._pool, awaited.tenant_id) as connection:
            if what == "escalated":
                await connection.execute(
                    """UPDATE approvals.approval SET asks = %s, roles = %s, version = version + 1
                        WHERE tenant_id = %s AND id = %s AND state = 'open' AND asks <> %s""",
                    [
                        _json(awaited.asks), sorted(awaited.roles), awaited.tenant_id, awaited.id,
                        _json(awaited.asks),
                    ],
                )  # fmt: skip
            await append_notice(connection, awaited, what, dict(about))

    async def close(self, awaited: Awaited, ending: Ending) -> None:
        """End it: it is in nobody's inbox any more."""
        async with scoped(self._pool, awaited.tenant_id) as connection:
            await connection.execute(
                """UPDATE approvals.approval SET state = %s, ended_at = now(), version = version + 1
                    WHERE tenant_id = %s AND id = %s AND state = 'open'""",
                [ending, awaited.tenant_id, awaited.id],
            )
            await append_notice(connection, awaited, ending, {})


async def _opened(connection: AsyncConnection[Any], awaited: Awaited) -> OpenedApproval:
    """What the rows have of it. Of one that is opened for the first time there is nothing yet."""
    tenant, identifier = awaited.tenant_id, UUID(awaited.id)
    found = await find(connection, tenant, identifier)
    assert found is not None, "it was opened just now"
    decided = (await decided_by(connection, tenant, [identifier]))[identifier]
    return OpenedApproval(
        expires_at=found.expires_at.isoformat(),
        given=tuple(
            Vote(
                subject=one["subject"], choice=one["choice"], roles=tuple(one["roles"]),
                note=one["note"],
            )
            for one in decided
        ),
        documents=tuple(await document_store.unread(connection, tenant, identifier)),
    )  # fmt: skip


def _json(asks: tuple[dict[str, Any], ...]) -> Jsonb:
    return Jsonb(list(asks))


async def _voted(connection: AsyncConnection[Any], awaited: Awaited, said: Document) -> Vote | str:
    """Whether the one who decided may, now; then the vote is kept. A person has one."""
    tenant, subject = awaited.tenant_id, said.by.subject
    maker, people = awaited.maker.people, said.by.people
    roles = await roles_of(connection, tenant, subject, sorted(maker))
    close = await closeness(connection, tenant, subject, maker, awaited.event)
    why = objection(said.choice, people, maker, roles, awaited.roles, close)
    if close.why and said.choice != "cancel" and why in {None, "too_close"}:
        await _alert(connection, awaited, subject, said.by.client, close)
    if why is not None:
        return f"{OBJECTIONS[why]}: {close.why[0]}" if why == "too_close" else OBJECTIONS[why]
    used = () if said.choice == "cancel" else tuple(sorted(set(roles) & awaited.roles))
    return await _kept(connection, awaited, said, used)


OBJECTIONS: dict[Objection, str] = {
    "not_the_maker": "not the maker's",
    "maker_may_not": "by the maker",
    "role_missing": "holds none of the roles that are asked",
    "too_close": "too close",
}
"""How histories and the audit tell why a vote does not count."""


async def _kept(
    connection: AsyncConnection[Any], awaited: Awaited, said: Document, roles: tuple[str, ...]
) -> Vote | str:
    cursor = await connection.execute(
        """INSERT INTO approvals.decision
           (tenant_id, approval_id, subject, document, choice, roles, note)
           VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        [
            awaited.tenant_id, awaited.id, said.by.subject, said.id, said.choice, list(roles),
            said.note,
        ],
    )  # fmt: skip
    new = cursor.rowcount == 1
    cursor = await connection.execute(
        """SELECT document, choice, roles, note FROM approvals.decision
            WHERE tenant_id = %s AND approval_id = %s AND subject = %s""",
        [awaited.tenant_id, awaited.id, said.by.subject],
    )
    row = await cursor.fetchone()
    assert row is not None
    document, choice, kept_roles, words = row
    if document != said.id:
        return "has decided already"
    vote = Vote(subject=said.by.subject, choice=choice, roles=tuple(kept_roles), note=words)
    if new:
        await note(connection, record_of(awaited, said.by.subject, said.by.client, said.choice))
        await append_notice(
            connection, awaited, f"{_DONE[said.choice]}-by-one",
            {"subject": vote.subject, "roles": list(vote.roles), "note": vote.note},
        )  # fmt: skip
    return vote


_DONE = {"approve": "approved", "reject": "rejected", "cancel": "cancelled"}


async def _alert(
    connection: AsyncConnection[Any], awaited: Awaited, subject: str, client: str, close: Closeness
) -> None:
    why = "; ".join(close.why)
    await append_notice(connection, awaited, "alerted", {"subject": subject, "why": why})
    name = uuid5(IGNORED, f"{awaited.id}/{subject}/close")
    await note(connection, record_of(awaited, subject, client, "alert", reason=why, id=name))


async def roles_of(
    connection: AsyncConnection[Any], tenant: int, subject: str, but: list[str]
) -> list[str]:
    """The roles that somebody may agree with now; `but`: those for whom nobody may stand in."""
    cursor = await connection.execute(
        "SELECT approvals.roles_of(%s, %s, %s)", [tenant, subject, but]
    )
    row = await cursor.fetchone()
    return row[0] if row else []


async def find(connection: AsyncConnection[Any], tenant: int, identifier: UUID) -> Approval | None:
    """One approval."""
    cursor = connection.cursor(row_factory=class_row(Approval))
    await cursor.execute(
        f"""SELECT {_COLUMNS} FROM approvals.approval
             WHERE tenant_id = %s AND id = %s""",  # noqa: S608 - our own column list
        [tenant, identifier],
    )
    return await cursor.fetchone()


async def inbox(
    connection: AsyncConnection[Any], tenant: int, subject: str, people: list[str],
    roles: list[str], before: UUID | None, limit: int,
) -> list[Approval]:  # fmt: skip
    """What somebody may decide now, the newest first: not their own, and not twice."""
    cursor = connection.cursor(row_factory=class_row(Approval))
    await cursor.execute(
        f"""SELECT {_COLUMNS} FROM approvals.approval a
             WHERE tenant_id = %(tenant)s AND state = 'open' AND expires_at > now()
               AND roles && %(roles)s AND NOT people && %(people)s
               AND (%(before)s::uuid IS NULL OR id < %(before)s)
               AND NOT EXISTS (SELECT FROM approvals.decision d
                                WHERE d.tenant_id = a.tenant_id AND d.approval_id = a.id
                                  AND d.subject = %(subject)s)
             ORDER BY id DESC LIMIT %(limit)s""",  # noqa: S608
        {"tenant": tenant, "roles": roles, "people": people, "before": before, "limit": limit,
         "subject": subject},
    )  # fmt: skip
    return await cursor.fetchall()


async def decided_by(
    connection: AsyncConnection[Any], tenant: int, identifiers: Sequence[UUID]
) -> Mapping[UUID, list[dict[str, Any]]]:
    """Approval → who has decided what, in order."""
    cursor = await connection.execute(
        """SELECT approval_id, subject, choice, roles, note, decided_at FROM approvals.decision
            WHERE tenant_id = %s AND approval_id = ANY (%s) ORDER BY decided_at""",
        [tenant, list(identifiers)],
    )
    found: dict[UUID, list[dict[str, Any]]] = {identifier: [] for identifier in identifiers}
    for approval, subject, choice, roles, words, at in await cursor.fetchall():
        found[approval].append(
            {"subject": subject, "choice": choice, "roles": roles, "note": words,
             "at": at.isoformat()}
        )  # fmt: skip
    return found
