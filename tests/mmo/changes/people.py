"""Parties and their wallets as tests of changes make them."""

from typing import Any
from uuid import UUID

from mmo.changes.parties import NewParty
from mmo.changes.party_commands import body_of as party_body
from mmo.changes.support.asked import Carried
from mmo.changes.support.changes import Outcome
from mmo.changes.wallet_commands import body_of as wallet_body
from mmo.changes.wallets import NewWallet
from mmo.kernel.identifiers import mint
from mmo.kernel.refusals import Refused
from mmo.parties.party import WALLETS
from mmo.wallets.personal import Sealed
from tests.mmo.changes.asking import asked, changes_of
from tests.mmo.moving import rows
from tests.workflows.house import House

WHY = {"reason": "a case of the branch"}


def alias() -> str:
    return mint().hex


async def run(house: House, event: str, about: str, body: dict[str, Any] | None = None) -> Outcome:
    return await changes_of(house).run(asked(event, about, body))


async def done(house: House, event: str, about: str, body: dict[str, Any] | None = None) -> Any:
    outcome = await run(house, event, about, body)
    assert isinstance(outcome, Carried), outcome
    return outcome.result


async def party(house: House, kind: str, parent: UUID | None = None, **more: Any) -> UUID:
    """A party that is active."""
    identifier = mint()
    new = NewParty(
        kind=kind, person="enc:v1:x", alias=alias(), language="en", parent=parent, **more
    )
    await done(house, "party.register", f"party/{identifier}", party_body(new))
    await done(house, "party.activate", f"party/{identifier}")
    return identifier


async def wallet(house: House, owner: UUID, kind: str, currency: str = "KES") -> UUID:
    """A wallet of a party of that kind."""
    identifier = mint()
    await done(house, "wallet.open", f"wallet/{identifier}", asked_wallet(owner, kind, currency))
    return identifier


def asked_wallet(owner: UUID, kind: str, currency: str = "KES") -> dict[str, Any]:
    person = Sealed(msisdn="enc:v1:number", name="enc:v1:name", alias=alias())
    new = NewWallet(kind=WALLETS[kind], currency=currency, person=person, owner=None, party=owner)
    return wallet_body(new)


async def stands(house: House, identifier: UUID) -> tuple[Any, ...]:
    """State, tier, and whether it is frozen with its party."""
    sql = "SELECT state, tier, frozen_with_party FROM wallets.wallet WHERE id = %s"
    return (await rows(house.pool, sql, identifier))[0]


async def versions(house: House, identifier: UUID) -> set[int]:
    """The facts_version of the wallet's accounts."""
    sql = """SELECT a.facts_version FROM wallets.wallet w
               JOIN jsonb_each_text(w.accounts) p ON true
               JOIN ledger.account a ON a.tenant_id = w.tenant_id AND a.id = p.value::bigint
              WHERE w.id = %s"""
    return {version for (version,) in await rows(house.pool, sql, identifier)}


async def code_of(house: House, event: str, about: str, body: Any = None) -> str:
    """The code with which a change is refused."""
    outcome = await run(house, event, about, body)
    assert isinstance(outcome, Refused), outcome
    return outcome.code
