"""Who may decide about what waits: one rule for the API, and for the activity that counts votes."""

from collections.abc import Collection
from typing import Literal

from mmo.approvals.awaited import Choice
from mmo.approvals.closeness import Closeness

Objection = Literal["not_the_maker", "maker_may_not", "role_missing", "too_close"]


def objection(
    choice: Choice, by: frozenset[str], maker: Collection[str], roles: Collection[str],
    asked: Collection[str], close: Closeness,
) -> Objection | None:  # fmt: skip
    """Why somebody may not decide so; None where they may.

    `by`, `maker`: every name of who decides, and of who asked for it. `roles`: those that the one
    who decides may use now; `asked`: those of the asks.
    """
    mine = bool(by & set(maker))
    if choice == "cancel":
        return None if mine else "not_the_maker"
    if mine:
        return "maker_may_not"
    if not set(roles) & set(asked):
        return "role_missing"
    return "too_close" if close.why and close.blocks else None
