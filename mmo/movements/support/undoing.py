"""What undoes a movement, decided: its legs, what stands against it, and what it takes. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from mmo.ledger.posting import Instance, Leg
from mmo.movements.support.accounts import REVERSAL_PENDING
from mmo.movements.support.checks import Considered
from mmo.movements.support.claims import Claim
from mmo.movements.support.command import Command
from mmo.movements.support.facts import Facts
from mmo.movements.support.liens import has, left_of, owed, part_of, told_lien
from mmo.movements.support.movement import Movement
from mmo.movements.support.outcome import Request, Verb
from mmo.movements.support.take_back import TakeBack
from mmo.movements.support.taking_back import TAKEN_BACK, Fees, Original, TakenBack, undoing

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
    prices: Mapping[str, int] | None = None
    """Where it comes to something else than was asked for."""
    on_balance: bool = False
    """Whether it rests on what the receiver has."""
    waits: bool = False
    """Whether there is too little for it now."""
    refusal: str | None = None


NOT_UNDONE = Undone()
PENDING = REVERSAL_PENDING.code


def undone_of(
    movement: Movement, command: Command, request: Request, verb: Verb, facts: Facts
) -> Undone:
    """What the step undoes; nothing where the movement is none that takes back."""
    if not isinstance(command, TakeBack):
        return NOT_UNDONE
    original, undoes = facts.original, movement.step(request.step).undoes
    if original is None:
        return Undone(considered=tuple(_against(movement, command, original)))
    own = original.own(request.envelope.movement)
    if own and undoes == "collect":
        return _collected(request, original, facts)
    if own and undoes == "complete":
        return _completed(command, request, original, own, facts)
    return _whole(movement, command, request, verb, facts, original)


def _whole(
    movement: Movement,
    command: TakeBack,
    request: Request,
    verb: Verb,
    facts: Facts,
    original: Original,
) -> Undone:
    """All legs at once; what was set aside for them stays as it was reckoned then."""
    own = original.own(request.envelope.movement)
    fees: Fees = command.fees or "returned"
    considered = () if own else tuple(_against(movement, command, original))
    if any(one.verdict != "allow" for one in considered):
        return Undone(considered=considered)
    change = own.legs if own else undoing(original, command.amount.minor, fees)
    if not change:
        nothing = Considered(check="original.parts", verdict="amount_too_small", reason="no legs")
        return Undone(considered=(nothing,))
    told: dict[str, Any] = {"takes_back": _told(command.amount.minor, original, fees, change)}
    need = owed(original, change) if command.if_short == "lien" else 0
    if need:
        stands = verb is Verb.RESERVE
        told["lien"] = told_lien(original, need if stands else 0)
    return Undone(
        legs=tuple(_legs(original, change, facts, hold=verb is Verb.RESERVE and not need)),
        considered=considered,
        claims=tuple(_claims(command, verb, original)),
        told=told,
        on_balance=need > 0,
        waits=need > has(original, request.envelope.movement),
    )


def _collected(request: Request, original: Original, facts: Facts) -> Undone:
    """What the receiver has now, and owes, goes into the reversal's own account."""
    identifier, receiver = request.envelope.movement, original.receiver
    assert receiver is not None, "it was found reversible"
    left = left_of(original, identifier)
    minor = min(has(original, identifier), left)
    if not minor:
        return Undone(waits=True)
    (debit,) = _legs(original, {receiver.account: -minor}, facts, hold=False)
    told = {"lien": told_lien(original, left - minor)}
    legs = (debit, Leg(account=_pending(original), amount=minor, role=PENDING))
    return Undone(legs=legs, told=told, prices={"A": minor}, on_balance=True)


def _completed(
    command: TakeBack, request: Request, original: Original, own: TakenBack, facts: Facts
) -> Undone:
    """What was collected goes where the reversal's legs say, in part where the time is over."""
    need, minor = owed(original, own.legs), command.amount.minor
    collected = need - left_of(original, request.envelope.movement)
    part = minor if collected == need else max(minor * collected // need, min(collected, 1))
    change = part_of(original, own.legs, collected, need) if collected else {}
    legs = [_from_pending(original, leg) for leg in _legs(original, change, facts, hold=False)]
    back = Claim(of=UUID(original.movement), amount=part - minor, most=0, refusal=STALE)
    return Undone(
        legs=tuple(legs),
        claims=(back,) if part < minor else (),
        told={
            "takes_back": _told(part, original, own.fees, change),
            "lien": told_lien(original, 0),
        },
        prices={"A": part},
        refusal=None if collected else request.because,
    )


def _pending(original: Original) -> Instance:
    return Instance(PENDING, original.body["amount"]["currency"])


def _from_pending(original: Original, leg: Leg) -> Leg:
    """The receiver has paid already, into the reversal's own account."""
    receiver = original.receiver
    if receiver is None or leg.account != receiver.account:
        return leg
    return Leg(account=_pending(original), amount=leg.amount, role=PENDING)


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
    why = "more came back of it than it moved: see `mmo verify`"
    yield _check("sound", "original_unsound", fine=original.sound, why=why)
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


def _told(minor: int, original: Original, fees: Fees, change: Mapping[int, int]) -> dict[str, Any]:
    return {
        "original": original.movement,
        "amount_minor": minor,
        "of_minor": original.whole,
        "fees": fees,
        "legs": {str(account): minor for account, minor in sorted(change.items())},
    }
