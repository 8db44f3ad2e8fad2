"""Claims: what may be taken only so much of, whoever asks and however many ask at once."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """So much of something, taken with the posting or not at all.

    What is already taken is known under a lock alone: where it would be more than `most`, the step
    is refused. A hold takes, its capture does not again, and its release gives back.
    """

    of: UUID
    """What is taken of: the quote, the movement that is reversed …"""
    amount: int
    """In whatever unit that is counted in: minor units, or 1 for what is taken once."""
    most: int
    """How much may be taken in all."""
    refusal: str
