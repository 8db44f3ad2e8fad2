"""The ledger once more, in plain Python and one by one: the real one must equal it."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from mmo.ledger.posting import Instance, Kind, Leg, Posting

ACCEPTED = None
STALE, REUSED = "(stale)", "(key reused)"
LIMITLESS = 2 * 10**18


@dataclass
class Account:
    unit: str
    deferred: bool = False
    floor: int = 0
    ceiling: int = LIMITLESS
    posted: int = 0
    held: int = 0
    state: int = 0
    facts: int = 0

    @property
    def available(self) -> int:
        return self.posted - self.held - self.floor

    def forbids(self, amount: int) -> bool:
        return self.state >= 3 or self.state == (1 if amount < 0 else 2)


@dataclass
class Hold:
    amounts: dict[int, int]
    usage: list[tuple[tuple[int, int, date], int, int]]
    open: bool = True


@dataclass
class Model:
    """Balances, holds, counters and outcomes; `post` answers the refusal, STALE, REUSED or None."""

    accounts: dict[int | tuple[UUID, Instance], Account] = field(default_factory=dict)
    holds: dict[tuple[UUID, int], Hold] = field(default_factory=dict)
    used: dict[tuple[int, int, date], list[int]] = field(
        default_factory=lambda: defaultdict(lambda: [0, 0])
    )
    outcomes: dict[tuple[UUID, int], tuple[str | None, bytes]] = field(default_factory=dict)
    rules: int = 0

    def post(self, asked: Posting) -> str | None:
        key = (asked.txn, asked.step)
        if key in self.outcomes:
            outcome, fingerprint = self.outcomes[key]
            return outcome if fingerprint == asked.fingerprint else REUSED
        if asked.rules_version not in (None, self.rules):
            return STALE
        outcome = self._decide(asked)
        if outcome != STALE:
            self.outcomes[key] = (outcome, asked.fingerprint)
        return outcome

    def account(self, asked: Posting, leg: Leg) -> Account | None:
        """The account of a leg; an instance is opened by its name."""
        if isinstance(leg.account, int):
            return self.accounts.get(leg.account)
        unit = leg.account.book + leg.account.currency
        return self.accounts.setdefault((asked.txn, leg.account), Account(unit))

    def _decide(self, asked: Posting) -> str | None:
        if asked.kind is Kind.REFUSE:
            return asked.refusal
        ended = self.holds.get((asked.txn, asked.hold_step)) if asked.hold_step else None
        if asked.hold_step:
            if ended is None:
                return "hold_not_found"
            if not ended.open:
                return "hold_closed"
        refusal = self._legs_refused(asked)
        if refusal:
            return refusal
        before = {id(a): (a, a.posted, a.held) for a in self.accounts.values()}
        refusal = self._moved(asked, ended) or self._counted(asked)
        if refusal:
            for account, posted, held in before.values():
                account.posted, account.held = posted, held
            return refusal
        if ended:
            ended.open = False
        if ended and asked.kind is not Kind.CAPTURE:
            self._give_back(ended)
        return ACCEPTED

    def _legs_refused(self, asked: Posting) -> str | None:
        """What forbids the legs by themselves, before any balance is looked at."""
        pairs = [(leg, self.account(asked, leg)) for leg in asked.legs]
        if any(
            account and leg.facts_version not in (None, account.facts) for leg, account in pairs
        ):
            return STALE
        sums: dict[str, int] = defaultdict(int)
        for leg, account in pairs:
            if account is None:
                return "wallet_not_found"
            if account.forbids(leg.amount):
                return "wallet_closed" if account.state == 4 else "wallet_frozen"
            sums[account.unit] += leg.amount
        return "currency_mismatch" if any(sums.values()) else None

    def _moved(self, asked: Posting, ended: Hold | None) -> str | None:
        """Move the money, and say what forbids the balances it leaves."""
        holding = asked.kind is Kind.HOLD
        for number, amount in (ended.amounts if ended else {}).items():
            debits = -sum(
                leg.amount for leg in asked.legs if leg.account == number > 0 > leg.amount
            )
            if asked.kind is Kind.CAPTURE and debits > amount:
                return "capture_exceeds_hold"
            self.accounts[number].held -= amount
        pairs = [(leg, self.account(asked, leg)) for leg in asked.legs]
        moving = [(leg, account) for leg, account in pairs if leg.reserve or not holding]
        for leg, account in moving:
            assert account
            account.held -= leg.amount if holding else 0
            account.posted += 0 if holding else leg.amount
        for leg, account in moving:
            assert account
            if leg.amount < 0 and account.available < 0 and not account.deferred:
                return "insufficient_funds"
            if leg.amount > 0 and account.posted > account.ceiling and not account.deferred:
                return "balance_ceiling_exceeded"
        return None

    def _counted(self, asked: Posting) -> str | None:
        """Count, and remember with a hold what it holds; nothing is counted past a cap."""
        rows = [((row.account, row.bucket, row.period), row) for row in asked.usage]
        new = {key: list(self.used[key]) for key, _ in rows}
        for key, row in rows:
            new[key][0] += row.amount
            new[key][1] += row.n
            if row.account not in self.accounts:
                return "wallet_not_found"
            if new[key][0] > (row.cap_amount if row.cap_amount is not None else LIMITLESS):
                return row.refusal
            if new[key][1] > (row.cap_n if row.cap_n is not None else LIMITLESS):
                return row.refusal
        self.used.update(new)
        if asked.kind is Kind.HOLD:
            amounts: dict[int, int] = defaultdict(int)
            for leg in asked.legs:
                if leg.reserve and isinstance(leg.account, int):
                    amounts[leg.account] -= leg.amount
            counted = [(key, row.amount, row.n) for key, row in rows]
            self.holds[asked.txn, asked.step] = Hold(dict(amounts), counted)
        return ACCEPTED

    def _give_back(self, ended: Hold) -> None:
        for key, amount, n in ended.usage:
            self.used[key][0] -= amount
            self.used[key][1] -= n
