"""Until when a movement waits: by its command, or by default."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from mmo.movements.support.outcome import Request

ANSWER_PATIENCE = timedelta(days=30)
"""How long a movement waits for an answer where neither its command nor its type says."""
EXPIRY = {
    "voucher": timedelta(days=30),
    "payment-request": timedelta(minutes=5),
    "escrow": timedelta(days=30),
    "dormancy": timedelta(days=36_500),
}
"""Movement → how long it waits from its acceptance, where its command does not say. What lies
unclaimed waits until somebody tells it: for a hundred years."""
LIEN_PATIENCE = timedelta(days=180)
"""How long a wallet that was short for a reversal may take to pay the rest."""
SKEW = timedelta(seconds=60)
"""By how much the clock of Temporal may be ahead of the database's."""
_FIELDS = {"expires_in_days": "days", "expires_in_s": "seconds"}
"""Field of a command → the unit of its number."""


def deadline_of(request: Request) -> datetime | None:
    """When the waiting of the movement is over; None where it has no deadline of its own."""
    asked_at = datetime.fromisoformat(request.envelope.requested_at)
    return expiry_of(request.movement, request.command, asked_at)


def expiry_of(movement: str, command: Mapping[str, Any], asked_at: datetime) -> datetime | None:
    """The same of a canonical command that was accepted at a moment."""
    default = EXPIRY.get(movement)
    if default is None:
        return None
    asked = (
        timedelta(**{unit: command[name]}) for name, unit in _FIELDS.items() if name in command
    )
    return asked_at + next(asked, default)


def is_over(request: Request, now: datetime) -> bool:
    """Whether nobody needs to be waited for any more, as far as clocks agree."""
    asked_at = datetime.fromisoformat(request.envelope.requested_at)
    deadline = deadline_of(request) or asked_at + ANSWER_PATIENCE
    return now + SKEW >= deadline


def lien_is_over(request: Request, now: datetime) -> bool:
    """The same of a reversal that collects from a wallet that was short."""
    asked_at = datetime.fromisoformat(request.envelope.requested_at)
    return now + SKEW >= asked_at + LIEN_PATIENCE
