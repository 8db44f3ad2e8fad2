"""What holds at the end of any day, whatever its size."""

from tests.day.life import Day
from tests.day.model import POOL, TRUST
from tests.day.money import SHILLING, value
from tests.day.people import POOLED

ENDINGS = {
    ("cash-out", "posted"), ("merchant-payment", "posted"), ("cash-in", "posted"),
    ("p2p-transfer", "posted"), ("p2p-transfer, by a manager", "posted"),
    ("p2p-transfer, by a manager", "declined"), ("reversal", "posted"), ("refund", "posted"),
    ("voucher", "redeemed"), ("voucher", "claimed"), ("escrow", "released"),
    ("escrow", "cancelled"), ("payment-request", "posted"), ("payment-request", "declined"),
    ("merchant-payment", "insufficient_funds"), ("merchant-payment", "repeated"),
    ("merchant-payment", "idempotency_key_reused"), ("p2p-transfer", "not_your_wallet"),
    ("p2p-transfer", "greater_than_transaction_max_value"),
    ("p2p-transfer", "daily_volume_limit_exceeded"),
    ("voucher-redemption", "voucher_refused"),
}  # fmt: skip
"""What happens in every day, however small."""


def balances(day: Day) -> None:
    """Every wallet, pool, fee and tax is what the model says, to the cent."""
    known = {code: minor for code, minor in day.town.books.by_code().items() if minor}
    of_clients = {code: minor for code, minor in day.trial_balance.items() if code in known}
    assert day.differences == {}
    assert of_clients == known
    assert set(day.tally) >= ENDINGS, ENDINGS - set(day.tally)


def operators_own(day: Day) -> None:
    """Fees are revenue, commissions expense; the pool is mirrored in the operator's own book."""
    told = day.trial_balance
    spent = POOLED - day.town.books.balances[POOL]
    assert told["FEE_REVENUE"] == day.earned["OP.FEES"] > 0
    assert told["AGENT_COMMISSION_EXPENSE"] == -spent < 0
    assert told["OWN_EMONEY.commission_pool"] == -told["OP.COMMISSION_POOL"]


def trust(day: Day) -> None:
    """A shilling that only the second bank has is missing until its statement is there.

    Meanwhile no e-money comes into being; the watch over the books finds nothing else wrong.
    """
    short, backed = day.certificates
    held = -day.town.books.balances[TRUST]
    assert day.town.bank.holds == held
    assert short["emoney"] == backed["emoney"] == value(held)
    assert day.issuance == "movement_suspended"
    assert {name for name, violations in day.watched.items() if violations} <= {"trust"}
    assert (short["bank"], short["shortfall"]) == (value(held - SHILLING), value(SHILLING))
    assert (backed["bank"], backed["shortfall"]) == (value(held), "0.00")
    assert (short["backed"], backed["backed"]) == (False, True)
