"""Originals of a few lines, for tests of what takes them back."""

from collections.abc import Mapping
from dataclasses import replace

from mmo.ledger.chart import OPENED
from mmo.movements.support.catalogue import movements
from mmo.movements.support.taking_back import Fees, Moved, Original, TakenBack, undoing
from tests.mmo.movements.people import WALLETS

DEFERRED = {one.code for one in OPENED if one.kept == "deferred"}
ORIGINAL = "01a20d90-aad9-74da-86e7-000000000001"


def original(movement: str, prices: Mapping[str, int], **parties: str) -> Original:
    """A movement that was posted with these prices; each account is numbered by its line."""
    filled = movements()[movement].step(1).rule.fill(prices)
    return Original(
        movement=ORIGINAL,
        type=movement,
        state="posted",
        body={field: WALLETS.get(name, name) for field, name in parties.items()},
        whole=prices["A"],
        moved=tuple(
            Moved(
                account=_number(number, str(account)),
                unit=f"{account.book}KES",
                role=str(account),
                amount=minor,
            )
            for number, (account, minor) in enumerate(filled, 1)
        ),
    )


def _number(number: int, role: str) -> int:
    """Accounts that are only appended to have negative numbers."""
    return -number if role in DEFERRED else number


def named(found: Original, change: Mapping[int, int]) -> dict[str, int]:
    """The change by the names that the original's accounts have."""
    roles = {moved.account: moved.role for moved in found.moved}
    return {roles[account]: minor for account, minor in change.items()}


def after(found: Original, part: int, fees: Fees = "returned") -> Original:
    """The original once so much more of it has come back."""
    piece = TakenBack(
        movement=f"piece {len(found.back)}", amount=part, fees=fees,
        legs=undoing(found, part, fees),
    )  # fmt: skip
    return replace(found, back=(*found.back, piece), taken=found.taken + part)
