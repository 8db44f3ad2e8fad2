"""Answers to waiting movements as signed documents: how one is written, and how it is proved."""

import time
import uuid
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from mmo.kernel.envelope import Actor
from mmo.keys.ports import KeyStore, Purpose
from mmo.keys.verifier import LIFE_MAX_S, InvalidTokenError, Verifier
from mmo.movements.support.catalogue import movements
from mmo.movements.support.movement import Answer, Movement
from mmo.movements.support.outcome import Request
from mmo.movements.support.ports import Answered

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
) -> str:
    """Sign who answered what; `about` is the binding. Raises KeysAwayError or NoKeyError.

    `joined`: role → wallet of those whom the answer brings along.
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
            "jti": uuid.uuid4().hex,
            "about": about,
            "answer": name,
            "choice": choice,
            "note": note,
        },
    )


class SignedAnswers:
    """Proves the documents that waiting movements receive."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    async def verify(self, request: Request, document: str) -> Answered | str:
        """Answer with what the document says, or with the reason why it does not count."""
        try:
            claims = self._verifier.verify(document)
        except InvalidTokenError as error:
            return f"not genuine: {error}"
        movement = movements()[request.movement]
        envelope = request.envelope
        if claims["tenant"] != envelope.tenant:
            return "of another tenant"
        if claims.get("about") != binding(movement.name, envelope.movement, request.command):
            return "about another request"
        answer = answer_of(movement, str(claims.get("answer")))
        if answer is None or claims.get("choice") not in answer.choices:
            return "not an answer of this movement"
        if claims["sub"] == envelope.actor.subject and not answer.maker_may:
            return "by the maker"
        return _answered(answer, claims)


def _answered(answer: Answer, claims: Mapping[str, Any]) -> Answered | str:
    joined: dict[str, str] = claims.get("joined", {})
    if set(joined) != {role.name for role in answer.joins}:
        return "without those whom the answer brings along"
    return Answered(
        name=answer.name,
        choice=str(claims["choice"]),
        subject=str(claims["sub"]),
        note=str(claims.get("note", "")),
        joined=joined,
        bank_reference=str(claims.get("bank_reference", "")),
    )
