"""What every movement that goes straight through does, whatever it is about."""

import pytest
from temporalio.workflow import NondeterminismError

from mmo.movements.support.outcome import Request
from tests.replay.story import posted, refused, replay, story


class StraightThrough:
    """Its stories; a movement's own test names the request as `asked`."""

    asked: Request

    async def test_what_is_allowed_is_posted_at_once(self) -> None:
        outcome = posted(self.asked)

        await replay(story(self.asked).executed(outcome).ended(outcome))

    async def test_what_is_refused_is_an_outcome_not_an_error(self) -> None:
        outcome = refused("insufficient_funds")

        await replay(story(self.asked).executed(outcome).ended(outcome))

    async def test_nothing_is_settled_before_it_is_admitted(self) -> None:
        told = story(self.asked).did("movements.settle", posted(self.asked))

        with pytest.raises(NondeterminismError, match="ActivityTaskScheduled"):
            await replay(told.ended(posted(self.asked)))
