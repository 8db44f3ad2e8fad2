"""Whatever breaks between asker and ledger, each posting has one outcome and no cent is lost."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool

from mmo.ledger.batcher import Limits
from mmo.ledger.ports import KeyReusedError, LedgerBusyError, OutcomeUnknownError
from mmo.ledger.postgres import PostgresPostings, PostingCall, PostingQueue, configure
from mmo.ledger.posting import Kind, Leg, Posting
from mmo.ledger.recorded import Recorded
from mmo.ledger.verify import verify
from tests.mmo.ledger.books import Books, hold, pay, posting
from tests.mmo.ledger.flaky_line import flaky_line
from tests.servers.postgres import Database

PEOPLE, FUNDS = 30, 1000


@asynccontextmanager
async def postings_at(
    database: Database, limits: Limits | None = None, **line: int
) -> AsyncIterator[PostgresPostings]:
    dsn = make_conninfo(database.dsn("mmo_front"), **line)
    async with (
        AsyncConnectionPool(
            dsn, min_size=2, max_size=2, timeout=2, configure=configure, open=False
        ) as pool,
        PostgresPostings(pool, limits) as postings,
    ):
        yield postings


def some_payments(people: list[int], fees: int, count: int) -> list[Posting]:
    """Payments, more than there is money for, and holds that end in a capture or a void."""
    chance = random.Random(5)
    asked: list[Posting] = []
    for _ in range(count):
        payer, payee = chance.sample(people, 2)
        amount = chance.randrange(1, 400)
        if chance.random() < 0.7:
            legs = (
                Leg(account=payer, amount=-amount - 3),
                Leg(account=payee, amount=amount),
                Leg(account=fees, amount=3),
            )
            asked.append(posting(*legs))
            continue
        held = hold(payer, payee, amount)
        same = {"txn": held.txn, "step": 2, "hold_step": 1}
        ended = pay(payer, payee, amount, kind=Kind.CAPTURE, **same)
        asked += [held, ended if chance.random() < 0.5 else posting(kind=Kind.VOID, **same)]
    return asked


async def kill_backends(database: Database, until: asyncio.Event) -> int:
    """End backends that are posting, again and again; answer how many."""
    killed, chance = 0, random.Random(7)
    async with await psycopg.AsyncConnection.connect(database.admin, autocommit=True) as admin:
        while not until.is_set():
            # Now and then there is time for a fresh backend's first call, which plans everything.
            await asyncio.sleep(chance.uniform(0.02, 0.2))
            ended = await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'active'"
                " AND datname = current_database() AND query LIKE '%ledger.post%'"
                " AND pid <> pg_backend_pid() LIMIT 1"
            )
            killed += ended.rowcount
            await admin.execute("SELECT ledger.rollup()")
    return killed


@pytest.mark.timeout(120)
async def test_no_outcome_is_lost_or_changed_when_backends_die_and_answers_are_lost(
    books: Books, database: Database
) -> None:
    people = [books.open(funds=FUNDS) for _ in range(PEOPLE)]
    asked = some_payments(people, books.open("OP.FEES", deferred=True), 1500)
    outcomes: dict[tuple[object, ...], Recorded] = {}
    over = asyncio.Event()

    async def answer_of(postings: PostgresPostings, one: Posting) -> Recorded:
        while True:
            try:
                recorded = await postings.post(one)
            except (OutcomeUnknownError, LedgerBusyError):
                continue
            assert isinstance(recorded, Recorded)
            return recorded

    # Two processes would each have a queue of their own: so here, over the same accounts.
    async with (
        flaky_line(database.port) as line,
        postings_at(database, port=line.port) as one,
        postings_at(database, port=line.port) as other,
    ):
        line.breaking = 0.02
        killer = asyncio.create_task(kill_backends(database, over))
        work = iter(asked)

        async def caller(number: int) -> None:
            for mine in work:
                outcomes[mine.key] = await answer_of((one, other)[number % 2], mine)

        await asyncio.gather(*(caller(number) for number in range(64)))
        over.set()
        killed = await killer
        line.breaking = 0.0
        repeated = await asyncio.gather(*(answer_of(other, mine) for mine in asked))

    assert killed > 5
    assert line.lost_answers > 0, "the line did break"
    assert len(outcomes) == len(asked)
    for mine, again in zip(asked, repeated, strict=True):
        first = outcomes[mine.key]
        assert (again.journal, again.refusal, again.xid) == (
            first.journal,
            first.refusal,
            first.xid,
        )
    assert {outcome.accepted for outcome in outcomes.values()} == {True, False}
    assert books.one("SELECT sum(posted) FROM ledger.balance") == 0
    assert [check for check in verify(books.connection) if not check.holds] == []


async def test_a_queue_says_which_key_was_used_for_another_request(
    books: Books, database: Database
) -> None:
    alice, bob = books.open(funds=FUNDS), books.open()
    async with postings_at(database) as postings:
        asked = pay(alice, bob, 1)
        await postings.post(asked)

        with pytest.raises(KeyReusedError):
            await postings.post(pay(alice, bob, 1, txn=asked.txn, fingerprint=b"another"))


async def test_a_posting_that_waits_for_a_lock_past_its_deadline_is_unknown_and_safe_to_repeat(
    books: Books, database: Database
) -> None:
    alice, bob = books.open(funds=FUNDS), books.open()
    asked, behind = pay(alice, bob, 1), pay(alice, bob, 2)
    async with postings_at(database, Limits(lanes=1, deadline=0.5)) as postings:
        with psycopg.connect(database.admin) as other:
            other.execute("SELECT FROM ledger.account WHERE id = %s FOR UPDATE", [alice])
            first = asyncio.create_task(postings.post(asked))
            await asyncio.sleep(0.1)
            with pytest.raises(LedgerBusyError):
                await postings.post(behind)
            with pytest.raises(OutcomeUnknownError):
                await first

        recorded = await postings.post(asked)

    assert isinstance(recorded, Recorded)
    assert books.posted(bob) == 1


async def test_a_request_that_the_database_cannot_take_fails_alone(
    books: Books, database: Database
) -> None:
    alice, bob = books.open(funds=FUNDS), books.open()
    poison = pay(alice, bob, 1, meta={"name": "nul \0 is no text"})
    good = [pay(alice, bob, 1) for _ in range(9)]
    async with postings_at(database) as postings:
        answers = await asyncio.gather(
            *(postings.post(one) for one in [*good[:4], poison, *good[4:]]), return_exceptions=True
        )

    assert [isinstance(answer, Recorded) for answer in answers] == [True] * 4 + [False] + [True] * 5
    assert books.posted(bob) == 9


async def test_another_function_may_post_and_write_beside_it(
    books: Books, database: Database
) -> None:
    alice, bob = books.open(funds=FUNDS), books.open()
    books.connection.execute("""
        CREATE TABLE public.note (txn uuid, note text);
        CREATE FUNCTION public.post_and_note(b ledger.batch, notes text[], p_check boolean)
        RETURNS ledger.outcomes LANGUAGE plpgsql SECURITY DEFINER AS $$
        DECLARE o ledger.outcomes;
        BEGIN
            o := ledger.post(b, p_check);
            INSERT INTO public.note SELECT t, n FROM unnest(b.r_txn, notes, o.status) z (t, n, s)
             WHERE s = 0;
            RETURN o;
        END $$""")
    call = PostingCall[tuple[Posting, str]](
        function="public.post_and_note",
        posting=lambda item: item[0],
        casts=("text[]",),
        beside=lambda items: [[note for _, note in items]],
    )
    async with (
        AsyncConnectionPool(
            database.admin, min_size=1, max_size=1, configure=configure, open=False
        ) as pool,
        PostingQueue(pool, call) as queue,
    ):
        await asyncio.gather(
            queue.post((pay(alice, bob, 1), "rent")),
            queue.post((pay(alice, bob, 10**9), "yacht")),
        )

    assert books.one("SELECT array_agg(note) FROM public.note") == ["rent"]
