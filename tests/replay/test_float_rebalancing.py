"""Float rebalancing, replayed."""

from tests.replay.scenes import posted_and_refused
from tests.replay.story import request
from tests.replay.straight import StraightThrough

PARTIES = {"payer": "agent", "payee": "stall"}
SCENES = posted_and_refused("float-rebalancing", **PARTIES)


class TestFloatRebalancing(StraightThrough):
    asked = request("float-rebalancing", **PARTIES)
