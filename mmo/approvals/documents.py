"""Decisions as signed documents: how one is written, and how it is proved."""

import time
import uuid
from dataclasses import dataclass
from typing import cast, get_args

from mmo.approvals.awaited import Awaited, Choice
from mmo.kernel.envelope import Actor
from mmo.keys.ports import KeyStore, Purpose
from mmo.keys.verifier import LIFE_MAX_S, InvalidTokenError, Verifier

AUDIENCE = "mmo-approvals"
CHOICES: tuple[Choice, ...] = get_args(Choice)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a genuine document says."""

    id: str
    by: Actor
    choice: Choice
    note: str


async def write(
    keys: KeyStore,
    tenant: str,
    by: Actor,
    *,
    about: str,
    choice: Choice,
    note: str = "",
    identifier: str = "",
) -> str:
    """Sign who decided what. Good for minutes. Raises KeysAwayError or NoKeyError."""
    now = int(time.time())
    return await keys.sign(
        tenant,
        Purpose.DECISION,
        {
            "sub": by.subject,
            "client_id": by.client,
            "people": sorted(by.people),
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + LIFE_MAX_S,
            "jti": identifier or uuid.uuid4().hex,
            "about": about,
            "choice": choice,
            "note": note,
        },
    )


def read(
    verifier: Verifier, awaited: Awaited, document: str, now: int | None = None
) -> Document | str:
    """Answer with what the document says, or with the reason why it does not count.

    `now`: the moment that it is judged by, in Unix seconds; the present by default.
    """
    try:
        claims = verifier.verify(document, now)
    except InvalidTokenError as error:
        return f"not genuine: {error}"
    if claims["tenant"] != awaited.tenant:
        return "of another tenant"
    if claims.get("about") != awaited.about:
        return "about another request"
    choice = claims.get("choice")
    if choice not in CHOICES:
        return "no decision"
    people = claims.get("people")
    told = tuple(map(str, cast("list[object]", people))) if isinstance(people, list) else ()
    by = Actor(subject=str(claims["sub"]), client=str(claims["client_id"]), act=told)
    return Document(id=str(claims["jti"]), by=by, choice=choice, note=str(claims.get("note", "")))
