"""Cash-in, replayed."""

from tests.replay.scenes import posted_and_refused
from tests.replay.story import request
from tests.replay.straight import StraightThrough

PARTIES = {"agent": "agent", "customer": "alice"}
SCENES = posted_and_refused("cash-in", **PARTIES)


class TestCashIn(StraightThrough):
    asked = request("cash-in", **PARTIES)
