"""Liens: a receiver who has too little for a reversal owes it the rest; later credits pay. Pure.

What there is goes into an account of the reversal's own, piece by piece; once it is all there, or
the time is over, it goes where the reversal's legs say.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from mmo.messaging.event import Event
from mmo.movements.support.taking_back import Moved, Original, shares
from mmo.movements.support.waking import Waker, about_wallet


def owed(original: Original, change: Mapping[int, int]) -> int:
    """What the receiver's wallet pays (minor units); 0 where another wallet or pool pays too."""
    debits = {account: -minor for account, minor in change.items() if account > 0 > minor}
    receiver = original.receiver
    if receiver is None or debits.keys() != {receiver.account}:
        return 0
    return debits[receiver.account]


def has(original: Original, movement: str) -> int:
    """What the receiver has for this reversal: older liens come first."""
    receiver = original.receiver
    assert receiver is not None, "it was found reversible"
    older = sum(
        lien.left
        for lien in original.liens
        if lien.account == receiver.account and lien.movement < movement
    )
    return max(original.available.get(receiver.account, 0) - older, 0)


def left_of(original: Original, movement: str) -> int:
    """What the receiver still owes to this reversal."""
    return sum(lien.left for lien in original.liens if lien.movement == movement)


def told_lien(original: Original, left: int) -> dict[str, Any]:
    """What is told, and written down, of the lien from now on; 0: it is lifted."""
    receiver = original.receiver
    assert receiver is not None, "it was found reversible"
    return {"account": receiver.account, "wallet": original.wallet_of(receiver), "left": left}


def part_of(
    original: Original, change: Mapping[int, int], collected: int, need: int
) -> dict[int, int]:
    """The change that so much of what was needed pays for; the receiver's share is exactly that."""
    by_account = {one.account: one for one in original.moved}
    moved = [
        Moved(
            account=account,
            unit=by_account[account].unit,
            role=by_account[account].role,
            amount=minor,
        )
        for account, minor in change.items()
    ]
    receiver = original.receiver
    assert receiver is not None, "it was found reversible"
    odd = next(
        (one for one in moved if one.account != receiver.account and one.unit == receiver.unit),
        None,
    )
    found = zip(moved, shares(moved, collected, need, odd), strict=True)
    return {one.account: minor for one, minor in found if minor}


def _touched(event: Event) -> Iterable[str]:
    """The accounts that have more than before, or of which a reversal has taken."""
    if event.aggregate != "movement":
        return ()
    reversal = event.data["type"] == "reversal"
    legs = (one["account"] for one in event.data["legs"] if one["amount"] > 0 or reversal)
    freed = (one["account"] for one in event.data["held"] if one["amount"] < 0)
    return {str(account) for account in (*legs, *freed) if account > 0}


ON_CREDIT = Waker(
    name="lien-credited",
    about=_touched,
    find="""SELECT l.tenant_id, l.movement AS movement_id
              FROM unnest(%(tenants)s::int[], %(keys)s::text[]) k (tenant, account)
              JOIN movements.lien l ON l.tenant_id = k.tenant AND l.account = k.account::bigint""",
)
ON_UNFREEZING = Waker(
    name="lien-unfrozen",
    about=about_wallet("mmo.wallet.unfrozen.v1"),
    find="""SELECT l.tenant_id, l.movement AS movement_id
              FROM unnest(%(tenants)s::int[], %(keys)s::text[]) k (tenant, wallet)
              JOIN movements.lien l ON l.tenant_id = k.tenant AND l.wallet = k.wallet::uuid""",
)
