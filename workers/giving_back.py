"""Ending a movement whose process is gone: what it set aside or kept in between goes back."""

from dataclasses import dataclass

import structlog

from activities.movements import MovementActivities
from api.start import request_of
from mmo.movements.support.catalogue import movements
from mmo.movements.support.commands import CommandRow, Commands
from mmo.movements.support.outcome import Posted, Request, Verb
from mmo.tenancy.tenant import Tenant

TRIES_MAX = 5
"""Step numbers that are tried: each refusal stays on record under its own."""
BECAUSE = "failed"

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class GivingBack:
    """Ends movements for the sweeper. Safe to repeat: every step is posted once by its number."""

    commands: Commands
    activities: MovementActivities

    async def end(self, tenant: Tenant, row: CommandRow) -> bool:
        """Give back what the movement still has, and close its command; false: not possible yet."""
        steps = await self.commands.accepted_steps(row.tenant_id, row.movement_id)
        request = request_of(tenant, row)
        last = movements()[row.type].steps[-1]
        if last.undoes == "complete" and Verb.RESERVE.number(1) in steps and 1 not in steps:
            await self.activities.execute(request.then(last.number, because=BECAUSE))
        elif Verb.RESERVE.number(1) in steps and not steps & {1, Verb.RELEASE.number(1)}:
            await self.activities.release(request.then(1, because=BECAUSE))
        given_back = await self._return(request, steps)
        if given_back:
            await self.commands.fail(row.tenant_id, row.movement_id)
        return given_back

    async def _return(self, request: Request, steps: set[int]) -> bool:
        """Post the movement's own step that gives back, where its first step stands alone."""
        last = movements()[request.movement].steps[-1]
        if not last.repeats or steps != {1}:
            return True
        for number in range(last.number, last.number + TRIES_MAX):
            outcome = await self.activities.execute(request.then(number, because=BECAUSE))
            if isinstance(outcome, Posted):
                return True
            _log.error(
                "giving_back.refused", movement=request.envelope.movement, outcome=outcome.outcome
            )
        return False
