"""Opening a town over the API: parties and wallets, prices, limits, rules and money."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx

from tests.day.asking import Door, Person
from tests.day.bank import Bank
from tests.day.model import POOL, TRUST, Account, Books, earned, moved
from tests.day.money import CURRENCY
from tests.day.prices import ASKED_FROM, LIMITS, TARIFFS, price

OWN = ("movements:read", "wallets:read")
MAY = {
    "customer": (
        *OWN, "movements:p2p-transfer", "movements:cash-out", "movements:merchant-payment",
        "movements:voucher", "movements:payment-request:answer", "movements:escrow",
        "movements:escrow:release",
    ),
    "agent": (*OWN, "movements:cash-in", "movements:voucher:redeem", "movements:commission-payout"),
    "merchant": (
        *OWN, "movements:refund", "movements:payment-request", "movements:escrow:cancel",
    ),
    "super_agent": (*OWN, "movements:float-top-up", "movements:emoney-redemption",
                    "movements:commission-payout"),
}  # fmt: skip
CODES = {"customer": "CUSTOMER", "agent": "AGENT_FLOAT", "merchant": "MERCHANT",
         "super_agent": "SUPER_FLOAT"}  # fmt: skip
EARNS = {"agent": "AGENT_COMM", "super_agent": "SUPER_COMM"}
ISSUED, POOLED, FLOAT, POCKET = 1_000_000_000_00, 5_000_000_00, 20_000_000_00, 60_000_00
MANAGER = "day-manager"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Somebody with a wallet."""

    person: Person
    kind: str
    wallet: str
    party: str

    @property
    def account(self) -> Account:
        return Account(CODES[self.kind], self.wallet)

    @property
    def commission(self) -> Account:
        return Account(EARNS[self.kind], self.wallet)


@dataclass(slots=True)
class Town:
    """One tenant, its people, and what they write down."""

    door: Door
    books: Books = field(default_factory=Books)
    bank: Bank = field(default_factory=Bank)
    holders: list[Holder] = field(default_factory=list[Holder])
    staff: Person = field(init=False)
    checker: Person = field(init=False)
    """The second person wherever one is needed."""
    manager: Person = field(init=False)
    """Decides about large transfers."""
    chief: Holder = field(init=False)
    """The super-agent above all agents."""
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    async def open(self) -> None:
        """Set terms and rules, and let there be money."""
        self.staff = Person(self.door, "day-staff")
        self.checker = Person(self.door, "day-checker")
        await self._agree_on_terms()
        self.manager = await self._employ()
        await self._ask_managers()
        self.chief = await self.holder("super_agent")
        await self._fund()

    def msisdn(self) -> str:
        """A number that nobody has yet."""
        return f"+2547{next(self._numbers):08}"

    async def holder(self, kind: str, msisdn: str = "") -> Holder:
        """A new party, and its wallet."""
        msisdn = msisdn or self.msisdn()
        person = Person(self.door, f"day-{kind}-{msisdn[1:]}", MAY[kind])
        party = await self._party(kind, msisdn)
        body = {"kind": kind, "msisdn": msisdn, "currency": CURRENCY, "name": "A name",
                "owner": person.subject, "party": party}  # fmt: skip
        wallet = await self.staff.post("/v1/wallets", body, **{"Idempotency-Key": msisdn[1:]})
        found = Holder(person=person, kind=kind, wallet=_made(wallet)["id"], party=party)
        self.holders.append(found)
        return found

    async def _party(self, kind: str, msisdn: str) -> str:
        """An active party, proved as far as the limits want it; agents are below the chief."""
        body = {
            "kind": "subscriber" if kind == "customer" else kind, "language": "sw",
            "person": {"name": "A name", "msisdn": msisdn},
            **({"parent": self.chief.party} if kind == "agent" else {}),
        }  # fmt: skip
        party = _made(await self.staff.post("/v1/parties", body, **{"Idempotency-Key": msisdn[1:]}))
        await self.staff.post(f"/v1/parties/{party['id']}/activate")
        why = {"reason": "seen in person", "tier": 1}
        verified = await self.staff.post(f"/v1/parties/{party['id']}/verify", why)
        assert verified.status_code == 200, verified.text
        return party["id"]

    async def _agree_on_terms(self) -> None:
        """Prices and limits: one sets them, another approves."""
        for movement, content in TARIFFS.items():
            body = {"movement": movement, "currency": CURRENCY, "title": "Prices of the day",
                    "content": {"currency": CURRENCY, **content}}  # fmt: skip
            await self._term("/v1/tariffs", body)
        await self._term("/v1/limit-profiles", {
            "wallet_kind": "customer", "tier": 1, "currency": CURRENCY, "title": "Tier 1",
            "content": LIMITS,
        })  # fmt: skip

    async def _term(self, path: str, body: dict[str, Any]) -> None:
        made = _made(await self.staff.post(path, body))
        yes = {"number": 1, "decision": "approve"}
        approved = await self.checker.post(f"{path}/{made['id']}/decisions", yes)
        assert approved.json()["state"] == "active", approved.text

    async def _employ(self) -> Person:
        """A manager: a user whose role one asked for, and another activated."""
        role = _made(await self.staff.post(
            "/v1/identity/roles", {"name": MANAGER, "permissions": ["approvals:decide"]}
        ))  # fmt: skip
        guest = {"username": "manager", "name": "Manager", "home": "super/manager"}
        user = _made(await self.staff.post("/v1/identity/users", guest))
        path = f"/v1/identity/users/{user['id']}/roles/{role['id']}"
        await self.staff.ask("PUT", path, None)
        given = await self.checker.post(f"{path}/activate")
        assert given.status_code == 200, given.text
        return Person(self.door, user["id"], ["approvals:decide"], (MANAGER,))

    async def _ask_managers(self) -> None:
        """Large transfers wait for a manager."""
        bands = [{"fromMinor": ASKED_FROM, "toMinor": None, "roles": [MANAGER]}]
        rule = _made(await self.staff.post("/bep/data-driven-authorisation", {
            "entity": "wallet", "event": "transfer",
            "data": {"currency": CURRENCY, "completeness": "contiguous", "subject": "approver",
                     "bands": bands},
        }))  # fmt: skip
        approved = await self.checker.post(f"/v1/bep/definitions/{rule['id']}/approve")
        assert approved.json()["state"] == "active", approved.text

    async def _fund(self) -> None:
        """Clients' money arrives at the bank, and the operator's own for commissions."""
        about = {"recipient": self.chief.wallet, "bank_reference": self.bank.books(ISSUED)}
        _made(await self.staff.move("emoney-issuance", ISSUED, about))
        self.books.post(moved(TRUST, self.chief.account, ISSUED))
        about = {"pool": "commission", "bank_reference": self.bank.books(POOLED)}
        _made(await self.staff.move("pool-funding", POOLED, about))
        self.books.post(moved(TRUST, POOL, POOLED))

    async def give_float(self, agent: Holder) -> None:
        """The super-agent lets an agent have something to trade with."""
        about = {"payer": self.chief.wallet, "payee": agent.wallet}
        _made(await self.chief.person.move("float-top-up", FLOAT, about))
        self.books.post(moved(self.chief.account, agent.account, FLOAT))

    async def fill_pocket(self, agent: Holder, customer: Holder) -> None:
        """A customer's first cash-in."""
        about = {"agent": agent.wallet, "customer": customer.wallet}
        _made(await agent.person.move("cash-in", POCKET, about))
        self.books.post(
            moved(agent.account, customer.account, POCKET),
            earned(agent.commission, self.chief.commission, price("cash-in", POCKET)),
        )


def _made(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    return answer.json()
