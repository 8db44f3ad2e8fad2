"""Parties in the database: their wallets follow in the same transaction, and trees stay trees."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from mmo.changes.parties import PARTY
from mmo.changes.refold import refold_parties, refold_wallets
from mmo.changes.support.asked import Carried, DeclinedError
from mmo.kernel.identifiers import mint
from mmo.kernel.refusals import Refused
from mmo.movements.support.outcome import Verb
from mmo.movements.support.postgres import PostgresFacts
from mmo.parties import postgres as parties
from mmo.parties.party import LEVELS_MAX, Party
from mmo.wallets import postgres as wallets
from tests.mmo.changes.asking import audited
from tests.mmo.changes.people import (
    WHY,
    asked_wallet,
    code_of,
    done,
    party,
    run,
    stands,
    versions,
    wallet,
)
from tests.mmo.moving import asking, rows
from tests.workflows.house import TENANT, House


async def read(house: House, identifier: UUID) -> Party:
    async with house.pool.connection() as connection:
        found = await parties.find(connection, TENANT.id, identifier)
    assert found is not None
    return found


async def told(house: House, identifier: UUID) -> list[str]:
    sql = "SELECT type FROM messaging.event WHERE aggregate_id = %s ORDER BY version"
    return [kind for (kind,) in await rows(house.pool, sql, identifier)]


async def test_a_suspension_freezes_the_wallets_and_its_end_unfreezes_those_and_no_other(
    opened: House,
) -> None:
    amina = await party(opened, "subscriber")
    free = await wallet(opened, amina, "subscriber")
    frozen = await wallet(opened, amina, "subscriber")
    await done(opened, "wallet.freeze", f"wallet/{frozen}")
    before = await versions(opened, free)

    await done(opened, "party.suspend", f"party/{amina}", WHY)
    assert await stands(opened, free) == ("frozen", 0, True)
    assert await stands(opened, frozen) == ("frozen", 0, False)
    assert await versions(opened, free) == {version + 1 for version in before}
    for one in (free, frozen):
        assert await code_of(opened, "wallet.unfreeze", f"wallet/{one}") == "party_suspended"

    await done(opened, "party.resume", f"party/{amina}", WHY)
    assert await stands(opened, free) == ("active", 0, False)
    assert await stands(opened, frozen) == ("frozen", 0, False)
    assert await told(opened, free) == [
        "mmo.wallet.opened.v1", "mmo.wallet.frozen.v1", "mmo.wallet.unfrozen.v1",
    ]  # fmt: skip
    assert await told(opened, amina) == [
        "mmo.party.registered.v1", "mmo.party.activated.v1", "mmo.party.suspended.v1",
        "mmo.party.resumed.v1",
    ]  # fmt: skip
    assert ("party.suspend", "done", WHY["reason"]) in await audited(opened, f"party/{amina}")


async def test_a_wallet_has_its_partys_tier_and_decisions_on_the_old_one_are_stale(
    opened: House,
) -> None:
    amina = await party(opened, "subscriber")
    await done(opened, "party.verify", f"party/{amina}", {**WHY, "tier": 1})
    hers = await wallet(opened, amina, "subscriber")
    before = await versions(opened, hers)

    await done(opened, "party.verify", f"party/{amina}", {**WHY, "tier": 3})
    assert await stands(opened, hers) == ("active", 3, False)
    assert await versions(opened, hers) == {version + 1 for version in before}
    await done(opened, "party.verify", f"party/{amina}", {**WHY, "tier": 3})
    assert await versions(opened, hers) == {version + 1 for version in before}

    await done(opened, "party.reject-kyc", f"party/{amina}", WHY)
    assert await stands(opened, hers) == ("active", 0, False)
    assert (await told(opened, hers))[1:] == ["mmo.wallet.retiered.v1"] * 2


async def test_a_party_gets_wallets_of_its_kind_while_it_is_active(opened: House) -> None:
    shop = await party(opened, "merchant")
    hers = await wallet(opened, shop, "merchant")
    about = f"wallet/{mint()}"
    code = "SELECT a.code FROM wallets.wallet w JOIN ledger.account a ON a.tenant_id = w.tenant_id"
    sql = code + " AND a.id = (w.accounts ->> 'wallet')::bigint WHERE w.id = %s"
    assert await rows(opened.pool, sql, hers) == [("MERCHANT",)]

    for owner in (shop, mint()):
        with pytest.raises(DeclinedError, match="party_unknown"):
            await run(opened, "wallet.open", about, asked_wallet(owner, "subscriber"))
    await done(opened, "party.suspend", f"party/{shop}", WHY)
    asked = asked_wallet(shop, "merchant")
    assert await code_of(opened, "wallet.open", about, asked) == "party_not_active"


async def test_a_party_is_closed_after_its_wallets_and_whoever_is_below_it(
    opened: House,
) -> None:
    chief = await party(opened, "super_agent")
    agent = await party(opened, "agent", chief)
    till = await wallet(opened, agent, "agent")

    assert await code_of(opened, "party.close", f"party/{agent}", WHY) == "party_has_wallets"
    assert await code_of(opened, "party.close", f"party/{chief}", WHY) == "party_has_children"
    await done(opened, "wallet.close", f"wallet/{till}")
    await done(opened, "party.close", f"party/{agent}", WHY)
    await done(opened, "party.close", f"party/{chief}", WHY)

    body = {"parent": str(chief)}
    late = await party(opened, "agent")
    assert await code_of(opened, "party.move", f"party/{late}", body) == "party_closed"


async def test_a_number_is_one_partys_of_a_kind_until_it_is_closed(opened: House) -> None:
    amina = await party(opened, "subscriber")
    hers = await read(opened, amina)
    body = {
        "kind": "subscriber", "language": "en", "parent": None, "office": None,
        "person": {"person": "enc:v1:y", "alias": hers.alias},
    }  # fmt: skip
    twin = f"party/{mint()}"

    assert await code_of(opened, "party.register", twin, body) == "number_taken"
    await done(opened, "party.register", f"party/{mint()}", {**body, "kind": "merchant"})
    again = await run(opened, "party.register", f"party/{amina}", body)
    assert isinstance(again, Carried)
    assert (again.result, again.position) == (hers, "")
    await done(opened, "party.close", f"party/{amina}", WHY)
    await done(opened, "party.register", twin, body)


async def test_contact_data_change_at_the_version_that_was_read(opened: House) -> None:
    amina, shop = await party(opened, "subscriber"), await party(opened, "subscriber")
    taken = (await read(opened, shop)).alias
    body = {"language": "sw", "person": {"person": "enc:v1:z", "alias": "0c" * 16}}

    changed = await done(opened, "party.change", f"party/{amina}", {**body, "version": 2})
    assert (changed.language, changed.alias, changed.version) == ("sw", "0c" * 16, 3)
    with pytest.raises(DeclinedError, match="version_conflict"):
        await run(opened, "party.change", f"party/{amina}", {**body, "version": 2})
    other = {"language": "sw", "person": {"person": "enc:v1:z", "alias": taken}, "version": 3}
    assert await code_of(opened, "party.change", f"party/{amina}", other) == "number_taken"
    assert await read(opened, amina) == changed


async def test_of_two_moves_that_would_make_a_circle_one_wins(opened: House) -> None:
    for _ in range(5):
        one, other = await party(opened, "super_agent"), await party(opened, "super_agent")

        answers = await asyncio.gather(
            run(opened, "party.move", f"party/{one}", {"parent": str(other)}),
            run(opened, "party.move", f"party/{other}", {"parent": str(one)}),
        )

        refused = [answer.code for answer in answers if isinstance(answer, Refused)]
        assert refused == ["parent_circular"]


async def test_a_tree_is_as_deep_as_allowed_and_moves_as_a_whole(opened: House) -> None:
    line = [await party(opened, "super_agent")]
    for _ in range(LEVELS_MAX - 1):
        line.append(await party(opened, "super_agent", line[-1]))
    late = await party(opened, "super_agent")
    pair = await party(opened, "super_agent", late)

    below = {"parent": str(line[-1])}
    assert await code_of(opened, "party.move", f"party/{late}", below) == "tree_too_deep"
    below = {"parent": str(line[-2])}
    assert await code_of(opened, "party.move", f"party/{late}", below) == "tree_too_deep"
    await done(opened, "party.move", f"party/{late}", {"parent": str(line[-3])})
    top = {"parent": str(pair)}
    assert await code_of(opened, "party.move", f"party/{line[0]}", top) == "parent_circular"

    async with opened.pool.connection() as connection:
        nodes = await parties.below(connection, TENANT.id, line[0], 1000)
    assert len(nodes) == LEVELS_MAX + 1
    assert max(node.depth for node in nodes) == LEVELS_MAX - 1


async def facts(house: House, *about: UUID) -> dict[str, dict[str, Any]]:
    sql = "SELECT movements.facts(%s, '{}', %s)"
    ((answer,),) = await rows(house.pool, sql, TENANT.id, list(about))
    return {one["id"]: one for one in answer["wallets"]}


async def test_facts_tell_who_earns_with_an_agent_and_where(opened: House) -> None:
    master = await party(opened, "super_agent")
    chief = await party(opened, "super_agent", master)
    agent = await party(opened, "agent", chief)
    till, floats = await wallet(opened, agent, "agent"), await wallet(opened, chief, "super_agent")
    highest = await wallet(opened, master, "super_agent")
    await wallet(opened, chief, "super_agent", "USD")

    known = await facts(opened, till, opened.identifier("alice"))

    assert known[str(till)]["earners"] == {
        "super-agent": str(floats), "master-agent": str(highest),
    }  # fmt: skip
    assert (known[str(till)]["party"], known[str(till)]["tier"]) == (str(agent), 0)
    assert set(known) == {str(one) for one in (till, floats, highest)} | {
        str(opened.identifier("alice"))
    }
    assert set(known[str(floats)]["accounts"]) == {"wallet", "commission"}
    alone = known[str(opened.identifier("alice"))]
    assert (alone["earners"], alone["tier"], alone["party"]) == (None, 1, None)
    assert (await facts(opened, floats))[str(floats)]["earners"] is None
    await done(opened, "wallet.close", f"wallet/{floats}")
    assert (await facts(opened, till))[str(till)]["earners"] == {"master-agent": str(highest)}


async def test_a_decision_on_an_agents_cash_in_knows_who_else_earns(opened: House) -> None:
    chief = await party(opened, "super_agent")
    agent = await party(opened, "agent", chief)
    floats, till = await wallet(opened, chief, "super_agent"), await wallet(opened, agent, "agent")
    async with opened.pool.connection() as connection:
        named = {"till": till}
        opened.wallets |= await wallets.find(connection, TENANT.id, named)
    opened.numbers[str(till)] = "+254700000077"
    request = await asking(opened, "cash-in", "10", agent="till", customer="alice")

    read = await PostgresFacts(opened.pool).read(request, Verb.EXECUTE)

    known = read.wallets[str(till)]
    assert (known.earners, known.party, known.tier) == (
        {"super-agent": str(floats)}, str(agent), 0,
    )  # fmt: skip
    assert read.wallets[str(floats)].accounts.keys() == {"wallet", "commission"}
    alice = read.wallets[str(opened.identifier("alice"))]
    assert (alice.earners, alice.party, alice.tier) == ({}, None, 1)


async def test_who_moves_makes_the_decisions_of_agents_below_stale(opened: House) -> None:
    master = await party(opened, "super_agent")
    chief = await party(opened, "super_agent")
    agent = await party(opened, "agent", chief)
    till = await wallet(opened, agent, "agent")
    before = await versions(opened, till)

    await done(opened, "party.move", f"party/{chief}", {"parent": str(master)})
    assert await versions(opened, till) == {version + 1 for version in before}
    await done(opened, "party.move", f"party/{agent}", {"parent": str(master)})
    assert await versions(opened, till) == {version + 2 for version in before}


async def test_suspending_and_opening_a_wallet_at_once_leaves_none_that_moves(
    opened: House,
) -> None:
    for _ in range(5):
        amina = await party(opened, "subscriber")
        identifier = mint()

        await asyncio.gather(
            run(opened, "party.suspend", f"party/{amina}", WHY),
            run(opened, "wallet.open", f"wallet/{identifier}", asked_wallet(amina, "subscriber")),
        )

        sql = "SELECT state FROM wallets.wallet WHERE id = %s"
        assert await rows(opened.pool, sql, identifier) in ([], [("frozen",)])


async def test_every_party_is_its_fold_and_a_planted_row_is_named_and_mended(
    opened: House,
) -> None:
    chief = await party(opened, "super_agent")
    agent = await party(opened, "agent", chief)
    shop = await party(opened, "merchant")
    await done(opened, "store.open", f"party/{shop}", {"store": str(mint()), "name": "Duka"})
    await done(opened, "party.add-document", f"party/{agent}", {
        "document": str(mint()), "type": "passport", "country": "KE", "expires": "2030-01-31",
        "sha256": "ab" * 32, "size": 10, "media_type": "image/png",
    })  # fmt: skip
    till = await wallet(opened, agent, "agent")
    await done(opened, "party.suspend", f"party/{agent}", WHY)
    await done(opened, "party.verify", f"party/{agent}", {**WHY, "tier": 2})
    assert (await refold_wallets(opened.pool)).examples == ()
    before = await read(opened, agent)

    sound = await refold_parties(opened.pool)
    planted = "UPDATE parties.party SET tier = 3, parent = NULL WHERE id = %s"
    async with opened.pool.connection() as connection:
        await connection.execute(planted.encode(), [agent])
    mended = await refold_parties(opened.pool)

    assert (sound.rows, sound.examples) == (3, ())
    assert mended.examples == (f"tenant 1, {agent}: tier, parent",)
    assert await read(opened, agent) == before
    assert (await stands(opened, till))[:2] == ("frozen", 2)
    async with opened.pool.connection() as connection:
        then = await PARTY.as_of(connection, TENANT.id, agent, before.registered_at)
    assert then == replace(
        before, state="registered", kyc="unverified", tier=0, documents=(), version=1,
        changed_at=before.registered_at,
    )  # fmt: skip
