"""Answers to waiting movements as signed documents: how one is written, and how it is proved."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from mmo.approvals import document_store
from mmo.kernel.envelope import Actor
from mmo.keys.ports import KeyStore, Purpose
from mmo.keys.verifier import LIFE_MAX_S, InvalidTokenError, Verifier
from mmo.movements.support.catalogue import movements
from mmo.movements.support.movement import Answer, Movement
from mmo.movements.support.outcome import Request
from mmo.movements.support.ports import Answered
from mmo.tenancy.scope import scoped

Pool = AsyncConnectionPool[Any]
AUDIENCE = "mmo-movements"


def binding(movement: str, identifier: UUID | str, command: dict[str, object]) -> str:
    """What an answer is about: no document answers another movement, or this one changed."""
    seen = orjson.dumps([movement, str(identifier), command], option=orjson.OPT_SORT_KEYS)
    return sha256(seen).hexdigest()


def answer_of(movement: Movement, name: str) -> Answer | None:
    """The answer of that name, if the movement takes one."""
    return next((answer for answer in movement.answers if answer.name == name), None)


async def write(
    keys: KeyStore,
    tenant: str,
    actor: Actor,
    *,
    about: str,
    name: str,
    choice: str,
    note: str,
    joined: Mapping[str, str] | None = None,
    bank_reference: str = "",
    identifier: str = "",
) -> str:
    """Sign who answered what; `about` is the binding. Raises KeysAwayError or NoKeyError.

    `joined`: role → wallet of those whom the answer brings along. `identifier`: of the document.
    """
    now = int(time.time())
    more: dict[str, Any] = {"joined": dict(joined)} if joined else {}
    if bank_reference:
        more["bank_reference"] = bank_reference
    return await keys.sign(
        tenant,
        Purpose.DECISION,
        more
        | {
            "sub": actor.subject,
            "client_id": actor.client,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + LIFE_MAX_S,
            "jti": identifier or uuid.uuid4().hex,
            "about": about,
            "answer": name,
            "choice": choice,
            "note": note,
        },
    )


class SignedAnswers:
    """Proves the documents that waiting movements receive, and keeps what they say."""

    def __init__(self, verifier: Verifier, pool: Pool) -> None:
        self._verifier = verifier
        self._pool = pool

    async def verify(self, request: Request, document: str) -> Answered | str:
        """Answer with what the document says, or with the reason why it does not count.

        What is compared with is the command as it was accepted; what counts is kept as a row, by
        which the steps that rest on it are decided.
        """
        tenant, about = request.envelope.tenant_id, UUID(request.envelope.movement)
        async with scoped(self._pool, tenant) as connection:
            command = await _command(connection, tenant, about)
            if command is None:
                return "about what nobody accepted"
            now = await document_store.recorded_at(connection, tenant, about, document)
            answered = self._proved(request.envelope.tenant, about, command, document, now)
            if isinstance(answered, Answered):
                await _keep(connection, tenant, about, answered)
        return answered

    async def unread(self, request: Request) -> list[str]:
        """Documents that an earlier run of the process may have lost, in the order they came."""
        tenant = request.envelope.tenant_id
        async with scoped(self._pool, tenant) as connection:
            return await document_store.unread(connection, tenant, UUID(request.envelope.movement))

    def _proved(
        self, tenant: str, about: UUID, command: "_Command", document: str, now: int | None
    ) -> Answered | str:
        try:
            claims = self._verifier.verify(document, now)
        except InvalidTokenError as error:
            return f"not genuine: {error}"
        movement = movements()[command.type]
        if claims["tenant"] != tenant:
            return "of another tenant"
        if claims.get("about") != binding(movement.name, about, command.body):
            return "about another request"
        answer = answer_of(movement, str(claims.get("answer")))
        if answer is None or claims.get("choice") not in answer.choices:
            return "not an answer of this movement"
        if claims["sub"] == command.actor and not answer.maker_may:
            return "by the maker"
        return _answered(answer, claims)


@dataclass(frozen=True, slots=True)
class _Command:
    """What was accepted, as far as an answer is about it."""

    type: str
    body: dict[str, Any]
    actor: str


async def _command(
    connection: AsyncConnection[Any], tenant: int, movement: UUID
) -> _Command | None:
    cursor = await connection.execute(
        """SELECT type, body, actor FROM movements.command
            WHERE tenant_id = %s AND movement_id = %s""",
        [tenant, movement],
    )
    row = await cursor.fetchone()
    return _Command(*row) if row else None


async def _keep(
    connection: AsyncConnection[Any], tenant: int, movement: UUID, answered: Answered
) -> None:
    await connection.execute(
        """INSERT INTO movements.answer
           (tenant_id, movement_id, id, name, choice, subject, joined, bank_reference)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        [
            tenant, movement, answered.id, answered.name, answered.choice, answered.subject,
            Jsonb(answered.joined), answered.bank_reference,
        ],
    )  # fmt: skip


def _answered(answer: Answer, claims: Mapping[str, Any]) -> Answered | str:
    joined: dict[str, str] = claims.get("joined", {})
    if set(joined) != {role.name for role in answer.joins}:
        return "without those whom the answer brings along"
    return Answered(
        id=str(claims["jti"]),
        name=answer.name,
        choice=str(claims["choice"]),
        subject=str(claims["sub"]),
        note=str(claims.get("note", "")),
        joined=joined,
        bank_reference=str(claims.get("bank_reference", "")),
    )
