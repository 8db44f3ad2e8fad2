"""How facts that rules need are asked of the database, and what it answers about wallets."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mmo.bep.facts import Flag, Need, PartyFacts


def asked_for(
    need: Need, event: str, about: str, parties: Mapping[str, str], subject: str,
    attributes: Mapping[str, str],
) -> dict[str, Any]:  # fmt: skip
    """A need as `bep.facts` is asked for it; `about`: the key under which it answers."""
    terms = dict(need.terms)
    return {
        **terms,
        "txn": about,
        "key": need.key,
        "kind": need.kind,
        "event": event,
        "wallet": parties.get(need.party),
        "other_wallet": parties.get(str(terms.get("other"))),
        "wallets": dict(parties),
        "subject": subject,
        "attributes": dict(attributes),
    }


def party_of(row: Mapping[str, Any]) -> PartyFacts:
    """A wallet as the facts query tells it."""
    return PartyFacts(**fields_of(row))


def fields_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """What rules see of a wallet, by the names of `PartyFacts`."""
    names = ("id", "kind", "state", "currency", "owner", "product", "tier")
    plain = {name: row[name] for name in names}
    return {**plain, "flags": tuple(flag_of(one) for one in row["flags"])}


def flag_of(row: Mapping[str, Any]) -> Flag:
    """A flag as the wallet's row keeps it."""
    until = row.get("until")
    return Flag(
        list=row["list"],
        code=row["code"],
        since=datetime.fromisoformat(row["since"]),
        until=datetime.fromisoformat(until) if until else None,
    )
