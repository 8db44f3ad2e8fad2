"""Movements that wait for approval, while whoever carries them out dies after a commit."""

from typing import Any

import pytest

from mmo.approvals.postgres import Approvals
from mmo.movements.support.outcome import Verb
from tests.workflows.house import House
from tests.workflows.parked import (
    BANDS,
    CAPTURED,
    HELD,
    LIMIT,
    TRANSFER,
    VOIDED,
    ended,
    journal,
    parked,
    told,
)
from tests.workflows.ruled import give_roles, over, put_rule


class Dies:
    """Does what it is asked, and dies before it can say so; the second time it says so."""

    def __init__(self, does: Any) -> None:
        self._does = does
        self.died = 0

    async def __call__(self, *arguments: Any) -> Any:
        answer = await self._does(*arguments)
        self.died += 1
        if self.died == 1:
            raise OSError("killed after the commit")
        return answer


DOORS = ["open", "verify", "close", "settle", "release"]


@pytest.mark.parametrize("choice", ["approve", "reject"])
@pytest.mark.parametrize("door", DOORS)
async def test_whoever_dies_after_a_commit_money_moves_or_goes_back_once(
    opened: House, monkeypatch: pytest.MonkeyPatch, door: str, choice: Any
) -> None:
    await put_rule(opened.pool, BANDS, TRANSFER, over(LIMIT, "manager"))
    await give_roles(opened.pool, "manager-1", "manager")
    before = {name: await opened.holds(name) for name in ("alice", "bob")}
    unused = {("settle", "reject"), ("release", "approve")}
    if door in {"settle", "release"}:
        verb = Verb[door.upper()]
        dies = Dies(opened.activities._decided)  # noqa: SLF001 - behind the activity's own door

        async def decided(movement: Any, command: Any, asked: Any, does: Verb) -> Any:
            plain = dies._does  # noqa: SLF001
            return await (dies if does is verb else plain)(movement, command, asked, does)

        monkeypatch.setattr(opened.activities, "_decided", decided)
    else:
        dies = Dies(getattr(Approvals, door))

        async def method(self: Any, *arguments: Any) -> Any:
            return await dies(self, *arguments)

        monkeypatch.setattr(Approvals, door, method)
    row = await parked(opened)

    await opened.decide(row, "manager-1", choice)

    moved = 7000 if choice == "approve" else 0
    assert (await ended(opened, row))["state"] == ("posted" if moved else "refused")
    assert await opened.holds("alice") == before["alice"] - moved
    assert await opened.holds("bob") == before["bob"] + moved
    assert await journal(opened, row.movement_id) == [HELD, CAPTURED if moved else VOIDED]
    assert (await told(opened, row.movement_id))[1:] == (
        ["approved-by-one", "approved"] if moved else ["rejected-by-one", "rejected"]
    )
    assert dies.died == (0 if (door, choice) in unused else 2)
