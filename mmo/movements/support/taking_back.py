"""Taking back: the legs that undo a movement, or a part of it, read off its journal. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mmo.movements.support.catalogue import movements

Fees = Literal["returned", "kept"]
BANKS = frozenset({"TRUST_BANK", "CORP_BANK"})
"""Mirrors of real banks: what moved there comes back by a movement of the bank's."""
TAKEN_BACK = frozenset({"posted", "partially_refunded", "reversed"})
"""States of a movement whose money has arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What a movement moved on one account: minor units, credit-positive."""

    account: int
    unit: str
    """Book and currency, such as EKES: within each the legs cancel out."""
    role: str
    amount: int
    instance: bool = False
    """Whether the account belongs to the movement alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """A reversal or refund of the movement: posted, or set aside."""

    movement: str
    amount: int
    fees: Fees
    legs: Mapping[int, int]
    """Account → what it changes there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lien:
    """What a wallet still owes to a reversal."""

    movement: str
    account: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A movement that is to be undone, as the books have it."""

    movement: str
    type: str
    state: str
    body: Mapping[str, Any]
    whole: int
    """The amount that arrived, in minor units: `A` of its prices."""
    moved: tuple[Moved, ...]
    """What all of its steps together changed; accounts with no change are left out."""
    steps: tuple[int, ...] = (1,)
    """The numbers of its steps that moved money, in order."""
    parties: Mapping[str, str] = field(default_factory=dict[str, str])
    """Role → wallet of everybody who took part, those whom an answer brought along included."""
    back: tuple[TakenBack, ...] = ()
    taken: int = 0
    """How much of it is claimed by reversals and refunds, posted or set aside."""
    available: Mapping[int, int] = field(default_factory=dict[int, int])
    """Strict account → what it has now."""
    liens: tuple[Lien, ...] = ()
    """On its accounts, of whichever reversal; the oldest first."""

    @property
    def left(self) -> int:
        """How much of it may still come back."""
        return self.whole - self.taken

    @property
    def receiver(self) -> Moved | None:
        """Where the money arrived: in the wallet of one who took part."""
        return max((one for one in self._wallets() if one.amount > 0), default=None, key=_much)

    @property
    def giver(self) -> Moved | None:
        """Where it came from, if from a wallet and not from the operator."""
        return max((one for one in self._wallets() if one.amount < 0), default=None, key=_much)

    @property
    def reversible(self) -> bool:
        """Whether its legs can be turned round, whoever asks."""
        return (
            movements()[self.type].takes_back is None
            and self.receiver is not None
            and not any(one.instance or one.role in BANKS for one in self.moved)
        )

    def own(self, movement: str) -> TakenBack | None:
        """What a reversal has set aside, or posted, of it already."""
        return next((one for one in self.back if one.movement == movement), None)

    def wallet_of(self, moved: Moved) -> str:
        """The wallet behind a leg of one who took part."""
        return self._parties[moved.role]

    @property
    def sound(self) -> bool:
        """Whether no account has given back more than it got, or in the same direction."""
        legs = {one.account: one.amount for one in self.moved}
        back = dict[int, int]()
        for piece in self.back:
            for account, minor in piece.legs.items():
                back[account] = back.get(account, 0) + minor
        return all(
            minor * legs.get(account, 0) < 0 and abs(minor) <= max(abs(legs[account]), self.whole)
            for account, minor in back.items()
            if minor
        )

    def principal(self) -> tuple[Moved, ...]:
        """Its legs without fees, taxes and commissions; none where they cannot be told apart."""
        by_role = {one.role: one for one in self.moved}
        filled = dict[str, int]()
        for number in self.steps:
            for account, minor in movements()[self.type].step(number).rule.fill({"A": self.whole}):
                filled[str(account)] = filled.get(str(account), 0) + minor
        found = {role: minor for role, minor in filled.items() if minor}
        if not found.keys() <= by_role.keys():
            return ()
        return tuple(
            Moved(account=leg.account, unit=leg.unit, role=leg.role, amount=minor)
            for leg, minor in ((by_role[role], minor) for role, minor in found.items())
        )

    @property
    def _parties(self) -> Mapping[str, str]:
        return {**movements()[self.type].parties_of(self.body), **self.parties}

    def _wallets(self) -> Iterator[Moved]:
        return (one for one in self.moved if one.role in self._parties)


def undoing(original: Original, part: int, fees: Fees, own: str = "") -> dict[int, int]:
    """Account → its change by which `part` (minor units) of a movement comes back.

    Reckoned from all that came back before it: however a movement is taken back piece by piece, the
    pieces add up to the movement itself, leg by leg.
    """
    moved = original.moved if fees == "returned" else original.principal()
    before = [one for one in original.back if one.fees == fees and one.movement != own]
    so_far = sum(one.amount for one in before)
    change = {
        one.account: -share - sum(earlier.legs.get(one.account, 0) for earlier in before)
        for one, share in zip(
            moved, shares(moved, so_far + part, original.whole, original.receiver), strict=True
        )
    }
    return {account: minor for account, minor in change.items() if minor}


def shares(moved: Sequence[Moved], part: int, whole: int, odd: Moved | None) -> list[int]:
    """So much of each leg, half to even; in each unit one leg takes what rounding leaves.

    That is `odd`, or in another unit than its the last leg.
    """
    found = [half_even(one.amount * part, whole) for one in moved]
    for unit in {one.unit for one in moved}:
        places = [place for place, one in enumerate(moved) if one.unit == unit]
        named = (place for place in places if odd and moved[place].account == odd.account)
        found[next(named, places[-1])] -= sum(found[place] for place in places)
    return found


def half_even(numerator: int, denominator: int) -> int:
    """The nearest whole number; of two that are equally near, the even one."""
    whole, rest = divmod(abs(numerator), denominator)
    whole += 2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1)
    return whole if numerator >= 0 else -whole


def original_of(read: Mapping[str, Any]) -> Original:
    """The movement, of what `movements.originals` answered."""
    return Original(
        movement=read["movement"],
        type=read["type"],
        state=read["state"],
        body=read["body"],
        whole=read["whole"],
        moved=tuple(Moved(**one) for one in read["moved"]),
        steps=tuple(read["steps"]),
        parties=read["parties"],
        back=tuple(
            TakenBack(
                movement=one["movement"],
                amount=one["amount"],
                fees=one["fees"],
                legs={int(account): minor for account, minor in one["legs"].items()},
            )
            for one in read["back"]
        ),
        taken=read["taken"],
        available={int(account): minor for account, minor in read["available"].items()},
        liens=tuple(Lien(**one) for one in read["liens"]),
    )


def _much(moved: Moved) -> int:
    return abs(moved.amount)
