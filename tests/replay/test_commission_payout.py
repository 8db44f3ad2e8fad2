"""Commission payout, replayed."""

from tests.replay.scenes import refused_only
from tests.replay.story import request
from tests.replay.straight import StraightThrough

PARTIES = {"agent": "agent"}
SCENES = refused_only("commission-payout", **PARTIES)


class TestCommissionPayout(StraightThrough):
    asked = request("commission-payout", **PARTIES)
