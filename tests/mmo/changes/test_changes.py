"""Commands that move no money: rules first, then rows, event and audit, all or nothing, once."""

from typing import Any

import pytest

from mmo.approvals.awaited import Awaited
from mmo.changes.pins import NewPin
from mmo.changes.support.asked import Carried, DeclinedError, Parked, WentOn
from mmo.identity.pin_rows import Kept
from mmo.kernel.identifiers import mint
from mmo.kernel.refusals import Refused
from mmo.tenancy.scope import scoped
from tests.mmo.changes.asking import (
    MANAGER,
    NEVER,
    asked,
    audited,
    changes_of,
    events,
    kept,
    state_of,
)
from tests.mmo.moving import rows
from tests.workflows.house import TENANT, House
from tests.workflows.ruled import give_roles, put_rule

PRODUCT = {"id": 7, "kind": "customer", "name": "Savers"}


async def agreed(opened: House, awaited: Awaited) -> Awaited:
    """Let a manager's yes be on record as verified."""
    async with scoped(opened.pool, TENANT.id) as connection:
        await connection.execute(
            """INSERT INTO approvals.approval (tenant_id, id, kind, event, about, maker, people,
                                               asks, roles, summary, expires_at)
               VALUES (%s, %s, 'change', %s, '', 'clerk', '{}', '[]', '{}', '{}',
                       now() + interval '1 day') ON CONFLICT DO NOTHING""",
            [TENANT.id, awaited.id, awaited.event],
        )
        await connection.execute(
            """INSERT INTO approvals.decision
               (tenant_id, approval_id, subject, document, choice, roles, note)
               VALUES (%s, %s, 'manager-1', 'd', 'approve', '{manager}', '')""",
            [TENANT.id, awaited.id],
        )
    return awaited


USER = {"username": "amina", "name": "Amina Otieno", "attributes": {}, "home": None}
PIN = NewPin(kept=Kept(salt=bytes(16), mac=bytes(32), key_n=1), by="nothing")


def commands() -> dict[str, tuple[str, dict[str, Any], Any]]:
    """Event → object, body and what is not written down, of commands that fit a fresh tenant."""
    value = {"list": "wallet-flags", "code": "LOST", "label": "Lost", "active": True,
             "version": None}  # fmt: skip
    kind = {"title": "Visits", "table": True, "schema": None, "indexes": [], "version": None}
    client = {"name": "Payroll", "kind": "confidential", "grants": [], "scopes": []}
    endpoint = {"url": "https://hooks.example.com", "description": "", "events": []}
    return {
        "user.create": (f"user/{mint()}", USER, None),
        "role.create": ("role/branch-clerk", {"name": "branch-clerk", "permissions": []}, None),
        "api-client.create": ("client/payroll", client, None),
        "code-list.set": ("code-list/wallet-flags/LOST", value, None),
        "product.add": ("product/7", PRODUCT, None),
        "document-kind.set": ("document-kind/visits", kind, None),
        "webhook.register": (f"webhook/{mint()}", endpoint, "enc:v1:sealed"),
        "pin.set": (f"wallet/{mint()}", {}, PIN),
        "pin.ask-reset": (f"wallet/{mint()}", {}, None),
    }


@pytest.mark.parametrize("event", commands())
async def test_a_command_is_there_with_its_one_event_and_its_audit(
    opened: House, event: str
) -> None:
    about, body, unkept = commands()[event]
    change = asked(event, about, body, unkept=unkept)

    done = await changes_of(opened).run(change)

    assert isinstance(done, Carried)
    assert done.position
    ((told, data),) = await events(opened, change)
    assert told == f"mmo.{event}.v1"
    assert data["record"]["actor"]["roles"] == ["clerk"]
    assert data["object"] == (done.object or about)
    assert (event, "done", None) in await audited(opened, done.object or about)
    assert (await kept(opened, change))["state"] == "done"


async def test_a_command_that_is_repeated_is_carried_out_once(opened: House) -> None:
    change = asked("product.add", "product/7", PRODUCT)

    first = await changes_of(opened).run(change)
    again = await changes_of(opened).run(change)

    assert isinstance(first, Carried)
    assert again == Carried(object="product/7")
    assert len(await events(opened, change)) == 1


async def test_what_does_not_fit_leaves_no_trace(opened: House) -> None:
    await changes_of(opened).run(asked("product.add", "product/7", PRODUCT))
    change = asked("product.add", "product/7", PRODUCT)

    with pytest.raises(DeclinedError) as declined:
        await changes_of(opened).run(change)

    assert declined.value.code == "already_there"
    assert await kept(opened, change) == {}
    assert await events(opened, change) == []


async def test_what_is_personal_stays_in_its_own_table(opened: House) -> None:
    change = asked("user.create", f"user/{mint()}", USER)

    done = await changes_of(opened).run(change)

    assert isinstance(done, Carried)
    assert done.secret
    ((_, data),) = await events(opened, change)
    for told in (str(data), str(await kept(opened, change))):
        assert "Otieno" not in told
        assert "amina" not in told
        assert done.secret not in told


async def test_a_rule_that_refuses_is_named_and_audited(opened: House) -> None:
    rule = await put_rule(opened.pool, "expression", "wallet.freeze", NEVER)
    about = f"wallet/{opened.identifier('alice')}"
    change = asked("wallet.freeze", about)

    refused = await changes_of(opened).run(change)

    assert isinstance(refused, Refused)
    assert refused.code == "expression_refused"
    assert refused.details["violations"][0]["reason"] == "not today"
    assert await state_of(opened, "alice") == "active"
    row = await kept(opened, change)
    assert row["state"] == "refused"
    assert [one["definition"] for one in row["record"]["rules"]] == [str(rule)]
    assert (await audited(opened, about))[-1] == ("wallet.freeze", "refused", "expression_refused")


async def test_a_shadow_rule_is_recorded_and_does_not_bind(opened: House) -> None:
    await put_rule(opened.pool, "expression", "wallet.freeze", NEVER, state="shadow")
    change = asked("wallet.freeze", f"wallet/{opened.identifier('alice')}")

    assert isinstance(await changes_of(opened).run(change), Carried)

    assert await state_of(opened, "alice") == "frozen"
    (said,) = (await kept(opened, change))["record"]["rules"]
    assert (said["mode"], said["verdict"]) == ("shadow", "refuse")


async def test_a_rule_sees_the_wallet_as_it_is_and_who_asks(opened: House) -> None:
    condition = "parties.wallet.state == 'frozen' && 'clerk' in event.actor.roles"
    await put_rule(
        opened.pool, "expression", "wallet.unfreeze", {"expression": condition, "message": "no"}
    )
    await opened.changes.freeze(1, opened.identifier("alice"), asked("x", "y").actor)
    changes = changes_of(opened)

    alice = await changes.run(asked("wallet.unfreeze", f"wallet/{opened.identifier('alice')}"))
    bob = await changes.run(asked("wallet.unfreeze", f"wallet/{opened.identifier('bob')}"))

    assert isinstance(alice, Carried)
    assert isinstance(bob, Refused)


async def frozen_and_guarded(opened: House) -> Parked:
    """Alice is frozen, and unfreezing her waits for a manager."""
    await give_roles(opened.pool, "manager-1", "manager")
    await put_rule(opened.pool, "expression", "wallet.unfreeze", MANAGER)
    changes = changes_of(opened)
    await changes.run(asked("wallet.freeze", f"wallet/{opened.identifier('alice')}"))
    parked = await changes.run(asked("wallet.unfreeze", f"wallet/{opened.identifier('alice')}"))
    assert isinstance(parked, Parked)
    return parked


async def test_what_rules_ask_approval_for_waits_and_changes_nothing(opened: House) -> None:
    parked = await frozen_and_guarded(opened)

    assert await state_of(opened, "alice") == "frozen"
    assert parked.awaited.kind == "change"
    assert [list(ask["roles"]) for ask in parked.awaited.asks] == [["manager"]]
    (row,) = await rows(opened.pool, "SELECT id FROM changes.change WHERE state = 'pending'")
    assert str(row[0]) == parked.awaited.id


async def test_what_people_have_agreed_to_is_carried_out_once(opened: House) -> None:
    parked = await frozen_and_guarded(opened)
    awaited, changes = await agreed(opened, parked.awaited), changes_of(opened)

    assert await changes.go_on(awaited) == WentOn()
    assert await changes.go_on(awaited) == WentOn()

    assert await state_of(opened, "alice") == "active"
    told = "SELECT count(*) FROM messaging.event WHERE type = 'mmo.wallet.unfrozen.v1'"
    assert await rows(opened.pool, told) == [(1,)]


async def test_a_vote_that_is_missing_is_asked_for_again(opened: House) -> None:
    parked = await frozen_and_guarded(opened)

    went = await changes_of(opened).go_on(parked.awaited)

    assert went.asks == parked.awaited.asks
    assert await state_of(opened, "alice") == "frozen"


@pytest.mark.case("I6")
async def test_rules_that_became_stricter_bind_when_it_goes_on(opened: House) -> None:
    parked = await frozen_and_guarded(opened)
    awaited, changes = await agreed(opened, parked.awaited), changes_of(opened)
    await put_rule(opened.pool, "velocity", "wallet.unfreeze", {"broken": True})

    assert await changes.go_on(awaited) == WentOn(code="rule_failed")

    assert await state_of(opened, "alice") == "frozen"


@pytest.mark.case("I3")
async def test_what_was_edited_since_people_agreed_is_not_carried_out(opened: House) -> None:
    parked = await frozen_and_guarded(opened)
    bob = f"wallet/{opened.identifier('bob')}"
    await rows(
        opened.pool,
        "UPDATE changes.change SET object = %s WHERE id = %s RETURNING id",
        bob, parked.awaited.id,
    )  # fmt: skip

    went = await changes_of(opened).go_on(await agreed(opened, parked.awaited))

    assert went == WentOn(code="failed")


async def test_what_is_ended_is_refused_once_and_stays_so(opened: House) -> None:
    parked = await frozen_and_guarded(opened)
    awaited, changes = await agreed(opened, parked.awaited), changes_of(opened)

    await changes.end(awaited, "declined")
    await changes.end(awaited, "expired")

    assert await changes.go_on(awaited) == WentOn(code="declined")
    assert await state_of(opened, "alice") == "frozen"
    about = f"wallet/{opened.identifier('alice')}"
    assert (await audited(opened, about))[-1] == ("wallet.unfreeze", "refused", "declined")


async def test_what_no_longer_fits_ends_as_refused(opened: House) -> None:
    await put_rule(opened.pool, "expression", "product.add", MANAGER)
    changes = changes_of(opened)
    parked = [await changes.run(asked("product.add", "product/7", PRODUCT)) for _ in "12"]
    waiting = [await agreed(opened, one.awaited) for one in parked if isinstance(one, Parked)]

    went = [await changes.go_on(one) for one in waiting]

    assert went == [WentOn(), WentOn(code="already_there")]


async def test_a_secret_cannot_wait(opened: House) -> None:
    await put_rule(opened.pool, "expression", "pin.set", MANAGER)
    change = asked("pin.set", f"wallet/{opened.identifier('alice')}", unkept=PIN)

    refused = await changes_of(opened).run(change)

    assert isinstance(refused, Refused)
    assert refused.code == "rule_refused"
    assert (await kept(opened, change))["body"] == {}


async def test_what_was_accepted_and_never_began_is_found(opened: House) -> None:
    parked = await frozen_and_guarded(opened)

    (found,) = await changes_of(opened).forgotten("demo", 1, older_s=0)
    later = await changes_of(opened).forgotten("demo", 1, older_s=3600)

    assert (found.id, found.about) == (parked.awaited.id, parked.awaited.about)
    assert later == []
