"""The role front, but it dies at one point of its first movement: python -m … POINT.

accepted: the command is kept, nothing is started. started: the workflow runs, nothing is decided.
decided: nothing is written. committed: the books are written, nobody knows. answered: the caller
knows, Temporal does not.
"""

import asyncio
import os
import sys
from typing import Any

import uvloop

from activities.movements import MovementActivities
from mmo.ledger.recorded import Recorded, Stale
from mmo.messaging.bell import Bell
from mmo.movements.support.commands import CommandRow, Commands
from mmo.movements.support.decide import Draft
from mmo.movements.support.facts import Facts
from mmo.movements.support.first_outcomes import FirstOutcomes
from mmo.movements.support.outcome import Outcome, Request, Verb
from mmo.movements.support.ports import AnswerVerifier
from mmo.movements.support.postgres import PostgresFacts
from mmo.movements.support.postgres_writer import PostgresWriter
from mmo.settings import Settings
from workers.serving import Makers, serve
from workers.stopping import until_told_to_stop

POINTS = ("accepted", "started", "decided", "committed", "answered")
DEAD = 77
"""The exit code that says: it died where it should."""
TELLING_S = 0.5
"""How long the answer takes to the caller, at most."""


class Makes(Makers):
    """The parts of the front, one of which kills it."""

    def __init__(self, point: str) -> None:
        self._point = point

    def _die_if(self, point: str) -> None:
        if point == self._point:
            os._exit(DEAD)  # no more than kill -9 would leave

    def commands(self, pool: Any) -> Commands:
        die_if = self._die_if

        class DyingCommands(Commands):
            async def accept(
                self, row: CommandRow, key: str, keep: Any = None
            ) -> tuple[CommandRow, bool]:
                kept = await super().accept(row, key, keep)
                die_if("accepted")
                return kept

        return DyingCommands(pool)

    def activities(
        self, pool: Any, bell: Bell, answers: AnswerVerifier, first: FirstOutcomes
    ) -> MovementActivities:
        point, die_if = self._point, self._die_if

        class DyingFacts(PostgresFacts):
            async def read(self, request: Request, verb: Verb) -> Facts:
                die_if("started")
                return await super().read(request, verb)

        class DyingWriter(PostgresWriter):
            async def post(self, draft: Draft) -> Recorded | Stale:
                die_if("decided")
                recorded = await super().post(draft)
                die_if("committed")
                return recorded

        class DyingActivities(MovementActivities):
            async def _do(self, request: Request, verb: Verb) -> Outcome:
                outcome = await super()._do(request, verb)
                if point == "answered":
                    await asyncio.sleep(TELLING_S)
                    die_if("answered")
                return outcome

        return DyingActivities(DyingFacts(pool), DyingWriter(pool, bell), answers, first)


def main(point: str) -> None:
    settings = Settings()
    assert point in POINTS
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            until_told_to_stop(lambda stop: serve(settings, stop, works=True, makers=Makes(point)))
        )


if __name__ == "__main__":
    main(sys.argv[1])
