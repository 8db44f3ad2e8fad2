"""What the ledger accepts and refuses, one rule at a time."""

from dataclasses import replace

import psycopg
import pytest

from mmo.ledger.ports import KeyReusedError
from mmo.ledger.posting import Instance, Kind, Leg
from mmo.ledger.recorded import Recorded, Stale
from mmo.ledger.refusals import LedgerRefusal
from tests.mmo.ledger.books import Books, batch, hold, new_txn, pay, posting

NO_DEBIT, NO_CREDIT, FROZEN, CLOSED = 1, 2, 3, 4
FULL = 2**63 - 1


def test_a_payment_moves_money_and_answers_the_new_balances(books: Books) -> None:
    alice, bob, fees = books.open(funds=1000), books.open(), books.open("OP.FEES", deferred=True)

    recorded = books.must(
        posting(
            Leg(account=alice, amount=-130),
            Leg(account=bob, amount=100),
            Leg(account=fees, amount=30),
        )
    )

    assert recorded.balances == (870, 100, None)
    assert recorded.accounts == (alice, bob, fees)
    assert (books.posted(alice), books.posted(bob), books.posted(fees)) == (870, 100, 30)


def test_nobody_spends_more_than_is_available(books: Books) -> None:
    alice, bob = books.open(funds=1000), books.open()

    refused = books.post(pay(alice, bob, 1001))

    assert isinstance(refused, Recorded)
    assert refused.refusal == LedgerRefusal.INSUFFICIENT_FUNDS
    assert refused.detail == {"account": alice, "available": 1000, "needed": 1001}
    assert books.posted(alice) == 1000


def test_what_is_held_cannot_be_spent(books: Books) -> None:
    alice, bob = books.open(funds=1000), books.open()
    books.must(hold(alice, bob, 600))

    assert books.refusal(pay(alice, bob, 401)) == LedgerRefusal.INSUFFICIENT_FUNDS
    assert books.refusal(pay(alice, bob, 400)) is None


def test_a_credit_line_is_a_negative_floor(books: Books) -> None:
    alice, bob = books.open(floor=-500), books.open()

    assert books.refusal(pay(alice, bob, 500)) is None
    assert books.refusal(pay(alice, bob, 1)) == LedgerRefusal.INSUFFICIENT_FUNDS


def test_nobody_receives_past_the_ceiling(books: Books) -> None:
    alice, bob = books.open(funds=1000), books.open(ceiling=300)

    assert books.refusal(pay(alice, bob, 301)) == LedgerRefusal.BALANCE_CEILING_EXCEEDED
    assert books.refusal(pay(alice, bob, 300)) is None


def test_what_counts_is_how_a_request_leaves_an_account_not_the_order_of_legs(books: Books) -> None:
    alice, bob = books.open(funds=100), books.open()

    books.must(
        posting(
            Leg(account=alice, amount=-150),
            Leg(account=bob, amount=100),
            Leg(account=alice, amount=50),
        )
    )

    assert books.posted(alice) == 0


@pytest.mark.parametrize(
    ("state", "paying", "receiving"),
    [
        (NO_DEBIT, LedgerRefusal.WALLET_FROZEN, None),
        (NO_CREDIT, None, LedgerRefusal.WALLET_FROZEN),
        (FROZEN, LedgerRefusal.WALLET_FROZEN, LedgerRefusal.WALLET_FROZEN),
    ],
)
def test_the_state_of_an_account_forbids_directions(
    books: Books, state: int, paying: LedgerRefusal | None, receiving: LedgerRefusal | None
) -> None:
    alice, bob = books.open(funds=1000), books.open(funds=1000)
    books.state(alice, state)

    assert books.refusal(pay(alice, bob, 1)) == paying
    assert books.refusal(pay(bob, alice, 1)) == receiving


@pytest.mark.case("G8")
def test_a_closed_account_takes_part_in_nothing(books: Books) -> None:
    alice, bob = books.open(funds=1000), books.open()
    books.state(bob, CLOSED)

    assert books.refusal(pay(alice, bob, 1)) == LedgerRefusal.WALLET_CLOSED


def test_an_unknown_account_refuses_its_own_request_only(books: Books) -> None:
    alice, bob = books.open(funds=1000), books.open()

    answers = batch(
        books.connection, [pay(alice, bob, 1), pay(alice, 999_999, 1), pay(alice, bob, 1)]
    )

    codes = [answer.refusal for answer in answers if isinstance(answer, Recorded)]
    assert codes == [None, LedgerRefusal.WALLET_NOT_FOUND, None]


@pytest.mark.case("G8")
def test_an_account_of_another_tenant_is_unknown(books: Books) -> None:
    stranger = Books(books.connection, tenant=2)
    alice, mallory = books.open(funds=1000), stranger.open(funds=1000)

    assert books.refusal(pay(mallory, alice, 1)) == LedgerRefusal.WALLET_NOT_FOUND


@pytest.mark.case("G8")
def test_currencies_balance_each_for_itself(books: Books) -> None:
    shillings, dollars = books.open(funds=1000), books.open(currency="USD", floor=-1000)
    exchange = (
        books.open("FX_POSITION", deferred=True),
        books.open("FX_POSITION", currency="USD", deferred=True),
    )

    assert books.refusal(pay(shillings, dollars, 10)) == LedgerRefusal.CURRENCY_MISMATCH
    assert books.refusal(
        posting(
            Leg(account=shillings, amount=-130),
            Leg(account=exchange[0], amount=130),
            Leg(account=exchange[1], amount=-1),
            Leg(account=dollars, amount=1),
        )
    ) is None  # fmt: skip


@pytest.mark.case("G8")
def test_client_money_never_mixes_with_the_operators_own(books: Books) -> None:
    alice, income = books.open(funds=1000), books.open("FEE_INCOME", book="C")

    assert books.refusal(pay(alice, income, 10)) == LedgerRefusal.CURRENCY_MISMATCH


@pytest.mark.case("G11")
def test_a_sum_beyond_what_a_number_holds_never_wraps(books: Books) -> None:
    rich, alice = books.open(), books.open(funds=10)
    books.connection.execute("SET session_replication_role = replica")
    books.connection.execute("UPDATE ledger.account SET posted = %s WHERE id = %s", [FULL, rich])

    with pytest.raises(psycopg.errors.NumericValueOutOfRange):
        books.post(pay(alice, rich, 1))

    assert (books.posted(rich), books.posted(alice)) == (FULL, 10)


@pytest.mark.case("G8")
def test_a_lopsided_or_monstrous_request_is_refused_by_the_ledger_itself(books: Books) -> None:
    alice, bob = books.open(funds=1000), books.open()
    lopsided, monstrous = pay(alice, bob, 10), pay(alice, bob, 10)
    object.__setattr__(lopsided.legs[1], "amount", 11)
    object.__setattr__(monstrous.legs[0], "amount", -(2**63))
    object.__setattr__(monstrous.legs[1], "amount", 2**63 - 1)

    answers = batch(books.connection, [lopsided, monstrous, pay(alice, bob, 1)])

    codes = [answer.refusal for answer in answers if isinstance(answer, Recorded)]
    assert codes == [LedgerRefusal.UNBALANCED, LedgerRefusal.AMOUNT_INVALID, None]


def test_only_the_debit_of_a_strict_account_can_be_reserved(books: Books) -> None:
    alice, bob = books.open(funds=1000), books.open()
    odd = hold(alice, bob, 10)
    object.__setattr__(odd.legs[1], "reserve", True)

    assert books.refusal(odd) == LedgerRefusal.AMOUNT_INVALID


def test_a_repeat_gets_the_first_outcome_and_its_record(books: Books) -> None:
    alice, bob = books.open(funds=1000), books.open()
    asked = pay(alice, bob, 100, meta={"tariff": 1})
    first = books.must(asked)

    again = books.must(replace(asked, meta={"tariff": 2}))

    assert (again.replayed, again.journal, again.xid) == (True, first.journal, first.xid)
    assert again.meta == {"tariff": 1}
    assert books.posted(bob) == 100


def test_a_refusal_is_as_final_as_an_acceptance(books: Books) -> None:
    alice, bob = books.open(), books.open()
    asked = pay(alice, bob, 100)
    assert books.refusal(asked) == LedgerRefusal.INSUFFICIENT_FUNDS
    books.must(pay(books.trust, alice, 1000))

    assert books.refusal(asked) == LedgerRefusal.INSUFFICIENT_FUNDS


def test_a_key_belongs_to_one_request(books: Books) -> None:
    alice, bob = books.open(funds=1000), books.open()
    asked = pay(alice, bob, 100)
    books.must(asked)

    with pytest.raises(KeyReusedError):
        books.post(replace(asked, fingerprint=b"another"))


def test_a_rules_refusal_is_recorded_without_legs(books: Books) -> None:
    asked = posting(kind=Kind.REFUSE, refusal="flagged", meta={"rule": "flags@3"})

    first = books.post(asked)
    again = books.post(asked)

    assert isinstance(first, Recorded)
    assert isinstance(again, Recorded)
    assert (first.refusal, again.refusal, again.meta) == ("flagged", "flagged", {"rule": "flags@3"})


def test_a_decision_on_old_facts_is_stale_and_not_recorded(books: Books) -> None:
    alice, bob = books.open(funds=1000), books.open()
    on_version_0 = posting(
        Leg(account=alice, amount=-1, facts_version=0), Leg(account=bob, amount=1, facts_version=0)
    )
    books.connection.execute("SELECT ledger.raise_facts(1, %s)", [[bob]])
    assert books.post(on_version_0) == Stale()

    decided_again = replace(
        on_version_0, legs=(on_version_0.legs[0], replace(on_version_0.legs[1], facts_version=1))
    )
    assert not books.must(decided_again).replayed


def test_a_repeat_gets_its_outcome_however_old_its_facts_are(books: Books) -> None:
    alice, bob = books.open(funds=1000), books.open()
    asked = posting(Leg(account=alice, amount=-1, facts_version=0), Leg(account=bob, amount=1))
    first = books.must(asked)
    books.connection.execute("SELECT ledger.raise_facts(1, %s)", [[alice]])

    assert books.must(asked).journal == first.journal


@pytest.mark.case("G10")
def test_freezing_makes_decisions_stale_rather_than_refused(books: Books) -> None:
    alice, bob = books.open(funds=1000), books.open()
    asked = posting(Leg(account=alice, amount=-1, facts_version=0), Leg(account=bob, amount=1))
    books.state(alice, FROZEN)

    assert books.post(asked) == Stale()


def test_a_decision_on_old_rules_is_stale(books: Books) -> None:
    alice, bob = books.open(funds=1000), books.open()
    books.connection.execute("SELECT ledger.raise_rules(1)")

    assert books.post(pay(alice, bob, 1, rules_version=0)) == Stale()
    assert books.post(posting(kind=Kind.REFUSE, refusal="x", rules_version=0)) == Stale()
    books.must(pay(alice, bob, 1, rules_version=1))


def test_an_escrow_belongs_to_one_movement_and_ends_once(books: Books) -> None:
    alice, bob = books.open(funds=1000), books.open()
    escrow, txn = Instance("VOUCHER_ESCROW", "KES"), new_txn()
    issued = books.must(pay(alice, escrow, 100, txn=txn))

    books.must(pay(escrow, bob, 100, txn=txn, step=2))
    expired = books.refusal(pay(escrow, alice, 100, txn=txn, step=3))

    assert expired == LedgerRefusal.INSUFFICIENT_FUNDS
    assert (books.posted(issued.accounts[1]), books.posted(bob)) == (0, 100)


def test_each_movement_has_an_escrow_of_its_own(books: Books) -> None:
    alice, escrow = books.open(funds=1000), Instance("VOUCHER_ESCROW", "KES")

    answers = batch(books.connection, [pay(alice, escrow, 100), pay(alice, escrow, 100)])

    first, second = (answer.accounts[1] for answer in answers if isinstance(answer, Recorded))
    assert first != second


def test_a_rollup_folds_every_delta_once(books: Books) -> None:
    alice, fees = books.open(funds=1000), books.open("OP.FEES", deferred=True)
    for _ in range(3):
        books.must(pay(alice, fees, 10))

    folded = books.one("SELECT ledger.rollup()")

    assert folded >= 3
    assert books.one("SELECT ledger.rollup()") == 0
    assert books.one("SELECT posted FROM ledger.account WHERE id = %s", fees) == 30
    assert books.posted(fees) == 30


def test_an_account_with_money_cannot_be_closed(books: Books) -> None:
    alice = books.open(funds=1)

    with pytest.raises(Exception, match="still has money"):
        books.state(alice, CLOSED)


def test_a_closed_account_stays_closed(books: Books) -> None:
    alice = books.open()
    books.state(alice, CLOSED)

    with pytest.raises(Exception, match="closed for ever"):
        books.state(alice, 0)


def test_a_lower_ceiling_binds_the_next_credit(books: Books) -> None:
    alice, bob = books.open(funds=1000), books.open()
    books.must(pay(alice, bob, 100))
    books.connection.execute("SELECT ledger.set_account_limits(1, %s, 0, 100)", [bob])

    assert books.refusal(pay(alice, bob, 1)) == LedgerRefusal.BALANCE_CEILING_EXCEEDED


def test_a_tenant_without_a_ledger_is_told_so(books: Books) -> None:
    with pytest.raises(Exception, match=r"call ledger\.open_tenant"):
        books.post(pay(1, 2, 1, tenant_id=9))


def test_every_refusal_of_the_ledger_is_in_the_one_list(books: Books) -> None:
    body = books.one("SELECT prosrc FROM pg_proc WHERE oid = 'ledger.post'::regproc")

    assert [code for code in LedgerRefusal if f"'{code}'" not in body] == []
