"""Processes are killed at random under load: each request has one outcome, and no cent is lost.

Three kills are in tests/workers/test_up.py, on the stack that is up there.
"""

import pytest

from tests.faults.drill import drill
from tests.faults.stack import Stack

pytestmark = pytest.mark.stack


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_ten_kills_lose_nothing(stack: Stack) -> None:
    tally = await drill(stack, movements=5_000, kills=10)

    # Of ten kills some cut answers off, so that callers repeat and workers take over.
    assert tally["answers lost"] > 0
    assert tally["replayed"] > 0
    assert tally["movements with repeated attempts"] > 0
