"""What the activities of back-tests do: pages of records, decided again beside the event loop."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from psycopg_pool import AsyncConnectionPool
from temporalio import activity

from activities.backtests import Counted, Finding, Part, Progress, Trial
from mmo.bep.postgres import stored
from mmo.bep.registry import processors
from mmo.bep.snapshot import Snapshot
from mmo.movements.support.business_events import business_events
from mmo.tenancy.scope import scoped
from mmo.trials import postgres
from mmo.trials.parts import part as part_of
from mmo.trials.postgres import Backtest, Records
from mmo.trials.redeciding import Record
from mmo.trials.repricing import Tried, tried
from mmo.trials.rulebook import Rulebook, tallied
from mmo.trials.tally import Tally, merged


class Backtesting:
    """Carries back-tests out. `records` is the pool of the login that reads records alone."""

    def __init__(
        self, pool: AsyncConnectionPool[Any], records: AsyncConnectionPool[Any],
        alive: Callable[[], None] = activity.heartbeat,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._records = Records(records)
        self._alive = alive

    async def parts(self, trial: Trial) -> int:
        """Into how many parts the movements are cut. Raises LookupError where there is no row."""
        return (await self._find(trial)).parts

    async def count(self, part: Part) -> Counted:
        """Make the decisions of a part again, page by page."""
        trial = part.trial
        asked = await self._find(trial)
        book = Rulebook(catalogue=business_events(), processors=processors())
        rules = book.compiled(stored(row) for row in asked.rules)
        tariffs = tried(asked.tariffs)
        first, until = part_of(asked.since, asked.until, asked.parts, part.number)
        after, whole, spent = (first, 0), Tally(), 0
        while page := await self._records.read(trial.tenant_id, after, until, asked.types):
            await self._learn(trial, book, page)
            tally, took = await asyncio.to_thread(_timed, page, rules, book, tariffs)
            whole.add(tally)
            spent += took
            after = (UUID(page[-1].movement), page[-1].step)
            self._alive()
        return Counted(tally=whole.row(), cpu_us=spent)

    async def progress(self, progress: Progress) -> None:
        """Keep how far it is."""
        trial = progress.trial
        async with scoped(self._pool, trial.tenant_id) as connection:
            await postgres.progressed(
                connection, trial.tenant_id, UUID(trial.id), progress.parts, progress.decisions
            )

    async def finish(self, finding: Finding) -> None:
        """Put the parts together, and keep the result."""
        trial = finding.trial
        result = merged(one.tally for one in finding.parts) if finding.parts else None
        effort = _effort(sum(one.cpu_us for one in finding.parts), result) if result else None
        async with scoped(self._pool, trial.tenant_id) as connection:
            await postgres.finished(connection, trial.tenant_id, UUID(trial.id), result, effort)

    async def _find(self, trial: Trial) -> Backtest:
        async with scoped(self._pool, trial.tenant_id) as connection:
            found = await postgres.find(connection, trial.tenant_id, UUID(trial.id))
        if found is None:
            raise LookupError(f"there is no back-test {trial.id}")
        return found

    async def _learn(self, trial: Trial, book: Rulebook, page: Sequence[Record]) -> None:
        """Read the versions that these records name, where they are not known yet."""
        if named := book.unknown(page):
            async with scoped(self._pool, trial.tenant_id) as connection:
                book.learn(await postgres.versions(connection, trial.tenant_id, named))


def _timed(
    page: Sequence[Record], rules: Snapshot, book: Rulebook, tariffs: Tried
) -> tuple[Tally, int]:
    """Microseconds of processor time beside the tally."""
    began = time.thread_time_ns()
    tally = tallied(page, rules, book, tariffs)
    return tally, (time.thread_time_ns() - began) // 1000


def _effort(spent_us: int, result: dict[str, Any]) -> dict[str, Any]:
    """Of this run: it differs from run to run, and is kept apart from the result."""
    rate = result["decisions"] * 1_000_000 // spent_us if spent_us else 0
    return {"cpu_us": spent_us, "decisions_per_cpu_s": rate}
