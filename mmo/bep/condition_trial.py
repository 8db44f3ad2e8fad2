"""A condition tried before it is kept: its names are those of its event, and it can be worked out.

A rule that names what there is not fails closed, so it would refuse every event that it is asked
about. Its fields are read off the text; then it is worked out over examples of the event.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from itertools import product
from typing import Any

from mmo.bep.conditions import MACROS, NAMES, ConditionError, holds
from mmo.bep.event import BusinessEvent, EventActor, EventKind, Phase
from mmo.bep.facts import Flag, PartyFacts, RuleFacts
from mmo.bep.known import known
from mmo.bep.processor import Offers
from mmo.kernel.money import Money
from mmo.kernel.spelling import nearest

AMOUNTS_MINOR = (1, 100_000, 10**12)
TIERS = (0, 1, 3)
KINDS = ("customer", "agent", "merchant")
_NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
_FREE = None
"""Members that an event may bring along under any name."""
_LEAF: dict[str, Any] = {}
_PARTY = dict.fromkeys(("kind", "state", "product", "tier", "currency", "flags"), _LEAF)
_PIECE = re.compile(
    r"""//[^\n]*|(?P<text>[rR]?"(?:\\.|[^"\\\n])*"|[rR]?'(?:\\.|[^'\\\n])*')"""
    r"""|(?P<word>[A-Za-z_]\w*)|(?P<sign>\S)""",
    re.ASCII,
)


def check_condition(source: str, kind: EventKind, offers: Offers) -> None:
    """Whether the condition could be asked of such an event. Raises ConditionError."""
    check_names(source, kind)
    chains = [chain for chain, _ in _chains(source)]
    if kind.data is not None or not any(chain[:2] == ["event", "data"] for chain in chains):
        _try(source, kind, offers, {chain[3] for chain in chains if _attribute(chain)})


def check_names(source: str, kind: EventKind) -> None:
    """Whether each field is one of such an event, and no amount a text. Raises ConditionError."""
    shape = _shape(kind)
    for chain, as_text in _chains(source):
        _check_chain(chain, shape, as_text=as_text)


def _attribute(chain: list[str]) -> bool:
    return chain[:3] == ["event", "actor", "attributes"] and len(chain) > 3  # noqa: PLR2004


def _shape(kind: EventKind) -> dict[str, Any]:
    data = _FREE if kind.data is None else dict.fromkeys(kind.data, _LEAF)
    actor = {"subject": _LEAF, "client": _LEAF, "roles": _LEAF, "attributes": _FREE}
    return {
        "event": {
            **dict.fromkeys(("entity", "action", "product"), _LEAF),
            "amount": dict.fromkeys(("minor", "currency"), _LEAF), "actor": actor, "data": data,
        },
        "parties": dict.fromkeys(kind.parties, _PARTY),
        "facts": dict.fromkeys(("now", "business_date"), _LEAF),
    }  # fmt: skip


def _check_chain(chain: list[str], shape: Mapping[str, Any], *, as_text: bool) -> None:
    if chain[:3] == ["event", "amount", "value"] or (as_text and chain[:2] == ["event", "amount"]):
        raise ConditionError(
            "an amount as a text compares letter by letter, 9 is more than 10;"
            " compare event.amount.minor, a number of minor units"
        )
    inside: Any = shape
    for place, name in enumerate(chain):
        if inside is _FREE or not inside:
            return
        if name not in inside:
            path = ".".join(chain[:place])
            raise ConditionError(f"there is no {name[:40]} in {path}; {nearest(name, inside)}")
        inside = inside[name]


def _chains(source: str) -> Iterator[tuple[list[str], bool]]:
    """Each path from a name that a condition sees: event.amount.minor; and whether as a text."""
    pieces = [found for found in _PIECE.finditer(source) if found.lastgroup]
    words = [found[0] for found in pieces]
    own = {
        name for macro, bracket, name in zip(words, words[1:], words[2:], strict=False)
        if macro in MACROS and bracket == "("
    }  # fmt: skip
    for place, word in enumerate(words):
        if word in NAMES - own and words[place - 1 : place] != ["."]:
            chain = [word, *_members(pieces, place + 1)]
            yield chain, words[max(0, place - 2) : place] == ["string", "("]


def _members(pieces: list[re.Match[str]], place: int) -> Iterator[str]:
    while True:
        signs = [found[0] for found in pieces[place : place + 4]]
        if signs[:1] == ["."] and len(signs) > 1 and signs[2:3] != ["("]:
            yield signs[1]
            place += 2
        elif signs[:1] == ["["] and signs[2:3] == ["]"] and pieces[place + 1]["text"]:
            yield signs[1].strip("rR").strip("'\"")
            place += 3
        else:
            return


def _try(source: str, kind: EventKind, offers: Offers, attributes: set[str]) -> None:
    for minor, tier, wallet in product(AMOUNTS_MINOR, TIERS, KINDS):
        event, facts = _example(kind, offers, attributes, minor, tier, wallet)
        try:
            holds(source, known(event, facts))
        except Exception as error:  # noqa: BLE001 - whatever keeps it from an answer
            raise ConditionError(
                f"it cannot be worked out for an example of {kind.name}: {_line(error)}"
            ) from None


def _line(error: Exception) -> str:
    return str(error).partition("\n")[0].strip("'\"")[:160]


def _example(
    kind: EventKind, offers: Offers, attributes: set[str], minor: int, tier: int, wallet: str
) -> tuple[BusinessEvent, RuleFacts]:
    currency = next(iter(offers.currencies), "KES")
    flags = (Flag(list="wallet-flags", code="EXAMPLE", since=_NOW),) if tier else ()
    thing = next(iter(offers.products), None) if kind.product else None
    parties = {
        role: PartyFacts(
            id=role, kind=wallet, state="active", currency=currency, product=thing, flags=flags,
            tier=tier,
        )
        for role in kind.parties
    }  # fmt: skip
    event = BusinessEvent(
        kind=kind, phase=Phase.PRE, id="example", at=_NOW, product=thing,
        actor=EventActor(
            subject="example", client="example", roles=frozenset(offers.roles.values()),
            attributes=dict.fromkeys(attributes, "example"),
        ),
        amount=Money(minor, currency) if kind.amount else None,
        parties={role: role for role in kind.parties},
        data=dict.fromkeys(kind.data or (), "example"),
    )  # fmt: skip
    return event, RuleFacts(now=_NOW, business_date=date(2026, 11, 24), parties=parties)
