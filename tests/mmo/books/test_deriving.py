"""What a day is recognised as: exactly what the operator's own book does not mirror yet."""

from hypothesis import given
from hypothesis import strategies as st

from mmo.books.deriving import CODES, MIRRORS, Moved, derived


def moved(movement: str, code: str, amount: int, currency: str = "KES") -> Moved:
    return Moved(movement=movement, currency=currency, code=code, amount=amount)


def told(*changes: Moved) -> list[tuple[str, dict[str, int]]]:
    return [(one.name, dict(one.legs())) for one in derived(changes)]


def test_fees_are_revenue_of_their_movement() -> None:
    assert told(moved("p2p-transfer", "OP.FEES", 25_00)) == [
        ("fee-revenue/p2p-transfer/KES", {"OWN_EMONEY.fees": -25_00, "FEE_REVENUE": 25_00})
    ]


def test_commissions_are_an_expense() -> None:
    assert told(moved("cash-in", "OP.COMMISSION_POOL", -10_00)) == [
        (
            "commission-expense/cash-in/KES",
            {"OWN_EMONEY.commission_pool": 10_00, "AGENT_COMMISSION_EXPENSE": -10_00},
        )
    ]


def test_what_a_reversal_gave_back_is_taken_out_of_revenue() -> None:
    assert told(moved("reversal", "OP.FEES", -25_00))[0][1]["FEE_REVENUE"] == -25_00


def test_a_movement_that_posts_both_books_derives_nothing() -> None:
    assert told(moved("fee-sweep", "OP.FEES", -5), moved("fee-sweep", "OWN_EMONEY.fees", 5)) == []


def test_two_currencies_are_two_journals() -> None:
    both = [moved("cash-out", "OP.FEES", 1), moved("cash-out", "OP.FEES", 2, "USD")]

    assert [name for name, _ in told(*both)] == [
        "fee-revenue/cash-out/KES", "fee-revenue/cash-out/USD",
    ]  # fmt: skip


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(CODES)), st.integers(-100, 100)
    )
)
def test_afterwards_every_pool_is_mirrored_and_nothing_is_made(
    changes: dict[tuple[str, str], int],
) -> None:
    balances = dict.fromkeys(CODES, 0)
    for (_, code), amount in changes.items():
        balances[code] += amount
    for one in derived(moved(name, code, amount) for (name, code), amount in changes.items()):
        assert sum(one.legs().values()) == 0
        balances[one.mirror.own] += one.legs()[one.mirror.own]

    assert all(balances[one.pool] == -balances[one.own] for one in MIRRORS)
