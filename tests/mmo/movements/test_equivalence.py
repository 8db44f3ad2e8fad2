"""Commands at once give the books that the same commands give one after the other."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activities.movements import StaleFactsError
from mmo.books.verify import INVARIANTS
from mmo.kernel.refusals import Refused
from mmo.ledger.verify import verify
from mmo.movements.support.outcome import Outcome, Posted, Request
from tests.mmo.movements.test_terms_in_force import put
from tests.mmo.moving import asking, operator, passed, rows
from tests.servers.postgres import Database
from tests.support.forced_batches import ForcedBatches
from tests.workflows.house import TENANT, House
from workers.watch import Watch

EXAMPLES = 12
PAID = {
    "merchant-payment": {"customer": "payer", "merchant": "payee"},
    "p2p-transfer": {"sender": "payer", "recipient": "payee"},
    "cash-out": {"customer": "payer", "agent": "payee"},
}
PAYEE_KINDS = {"merchant-payment": "merchant", "p2p-transfer": "customer", "cash-out": "agent"}
FEE = {"name": "fee", "payer": "receiver", "schedule": {"kind": "percent", "rate": "0.013"},
       "tax": "0.20"}  # fmt: skip
TARIFFS = {
    "merchant-payment": {"charges": [FEE]},
    "p2p-transfer": {"charges": [FEE | {"payer": "sender"}]},
    "cash-out": {
        "charges": [FEE | {"payer": "sender"}],
        "commission": {
            "schedule": {"kind": "percent", "rate": "0.007"},
            "split": [{"role": "agent", "share": "0.8"}, {"role": "super-agent", "share": "0.2"}],
            "withholding": "0.05",
        },
    },
}  # fmt: skip


class Operator:
    """Books, activities in forced batches, and a new pair of wallets for each example."""

    def __init__(self, opened: House, batches: ForcedBatches) -> None:
        self.opened = opened
        self.batches = batches
        self.pairs = 0

    async def pair(self, payee_kind: str) -> dict[str, str]:
        """Two wallets that nobody has used."""
        self.pairs += 1
        names = {"payer": f"payer{self.pairs}", "payee": f"payee{self.pairs}"}
        kinds = {"payer": "customer", "payee": payee_kind}
        for place, (role, name) in enumerate(names.items()):
            number = f"+2547{place + 1}{self.pairs:07d}"
            await self.opened.open_wallet(name, kinds[role], number)
        return names

    async def does(self, kind: str, value: str, **parties: str) -> Request:
        asked = await asking(self.opened, kind, value, **parties)
        outcome = await self.execute(asked)
        assert isinstance(outcome, Posted), outcome
        return asked

    async def execute(self, asked: Request) -> Outcome:
        """Execute, and again where the facts changed under each attempt, as Temporal does."""
        while True:
            with suppress(StaleFactsError):
                return await self.batches.activities.execute(asked)

    async def balances(self, names: dict[str, str]) -> dict[str, int]:
        return {role: await self.opened.holds(name) for role, name in names.items()}


@pytest.fixture(scope="module")
async def at_once(
    new_database: Callable[[], Database], tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Operator]:
    keys: Path = tmp_path_factory.mktemp("keys")
    async with operator(new_database(), keys) as opened:
        for kind, content in TARIFFS.items():
            await put(opened, "tariff", {"movement": kind}, **content)
        batches = ForcedBatches(opened.pool)
        found = Operator(opened, batches)
        issue = await asking(
            opened, "emoney-issuance", "1000000", recipient="super", bank_reference="BANK 2"
        )
        await opened.activities.execute(issue)
        await opened.prove(issue, "release", "release")
        await opened.activities.execute(issue.then(2))
        await found.does("float-top-up", "1000000", payer="super", payee="agent")
        await found.does("pool-funding", "1000", pool="commission", bank_reference="B C")
        yield found
        await batches.close()


def what(outcome: Outcome) -> str:
    return outcome.code if isinstance(outcome, Refused) else outcome.outcome


def money(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"


@st.composite
def scenarios(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]]]:
    """A kind of payment of 100.00, and what is asked to come back of it at the same moment."""
    kind = draw(st.sampled_from(sorted(PAID)))
    piece = st.fixed_dictionaries(
        {
            "kind": st.sampled_from(
                ["refund", "reversal"] if kind == "merchant-payment" else ["reversal"]
            ),
            "minor": st.one_of(st.sampled_from([3000, 700, 10000, 1]), st.integers(1, 10000)),
            "fees": st.sampled_from([None, "kept"]),
            "if_short": st.sampled_from([None, None, "lien"]),
        }
    )
    return kind, draw(st.lists(piece, min_size=2, max_size=12))


async def taken_back(
    at_once: Operator,
    kind: str,
    pieces: Sequence[dict[str, Any]],
    order: Sequence[int] | None,
    alice_pays: str = "",
) -> tuple[list[str], list[int], dict[str, int]]:
    """Outcomes, the order in which the books took them, and the balances; all at once where no
    order is given."""
    names = await at_once.pair(PAYEE_KINDS[kind])
    await at_once.does("cash-in", "1000", agent="agent", customer=names["payer"])
    parties = {field: names[role] for field, role in PAID[kind].items()}
    paid = await at_once.does(kind, "100.00", **parties)
    if alice_pays:  # so that the payee could return more than it got of the payer
        await at_once.does(kind, alice_pays, customer="alice", merchant=names["payee"])
    asked: list[Request] = []
    for piece in pieces:
        more = {name: piece[name] for name in ("fees", "if_short") if piece[name]}
        if piece["kind"] == "refund":
            more = {}
        asked.append(
            await asking(
                at_once.opened, piece["kind"], money(piece["minor"]),
                original=paid.envelope.movement, payer=names["payee"], payee=names["payer"], **more,
            )
        )  # fmt: skip
    execute = at_once.execute
    if order is None:
        outcomes = await at_once.batches.together([execute(one) for one in asked])
        if len(asked) > 2:
            assert max(at_once.batches.facts.sizes) > 1, "nothing was asked at once"
    else:
        done = {place: await execute(asked[place]) for place in order}
        outcomes = [done[place] for place in range(len(asked))]
    numbers = await rows(
        at_once.opened.pool,
        "SELECT txn::text, min(seq) FROM ledger.journal WHERE txn::text = ANY (%s) GROUP BY txn",
        [one.envelope.movement for one in asked],
    )
    by_txn = dict(numbers)
    found = sorted(range(len(asked)), key=lambda place: by_txn[asked[place].envelope.movement])
    return [what(one) for one in outcomes], found, await at_once.balances(names)


async def in_turns(
    at_once: Operator, kind: str, pieces: Sequence[dict[str, Any]], order: Sequence[int]
) -> tuple[list[str], dict[str, int]]:
    outcomes, _, balances = await taken_back(at_once, kind, pieces, order)
    return outcomes, balances


@given(scenario=scenarios())
@settings(
    max_examples=EXAMPLES, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
async def test_what_comes_back_at_once_is_what_comes_back_in_some_order(
    at_once: Operator, scenario: tuple[str, list[dict[str, Any]]]
) -> None:
    kind, pieces = scenario

    outcomes, order, balances = await taken_back(at_once, kind, pieces, None)

    assert (outcomes, balances) == await in_turns(at_once, kind, pieces, order)
    assert await rows(at_once.opened.pool, "SELECT * FROM movements.reversal_excess") == []


async def test_twelve_refunds_of_thirty_at_once_give_back_ninety_of_a_hundred(
    at_once: Operator,
) -> None:
    piece = {"kind": "refund", "minor": 3000, "fees": None, "if_short": None}

    outcomes, _, balances = await taken_back(at_once, "merchant-payment", [piece] * 12, None)

    assert sorted(outcomes) == ["posted"] * 3 + ["reversal_exceeds_original"] * 9
    assert balances == {"payer": 100000 - 10000 + 9000, "payee": 9844 - 8860}


async def test_the_watch_and_the_proof_name_what_refunds_at_once_returned_too_much(
    database: Database, tmp_path: Path
) -> None:
    """The fault of old is put back: legs are counted once per request of a batch, unguarded."""
    async with operator(database, tmp_path / "keys") as opened:
        batches = ForcedBatches(opened.pool)
        at_once = Operator(opened, batches)
        over = Watch(opened.pool, cast("Any", None), rests=0.0)
        with psycopg.connect(database.admin) as books:
            books.execute(redefined(books, "movements.originals", "SELECT DISTINCT", "SELECT"))
            guard = "RAISE EXCEPTION 'reversal %"
            books.execute(redefined(books, "movements.take_back", guard, "RAISE NOTICE '%"))
        before = [one.invariant for one in await over.look(TENANT) if one.violations]
        piece = {"kind": "refund", "minor": 3000, "fees": None, "if_short": None}

        await taken_back(at_once, "merchant-payment", [piece] * 12, None, alice_pays="900")

        await passed(opened.pool)
        found = [one.invariant for one in await over.look(TENANT) if one.violations]
        with psycopg.connect(database.admin) as books:
            checks = [one.invariant.name for one in verify(books, INVARIANTS) if not one.holds]
        await batches.close()
    assert (before, found, checks) == ([], ["returned"], ["returned"])


def redefined(books: psycopg.Connection[Any], function: str, old: str, new: str) -> bytes:
    row = books.execute("SELECT pg_get_functiondef(%s::regproc)", [function]).fetchone()
    assert row is not None
    body: str = row[0]
    assert old in body
    return body.replace(old, new).replace("\n              USING ERRCODE = 'LB020'", "").encode()
