"""Pool funding, replayed."""

from tests.replay.scenes import posted_only
from tests.replay.story import request
from tests.replay.straight import StraightThrough

PARTIES = {"pool": "commission", "bank_reference": "BANK 4"}
SCENES = posted_only("pool-funding", **PARTIES)


class TestPoolFunding(StraightThrough):
    asked = request("pool-funding", **PARTIES)
