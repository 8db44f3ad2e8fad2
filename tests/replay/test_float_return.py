"""Float return, replayed."""

import pytest
from temporalio.workflow import NondeterminismError

from tests.replay.scenes import posted_and_refused
from tests.replay.story import posted, refused, replay, request, story

ASKED = request("float-return", payer="agent", payee="super")
SCENES = posted_and_refused("float-return", payer="agent", payee="super")


async def test_an_allowed_float_return_is_posted_at_once() -> None:
    outcome = posted(ASKED)

    await replay(story(ASKED).executed(outcome).ended(outcome))


async def test_a_refused_float_return_is_an_outcome_not_an_error() -> None:
    outcome = refused("insufficient_funds")

    await replay(story(ASKED).executed(outcome).ended(outcome))


async def test_a_float_return_is_not_settled_before_it_is_admitted() -> None:
    with pytest.raises(NondeterminismError, match="ActivityTaskScheduled"):
        await replay(story(ASKED).did("movements.settle", posted(ASKED)).ended(posted(ASKED)))
