"""Until when a movement waits that has a deadline of its own: by its command, or by default."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from mmo.movements.support.outcome import Request
from workflows.support.limits import EXPIRY

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
