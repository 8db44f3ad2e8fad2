"""Quotes as signed documents: how one is written, and how it is proved when a movement names it."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import orjson

from mmo.kernel.envelope import Actor, Quoted
from mmo.keys.ports import KeyStore, Purpose
from mmo.keys.verifier import LIFE_MAX_S, InvalidTokenError, Verifier
from mmo.movements.support.command import PricedCommand
from mmo.movements.support.movement import Movement

AUDIENCE = "mmo-quotes"
LIFE_S = 300
"""How long a quote holds, in seconds."""


class InvalidQuoteError(Exception):
    """The document is no quote for this movement; the text says why."""


def about(movement: Movement, command: PricedCommand) -> str:
    """What a quote is for: who pays whom how much, by which movement. Wallets are ids."""
    seen = [
        movement.name,
        {role: str(wallet) for role, wallet in command.wallets().items()},
        [command.amount.value, command.amount.currency, command.amount_type or "receive"],
    ]
    return sha256(orjson.dumps(seen, option=orjson.OPT_SORT_KEYS)).hexdigest()


class SignedQuotes:
    """Writes quotes and proves them."""

    def __init__(self, keys: KeyStore, verifier: Verifier) -> None:
        self._keys = keys
        self._verifier = verifier

    async def write(
        self, tenant: str, actor: Actor, movement: Movement, command: PricedCommand, quoted: Quoted
    ) -> str:
        """Sign what is promised. Raises KeysAwayError or NoKeyError."""
        now = int(datetime.now(UTC).timestamp())
        claims = {
            "sub": actor.subject,
            "client_id": actor.client,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + LIFE_MAX_S,
            "jti": quoted.id,
            "about": about(movement, command),
            "quoted": asdict(quoted),
        }
        return await self._keys.sign(tenant, Purpose.DECISION, claims)

    def prove(
        self, tenant: str, movement: Movement, command: PricedCommand, document: str
    ) -> Quoted | None:
        """What the document promises; None where it held once. Raises InvalidQuoteError."""
        try:
            claims = self._verifier.verify(document)
        except InvalidTokenError as error:
            if str(error) == "time":
                return None
            raise InvalidQuoteError(f"it is not genuine: {error}") from None
        if claims["tenant"] != tenant:
            raise InvalidQuoteError("it is of another tenant")
        if claims.get("about") != about(movement, command):
            raise InvalidQuoteError("it is for another movement, amount or wallet")
        quoted = Quoted(**claims["quoted"])
        held = datetime.now(UTC) < datetime.fromisoformat(quoted.until)
        return quoted if held else None


def until(now: datetime) -> str:
    """The moment until which a quote of now holds."""
    return (now + timedelta(seconds=LIFE_S)).isoformat()
