"""Cash-out, replayed."""

from tests.replay.scenes import posted_and_refused
from tests.replay.story import request
from tests.replay.straight import StraightThrough

PARTIES = {"customer": "alice", "agent": "agent"}
SCENES = posted_and_refused("cash-out", **PARTIES)


class TestCashOut(StraightThrough):
    asked = request("cash-out", **PARTIES)
