"""Scenes: what a movement goes through on real servers, one per branch, to be recorded.

Each story file `test_<movement>.py` lists its own in `SCENES`, case by case.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module

from mmo.movements.support.catalogue import movements
from mmo.movements.support.commands import CommandRow
from tests.workflows.house import CLERK, TENANT, House

Play = Callable[[House], Awaitable[CommandRow]]
MUCH = "99999.00"
"""More than anybody has."""


@dataclass(frozen=True, slots=True)
class Scene:
    """How to bring it about, how it ends, and how much time must be skipped for it."""

    play: Play
    ends: str
    skips: timedelta | None = None


def posted_and_refused(kind: str, **parties: str) -> dict[str, Scene]:
    """The two branches of a movement that goes straight through."""
    return posted_only(kind, **parties) | refused_only(kind, **parties)


def posted_only(kind: str, **parties: str) -> dict[str, Scene]:
    """The branch of one that no lack of money can refuse."""

    async def fine(house: House) -> CommandRow:
        return await house.begin(kind, "5.00", **parties)

    return {"posted": Scene(fine, "posted")}


def refused_only(kind: str, **parties: str) -> dict[str, Scene]:
    """The branch of one for which nobody has the money."""

    async def too_much(house: House) -> CommandRow:
        return await house.begin(kind, MUCH, **parties)

    return {"refused": Scene(too_much, "refused")}


async def with_frozen(house: House, name: str, row: CommandRow) -> CommandRow:
    """Wait for the end of a movement while somebody's wallet is frozen."""
    await house.handle(row).result()
    await house.changes.unfreeze(TENANT.id, house.identifier(name), CLERK)
    return row


async def freeze(house: House, name: str) -> None:
    """Freeze somebody's wallet."""
    await house.changes.freeze(TENANT.id, house.identifier(name), CLERK)


def scenes() -> dict[str, Scene]:
    """Every scene there is, as `<movement>/<case>`."""
    found: dict[str, Scene] = {}
    for name in movements():
        stem = name.replace("-", "_")
        for case, scene in import_module(f"tests.replay.test_{stem}").SCENES.items():
            found[f"{stem}/{case}"] = scene
    return found
