"""Offices in the database: a tree, in which nothing that is needed is closed."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from mmo.changes.support.asked import DeclinedError
from mmo.kernel.identifiers import mint
from mmo.kernel.refusals import Refused
from tests.mmo.changes.people import code_of, done, party, run
from tests.workflows.house import House


async def office(house: House, parent: UUID | None = None) -> UUID:
    identifier = mint()
    body = {"name": "Kisumu", "parent": str(parent) if parent else None}
    await done(house, "office.create", f"office/{identifier}", body)
    return identifier


async def test_an_office_in_use_stays_open_and_no_office_is_above_itself(opened: House) -> None:
    head = await office(opened)
    branch = await office(opened, head)
    amina = await party(opened, "subscriber", office=branch)
    closed = {"name": "Kisumu", "parent": None, "state": "closed", "version": 1}

    for one in (head, branch):
        about = f"office/{one}"
        assert await code_of(opened, "office.change", about, closed) == "office_in_use"
    under = {"name": "Kisumu", "parent": str(branch), "state": "open", "version": 1}
    assert await code_of(opened, "office.change", f"office/{head}", under) == "parent_circular"

    await done(opened, "party.assign-office", f"party/{amina}", {"office": str(head)})
    await done(opened, "office.change", f"office/{branch}", closed)
    with pytest.raises(DeclinedError, match="version_conflict"):
        await run(opened, "office.change", f"office/{branch}", closed)
    with pytest.raises(DeclinedError, match="office_unknown"):
        await run(opened, "party.assign-office", f"party/{amina}", {"office": str(branch)})


async def test_of_two_offices_put_below_each_other_at_once_one_wins(opened: House) -> None:
    one, other = await office(opened), await office(opened)

    def below(above: UUID) -> dict[str, Any]:
        return {"name": "Kisumu", "parent": str(above), "state": "open", "version": 1}

    answers = await asyncio.gather(
        run(opened, "office.change", f"office/{one}", below(other)),
        run(opened, "office.change", f"office/{other}", below(one)),
    )

    assert [one.code for one in answers if isinstance(one, Refused)] == ["parent_circular"]
