"""What terms cost from outside: a cash-out with all of them, and a bare transfer, in turns."""

import random
import uuid
from collections.abc import Sequence
from statistics import median
from typing import Any

import httpx

from benchmarks.movements import Run, measure, transfers
from benchmarks.people import People
from benchmarks.stack import Stack

BARE = "transfer, bare"
PRICED = "cash-out, priced, limited, commissioned"
GOAL = 0.85
AGENTS = 16
POOL = "1000000.00"
TARIFF: dict[str, Any] = {
    "currency": "KES",
    "charges": [
        {"name": "fee", "payer": "sender", "tax": "0.20",
         "schedule": {"kind": "percent", "rate": "0.0125", "floor": "0.05", "cap": "300.00"}}
    ],
    "levy": {"rate": "0.002", "cap": "50.00"},
    "commission": {
        "schedule": {"kind": "percent", "rate": "0.05"},
        "split": [{"role": "agent", "share": "0.8"}, {"role": "super-agent", "share": "0.2"}],
        "withholding": "0.05",
    },
}  # fmt: skip
LIMITS: dict[str, Any] = {
    "currency": "KES",
    "limits": [
        {"direction": "out", "movement": "cash-out", "max": "70000.00",
         "daily": {"value": "10000000.00", "count": 1_000_000},
         "monthly": {"value": "100000000.00"}}
    ],
}  # fmt: skip


class Office:
    """The back office of the measurement: sets terms, and opens agents below a super-agent."""

    def __init__(self, people: People, http: httpx.AsyncClient) -> None:
        self._people = people
        self._http = http
        self._run = random.SystemRandom().randrange(10**5)
        self._opened = 0

    async def settle(self) -> list[str]:
        """Let cash-outs have terms, and money for commissions; the agents' wallets."""
        about = {"movement": "cash-out", "currency": "KES", "title": "Bench", "content": TARIFF}
        await self._post("/v1/tariffs", about, there=409)
        limits = {"wallet_kind": "customer", "tier": 1, "currency": "KES", "title": "Bench"}
        await self._post("/v1/limit-profiles", {**limits, "content": LIMITS}, there=409)
        funding = {"pool": "commission", "bank_reference": "BENCH",
                   "amount": {"value": POOL, "currency": "KES"}}  # fmt: skip
        await self._post("/v1/movements/pool-funding", funding)
        chief, _ = await self._holder("super_agent")
        return [(await self._holder("agent", parent=chief))[1] for _ in range(AGENTS)]

    async def _holder(self, kind: str, **more: str) -> tuple[str, str]:
        """A party and its wallet."""
        self._opened += 1
        msisdn = f"+2541{self._run:05}{self._opened:03}"
        person = {"name": "Bench", "msisdn": msisdn}
        party = await self._post(
            "/v1/parties", {"kind": kind, "language": "en", "person": person, **more}
        )
        await self._post(f"/v1/parties/{party['id']}/activate", None)
        wallet = await self._post(
            "/v1/wallets",
            {"kind": kind, "currency": "KES", "msisdn": msisdn, "name": "Bench", "owner": "bench",
             "party": party["id"]},
        )  # fmt: skip
        return party["id"], wallet["id"]

    async def _post(self, path: str, body: Any, there: int = 201) -> dict[str, Any]:
        headers = self._people.headers("operator", uuid.uuid4().hex)
        answer = await self._http.post(path, json=body, headers=headers)
        assert answer.status_code in (200, 201, there), answer.text
        return answer.json()


def cash_outs(people: People, agents: Sequence[str]) -> list[dict[str, Any]]:
    """Cash-outs of customers, each asked for by the one who pays."""
    once, chance = uuid.uuid4().hex[:12], random.Random(7)
    return [
        {
            "method": "POST",
            "path": "/v1/movements/cash-out",
            "headers": people.headers(payer.subject, f"{once}-{{n}}"),
            "body": {
                "customer": payer.wallet,
                "agent": chance.choice(agents),
                "amount": {"value": "1.00", "currency": "KES"},
            },
        }
        for payer in people.customers * 4
    ]


async def rounds(
    stack: Stack, people: People, callers: list[int], seconds: float, number: int
) -> list[list[Run]]:
    """Measure in turns, each first once: both shall meet the same neighbours."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{stack.port}", timeout=30) as http:
        agents = await Office(people, http).settle()
    found: list[list[Run]] = []
    for turn in range(number):
        one: list[Run] = []
        for many in callers:
            loads = {BARE: transfers(people), PRICED: cash_outs(people, agents)}
            one += [
                await measure(stack, what, many, seconds, loads[what])
                for what in (BARE, PRICED)[:: 1 if turn % 2 else -1]
            ]
        found.append(sorted(one, key=lambda run: (run.callers, run.what == PRICED)))
    return found


def sentences(done: list[list[Run]], callers: list[int]) -> str:
    """The ratio of rates, and where the processor time goes."""
    told: list[str] = []
    for many in callers:
        pairs = [(_of(runs, BARE, many), _of(runs, PRICED, many)) for runs in done]
        each = [round(priced.rate / bare.rate, 2) for bare, priced in pairs]
        more = {
            name: round(median(p.cpu_ms[name] - b.cpu_ms[name] for b, p in pairs), 2)
            for name in pairs[0][0].cpu_ms
        }
        told.append(
            f"{many} callers: {median(each):.2f} of the bare transfer's rate (goal {GOAL}; "
            f"rounds {each}), more CPU ms a movement: {more}"
        )
    return "\n".join(told)


def _of(runs: list[Run], what: str, callers: int) -> Run:
    return next(run for run in runs if (run.what, run.callers) == (what, callers))
