"""Whatever is asked, in whatever batches, the ledger answers like the model and keeps its books."""

import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from mmo.ledger.posting import Instance, Kind, Leg, Posting, UsageRow
from mmo.ledger.recorded import Recorded, Stale
from mmo.ledger.refusals import LedgerRefusal
from mmo.ledger.verify import verify
from tests.mmo.ledger.books import TODAY, Books, batch, posting
from tests.mmo.ledger.model import ACCEPTED, LIMITLESS, REUSED, STALE, Account, Model
from tests.servers.postgres import Database

ACCOUNTS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"floor": -300},
    {"ceiling": 700},
    {"currency": "USD"},
    {"book": "C"},
    {"code": "OP.FEES", "deferred": True},
    {"code": "FX_POSITION", "deferred": True},
    {"code": "FX_POSITION", "currency": "USD", "deferred": True},
)
UNKNOWN = 10**9
AMOUNTS = st.sampled_from([1, 7, 50, 200, 450, 900])
PEOPLE = st.integers(0, 3)
OFTEN = {ACCEPTED, STALE, REUSED, *LedgerRefusal} - {"unbalanced", "amount_invalid"}
"""Every end of a request that a posting can meet; the other two cannot be made."""
RARELY = st.integers(0, 9).map(lambda n: n == 0)


class LedgerMachine(RuleBasedStateMachine):
    """Asks the ledger and the model the same, in batches of up to twenty requests."""

    connection: psycopg.Connection[Any]
    seen: Counter[tuple[str, str | None]]
    tenants = itertools.count(100)

    def __init__(self) -> None:
        super().__init__()
        self.books = Books(self.connection, next(self.tenants))
        self.model = Model()
        self.model.accounts[self.books.trust] = Account("EKES", deferred=True)
        self.ids = [self._open(**of) for of in ACCOUNTS]
        self.asked: list[Posting] = []
        for person in self.ids[:4]:
            self._post([self._between(self.books.trust, person, 500)])

    def _open(self, **of: Any) -> int:
        number = self.books.open(**of)
        self.model.accounts[number] = Account(
            of.get("book", "E") + of.get("currency", "KES"),
            of.get("deferred", False),
            of.get("floor", 0),
            of.get("ceiling", LIMITLESS),
        )
        return number

    def _posting(self, *legs: Leg, **more: Any) -> Posting:
        return posting(*legs, tenant_id=self.books.tenant, **more)

    def _between(self, payer: int | Instance, payee: int | Instance, n: int, **m: Any) -> Posting:
        return self._posting(Leg(account=payer, amount=-n), Leg(account=payee, amount=n), **m)

    def _post(self, asked: list[Posting]) -> None:
        """Post what may stand in one batch, and compare each answer with the model's."""
        together = list({one.txn: one for one in asked}.values())
        wanted = [self.model.post(one) for one in together]
        answers = batch(self.connection, together)
        for one, want, got in zip(together, wanted, answers, strict=True):
            match got:
                case Recorded():
                    said = got.refusal
                case Stale():
                    said = STALE
                case _:
                    said = REUSED
            assert said == want, (one, want, got)
            self.seen[one.kind.name, said] += 1
        self.asked += together

    @rule(data=st.data(), size=st.integers(1, 6))
    def ask_several_at_once(self, data: st.DataObject, size: int) -> None:
        self._post([self._any(data) for _ in range(size)])

    @rule(data=st.data())
    def ask_many_at_once(self, data: st.DataObject) -> None:
        self._post([self._any(data) for _ in range(20)])

    @rule(data=st.data())
    def ask_once(self, data: st.DataObject) -> None:
        self._post([self._any(data)])

    def _any(self, data: st.DataObject) -> Posting:
        kinds = [self._payment, self._priced, self._holding, self._ending, self._exchange]
        kinds += [self._odd, self._again, self._escrow, self._holding, self._ending]
        return data.draw(st.sampled_from(kinds))(data)

    def _two(self, data: st.DataObject) -> tuple[int, int]:
        payer, payee = data.draw(st.tuples(PEOPLE, PEOPLE).filter(lambda two: two[0] != two[1]))
        return self.ids[payer], self.ids[payee]

    def _usage(self, data: st.DataObject, account: int, amount: int) -> tuple[UsageRow, ...]:
        rows = st.builds(
            UsageRow,
            account=st.sampled_from([account, *self.ids[:4]]),
            bucket=st.integers(1, 2),
            period=st.sampled_from([TODAY, TODAY - timedelta(days=1)]),
            amount=st.just(amount),
            cap_amount=st.sampled_from([None, 400, 1000]),
            cap_n=st.sampled_from([None, 1, 3]),
            refusal=st.sampled_from(["daily_limit_exceeded", "monthly_limit_exceeded"]),
        )
        return tuple(data.draw(st.lists(rows, max_size=3)))

    def _versions(self, data: st.DataObject) -> dict[str, Any]:
        return {"rules_version": data.draw(st.sampled_from([None, self.model.rules, 10**6]))}

    def _payment(self, data: st.DataObject) -> Posting:
        payer, payee = self._two(data)
        amount = data.draw(AMOUNTS)
        usage = self._usage(data, payer, amount)
        asked = self._between(payer, payee, amount, usage=usage, **self._versions(data))
        facts = self.model.accounts[payer].facts + data.draw(RARELY)
        return replace(asked, legs=(replace(asked.legs[0], facts_version=facts), *asked.legs[1:]))

    def _priced(self, data: st.DataObject) -> Posting:
        payer, payee = self._two(data)
        amount, fees = data.draw(AMOUNTS), self.ids[6]
        return self._posting(
            Leg(account=payer, amount=-amount - 9),
            Leg(account=payee, amount=amount),
            Leg(account=fees, amount=4),
            Leg(account=fees, amount=5),
        )

    def _exchange(self, data: st.DataObject) -> Posting:
        payer, amount = self.ids[data.draw(PEOPLE)], data.draw(AMOUNTS)
        return self._posting(
            Leg(account=payer, amount=-amount),
            Leg(account=self.ids[7], amount=amount),
            Leg(account=self.ids[8], amount=-amount),
            Leg(account=self.ids[4], amount=amount),
        )

    def _odd(self, data: st.DataObject) -> Posting:
        other = data.draw(st.sampled_from([self.ids[4], self.ids[5], UNKNOWN, -UNKNOWN]))
        if data.draw(RARELY):
            return self._posting(kind=Kind.REFUSE, refusal="flagged", **self._versions(data))
        return self._between(self.ids[data.draw(PEOPLE)], other, data.draw(AMOUNTS))

    def _holding(self, data: st.DataObject) -> Posting:
        payer, payee = self._two(data)
        amount = data.draw(AMOUNTS)
        legs = [Leg(account=payer, amount=-amount, reserve=True), Leg(account=payee, amount=amount)]
        if data.draw(st.booleans()):
            third = self.ids[data.draw(PEOPLE)]
            legs += [
                Leg(account=third, amount=-3, reserve=True),
                Leg(account=self.ids[6], amount=3),
            ]
        usage = self._usage(data, payer, amount)
        return self._posting(*legs, kind=Kind.HOLD, usage=usage)

    def _ending(self, data: st.DataObject) -> Posting:
        holds = [one for one in self.asked if one.kind is Kind.HOLD]
        if not holds:
            return self._holding(data)
        held = data.draw(st.sampled_from(holds[-8:]))
        same = {"txn": held.txn, "step": data.draw(st.integers(2, 30)), "hold_step": 1}
        kind = data.draw(st.sampled_from([Kind.CAPTURE, Kind.CAPTURE, Kind.VOID, Kind.EXPIRE]))
        if kind is not Kind.CAPTURE:
            return self._posting(kind=kind, **same)
        payer, payee, amount = held.legs[0].account, held.legs[1].account, held.legs[1].amount
        taken = data.draw(st.sampled_from([amount, max(1, amount // 2), amount + 5]))
        return self._between(payer, payee, taken, kind=kind, **same)

    def _escrow(self, data: st.DataObject) -> Posting:
        """Put money into an escrow of the movement, or take it out of one again."""
        escrow = Instance("ESCROW", data.draw(st.sampled_from(["KES", "KES", "USD"])))
        person, amount = self.ids[data.draw(PEOPLE)], data.draw(AMOUNTS)
        issued = [
            one for one in self.asked if isinstance(one.legs and one.legs[1].account, Instance)
        ]
        if not issued or data.draw(st.booleans()):
            return self._between(person, escrow, amount)
        first = data.draw(st.sampled_from(issued[-4:]))
        same = {"txn": first.txn, "step": data.draw(st.integers(2, 30))}
        return self._between(first.legs[1].account, person, first.legs[1].amount, **same)

    def _again(self, data: st.DataObject) -> Posting:
        """Repeat an earlier request, now and then as another one under its key."""
        earlier = data.draw(st.sampled_from(self.asked))
        return replace(earlier, fingerprint=b"other") if data.draw(RARELY) else earlier

    @rule(person=PEOPLE, state=st.sampled_from([0, 0, 0, 0, 1, 2, 3]))
    def change_a_state(self, person: int, state: int) -> None:
        self.books.state(self.ids[person], state)
        account = self.model.accounts[self.ids[person]]
        account.state, account.facts = state, account.facts + 1

    @rule()
    def close_an_empty_account(self) -> None:
        number = self._open()
        self.books.state(number, 4)
        self.model.accounts[number].state, self.model.accounts[number].facts = 4, 1
        self._post([self._between(self.books.trust, number, 1)])

    @rule()
    def activate_a_rule(self) -> None:
        self.model.rules = self.books.one("SELECT ledger.raise_rules(%s)", self.books.tenant)

    @rule()
    def roll_up(self) -> None:
        self.books.one("SELECT ledger.rollup()")

    @invariant()
    def balances_and_holds_are_the_models(self) -> None:
        rows = self.connection.execute(
            "SELECT b.account_id, b.posted, b.held, a.instance_txn FROM ledger.balance b"
            " JOIN ledger.account a ON (a.tenant_id, a.id) = (b.tenant_id, b.account_id)"
            " WHERE b.tenant_id = %s",
            [self.books.tenant],
        ).fetchall()
        known = {number: (posted, held) for number, posted, held, txn in rows if txn is None}
        numbered = {n: a for n, a in self.model.accounts.items() if isinstance(n, int)}
        assert known == {n: (a.posted, a.held) for n, a in numbered.items()}
        escrows = sorted(posted for _, posted, _, txn in rows if txn and posted)
        instances = [a for n, a in self.model.accounts.items() if not isinstance(n, int)]
        assert escrows == sorted(a.posted for a in instances if a.posted)
        used = self.connection.execute(
            "SELECT account_id, bucket, period, amount, n FROM ledger.usage WHERE tenant_id = %s",
            [self.books.tenant],
        )
        counted = {(a, b, p): [amount, n] for a, b, p, amount, n in used if amount or n}
        assert counted == {key: of for key, of in self.model.used.items() if any(of)}


@contextmanager
def machine_on(database: Database) -> Iterator[type[LedgerMachine]]:
    with psycopg.connect(database.admin, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        yield type("LedgerMachine", (LedgerMachine,), {"connection": connection, "seen": Counter()})


@pytest.mark.case("G2")
@pytest.mark.timeout(120)
def test_the_ledger_is_the_model(database: Database) -> None:
    quick = settings(
        max_examples=120,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    with machine_on(database) as machine:
        run_state_machine_as_test(machine, settings=quick)
        checks = verify(machine.connection)

    assert OFTEN - {said for _, said in machine.seen} == set()
    assert [check for check in checks if not check.holds] == []
    assert {c.invariant.name for c in checks if not c.checked} == set()
