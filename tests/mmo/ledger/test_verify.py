"""Each invariant finds the violation that is planted for it, and names it."""

import pytest

from mmo.ledger.posting import Instance, Kind
from mmo.ledger.verify import INVARIANTS, Check, verify
from tests.mmo.ledger.books import Books, counted, hold, pay, posting

PLANTED = {
    "zero_sum": "UPDATE ledger.journal SET amounts[1] = amounts[1] - 1 WHERE seq = 1",
    "entries_of_journal": "DELETE FROM ledger.entry WHERE journal_seq = 1 AND account_id < 0",
    "total": "UPDATE ledger.account SET posted = posted + 1 WHERE code = 'AGENT'",
    "floor": "ALTER TABLE ledger.account DROP CONSTRAINT account_check;"
    " UPDATE ledger.account SET held = held + 100000 WHERE code = 'AGENT'",
    "running_balance": "UPDATE ledger.entry SET balance = balance + 1 WHERE journal_seq = 1"
    " AND account_id > 0",
    "posted": "UPDATE ledger.account SET posted = posted + 1 WHERE code = 'AGENT'",
    "held": "UPDATE ledger.account SET held = held + 1 WHERE code = 'AGENT'",
    "one_outcome": "ALTER TABLE ledger.journal DROP CONSTRAINT journal_pkey CASCADE;"
    " INSERT INTO ledger.journal SELECT * FROM ledger.journal WHERE seq = 1",
    "usage": "UPDATE ledger.usage SET n = n + 1",
}


def broken(books: Books) -> dict[str, Check]:
    checks = verify(books.connection)
    return {check.invariant.name: check for check in checks if not check.holds}


@pytest.fixture
def busy(books: Books) -> Books:
    """Books with something of everything."""
    alice, agent = books.open(funds=1000), books.open("AGENT", funds=500)
    books.must(pay(alice, agent, 100, usage=(counted(alice, 100),)))
    books.must(pay(alice, Instance("VOUCHER_ESCROW", "KES"), 10))
    kept, ended = hold(alice, agent, 5), hold(alice, agent, 7, usage=(counted(alice, 7),))
    books.must(kept)
    books.must(ended)
    books.must(posting(kind=Kind.VOID, txn=ended.txn, step=2, hold_step=1))
    books.post(pay(agent, alice, 10**9))
    return books


def test_books_that_were_only_posted_to_hold_every_invariant(busy: Books) -> None:
    assert broken(busy) == {}
    assert all(check.checked > 0 for check in verify(busy.connection))


@pytest.mark.parametrize("name", [invariant.name for invariant in INVARIANTS])
@pytest.mark.case("I12")
def test_a_planted_violation_is_named(busy: Books, name: str) -> None:
    busy.connection.execute("SET session_replication_role = replica")  # no triggers
    busy.connection.execute(PLANTED[name].encode())
    busy.connection.execute("RESET session_replication_role")

    found = broken(busy)

    assert name in found
    assert found[name].rows


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        ("GRANT UPDATE ON ledger.account TO mmo_as_poster", "mmo_as_poster may write"),
        ("ALTER TABLE ledger.entry_default DISABLE TRIGGER append_only", "not append-only"),
        ("ALTER TABLE ledger.journal DROP CONSTRAINT journal_pkey CASCADE", "no unique key"),
    ],
)
def test_a_door_left_open_is_named(busy: Books, tampering: str, said: str) -> None:
    busy.connection.execute(tampering.encode())

    assert said in {row["what"] for row in broken(busy)["one_outcome"].rows}


def test_all_violations_are_counted_and_the_first_are_shown(books: Books) -> None:
    for _ in range(25):
        books.open("AGENT")
    books.connection.execute("UPDATE ledger.account SET posted = 1 WHERE code = 'AGENT'")

    check = broken(books)["posted"]

    assert (check.violations, len(check.rows)) == (25, 20)


def test_another_tenants_violations_are_not_named(busy: Books) -> None:
    busy.connection.execute("UPDATE ledger.account SET posted = posted + 1 WHERE code = 'AGENT'")

    own = verify(busy.connection, tenant=busy.tenant)
    others = verify(busy.connection, tenant=busy.tenant + 1)

    assert {check.invariant.name for check in own if not check.holds} >= {"total", "posted"}
    assert all(check.holds for check in others)
