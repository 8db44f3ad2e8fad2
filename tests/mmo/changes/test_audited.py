"""Every change of a wallet, and every refusal of one, stands in the audit with who asked."""

from typing import Any

from mmo.kernel.identifiers import mint
from tests.mmo.changes.test_refold import NEW
from tests.mmo.moving import rows
from tests.workflows.house import CLERK, TENANT, House


async def test_each_change_is_told_with_what_was_and_what_is(opened: House) -> None:
    identifier = mint()
    await opened.changes.open(TENANT.id, identifier, NEW, CLERK)
    await opened.changes.freeze(TENANT.id, identifier, CLERK)
    await opened.changes.freeze(TENANT.id, identifier, CLERK)
    await opened.changes.close(TENANT.id, identifier, CLERK)

    told = await records(opened, f"wallet/{identifier}")

    assert [(row["action"], row["outcome"]) for row in told] == [
        ("wallet.open", "done"),
        ("wallet.freeze", "done"),
        ("wallet.close", "done"),
    ]
    assert {(row["actor"], row["client"]) for row in told} == {(CLERK.subject, CLERK.client)}
    assert told[0]["before"] is None
    assert [row["before"] for row in told[1:]] == [row["after"] for row in told[:-1]]
    assert len({row["after"] for row in told}) == 3
    events = "SELECT xid FROM messaging.event WHERE aggregate_id = %s ORDER BY seq"
    assert [(row["xid"],) for row in told] == await rows(opened.pool, events, identifier)


async def test_a_refusal_is_told_with_its_code(opened: House) -> None:
    alice, other = opened.identifier("alice"), mint()
    await opened.changes.close(TENANT.id, alice, CLERK)
    await opened.changes.open(TENANT.id, mint(), NEW, CLERK)
    await opened.changes.open(TENANT.id, other, NEW, CLERK)

    for identifier, code in ((alice, "wallet_not_empty"), (other, "alias_taken")):
        told = (await records(opened, f"wallet/{identifier}"))[-1]
        assert (told["outcome"], told["reason"], told["after"]) == ("refused", code, None)


async def records(opened: House, about: str) -> list[dict[str, Any]]:
    names = ("action", "outcome", "reason", "actor", "client", "before", "after", "xid")
    found = await rows(
        opened.pool,
        f"SELECT {', '.join(names)} FROM audit.record WHERE object = %s ORDER BY seq",
        about,
    )
    return [dict(zip(names, row, strict=True)) for row in found]
