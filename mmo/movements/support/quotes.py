"""Quotes: a signed preview of what a movement costs, whose terms hold once, until it expires."""

import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from mmo.kernel.identifiers import mint
from mmo.keys.ports import KeyStore, Purpose
from mmo.keys.verifier import InvalidTokenError, Verifier
from mmo.movements.support.command import PricedCommand
from mmo.movements.support.movement import Movement

AUDIENCE = "mmo-quotes"
LIFE_S = 300
"""How long a quote holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What a quote promises."""

    id: UUID
    until: datetime
    about: str
    prices: Mapping[str, int]
    """Symbol → minor units."""
    tariff: Mapping[str, Any] | None


def about(movement: Movement, command: PricedCommand) -> str:
    """What a quote is about: the movement as it is asked for, wallets by id."""
    asked = {name: value for name, value in command.canonical().items() if name != "quote"}
    seen = orjson.dumps([movement.name, asked], option=orjson.OPT_SORT_KEYS)
    return sha256(seen).hexdigest()


async def write(
    keys: KeyStore, tenant: str, subject: str, *, about: str, prices: Mapping[str, int],
    tariff: Mapping[str, Any] | None,
) -> str:  # fmt: skip
    """Sign a quote. Raises KeysAwayError or NoKeyError."""
    now = int(time.time())
    return await keys.sign(
        tenant,
        Purpose.DECISION,
        {
            "sub": subject, "client_id": subject, "aud": AUDIENCE, "iat": now,
            "exp": now + LIFE_S, "jti": str(mint()), "about": about, "prices": dict(prices),
            "tariff": tariff,
        },
    )  # fmt: skip


def genuine(verifier: Verifier, tenant: str, document: str) -> bool:
    """Whether the tenant signed the quote, and it has not expired."""
    try:
        return verifier.verify(document)["tenant"] == tenant
    except InvalidTokenError:
        return False


def read(document: str) -> Quote:
    """Read a quote that was proved genuine when its movement was accepted."""
    payload = document.split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return Quote(
        id=UUID(claims["jti"]),
        until=datetime.fromtimestamp(claims["exp"], UTC),
        about=claims["about"],
        prices=claims["prices"],
        tariff=claims["tariff"],
    )
