"""What undoes a movement, decided: its legs, what stands against it, and what it takes. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from mmo.ledger.posting import Leg
from mmo.movements.support.checks import Considered
from mmo.movements.support.claims import Claim
from mmo.movements.support.command import Command
from mmo.movements.support.facts import Facts
from mmo.movements.support.movement import Movement
from mmo.movements.support.outcome import Request, Verb
from mmo.movements.support.take_back import TakeBack
from mmo.movements.support.taking_back import TAKEN_BACK, Fees, Original, undoing

STALE = "stale"
"""A claim of this name was reckoned on what was taken until then: else it is decided again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What a step that undoes comes to."""

    legs: tuple[Leg, ...] = ()
    considered: tuple[Considered, ...] = ()
    claims: tuple[Claim, ...] = ()
    told: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the event says beside the rest: which movement it takes back, by how much."""


NOT_UNDONE = Undone()


def undone_of(
    movement: Movement, command: Command, request: Request, verb: Verb, facts: Facts
) -> Undone:
    """What the step undoes; nothing where the movement is none that takes back."""
    if not isinstance(command, TakeBack):
        return NOT_UNDONE
    original = facts.original
    if original is None:
        return Undone(considered=tuple(_against(movement, command, original)))
    own = original.own(request.envelope.movement)
    fees: Fees = command.fees or "returned"
    considered = () if own else tuple(_against(movement, command, original))
    if any(one.verdict != "allow" for one in considered):
        return Undone(considered=considered)
    change = own.legs if own else undoing(original, command.amount.minor, fees)
    if not change:
        nothing = Considered(check="original.parts", verdict="amount_too_small", reason="no legs")
        return Undone(considered=(nothing,))
    return Undone(
        legs=tuple(_legs(original, change, facts, hold=verb is Verb.RESERVE)),
        considered=considered,
        claims=tuple(_claims(command, verb, original)),
        told={"takes_back": _told(command, original, fees, change)},
    )


def _against(
    movement: Movement, command: TakeBack, original: Original | None
) -> Iterator[Considered]:
    """Whether the movement can be undone at all, and by so much."""
    state = original.state if original else "unknown"
    yield _check("known", "original_not_found", fine=original is not None, why="no such movement")
    if original is None:
        return
    why = f"the movement is {state}"
    yield _check("posted", "original_not_posted", fine=state in TAKEN_BACK, why=why)
    fine = original.reversible and (not movement.undoes or original.type in movement.undoes)
    yield _check("reversible", "not_reversible", fine=fine, why=f"it is a {original.type}")
    fine, why = command.amount.minor <= original.left, f"{original.left} of it is left"
    yield _check("left", "reversal_exceeds_original", fine=fine, why=why)


def _check(name: str, code: str, *, fine: bool, why: str) -> Considered:
    return Considered(check=f"original.{name}", verdict="allow" if fine else code, reason=why)


def _claims(command: TakeBack, verb: Verb, original: Original) -> Iterator[Claim]:
    """So much of the original: taken with the posting or the hold, given back with its release."""
    minor = command.amount.minor
    if verb is Verb.RELEASE:
        yield Claim(of=UUID(original.movement), amount=-minor, most=0, refusal=STALE)
    elif verb is not Verb.SETTLE:
        most = original.taken + minor
        yield Claim(of=UUID(original.movement), amount=minor, most=most, refusal=STALE)


def _legs(
    original: Original, change: Mapping[int, int], facts: Facts, *, hold: bool
) -> Iterator[Leg]:
    """The legs; of a wallet whose facts are known, under the version that they have."""
    versions = {
        account.id: account.version
        for wallet in facts.wallets.values()
        for account in wallet.accounts.values()
    }
    roles = dict(_roles(original))
    for account, minor in change.items():
        yield Leg(
            account=account,
            amount=minor,
            role=roles[account],
            reserve=hold and minor < 0 and account in versions,
            facts_version=versions.get(account),
        )


def _roles(original: Original) -> Iterator[tuple[int, str]]:
    """Whoever received pays now, and the other way round."""
    receiver, giver = original.receiver, original.giver
    for moved in original.moved:
        if moved == receiver:
            yield moved.account, "payer"
        elif moved == giver:
            yield moved.account, "payee"
        else:
            yield moved.account, moved.role


def _told(
    command: TakeBack, original: Original, fees: Fees, change: Mapping[int, int]
) -> dict[str, Any]:
    return {
        "original": original.movement,
        "amount_minor": command.amount.minor,
        "of_minor": original.whole,
        "fees": fees,
        "legs": {str(account): minor for account, minor in sorted(change.items())},
    }
