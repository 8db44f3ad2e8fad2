"""Fee sweep, replayed."""

from tests.replay.scenes import posted_only
from tests.replay.story import request
from tests.replay.straight import StraightThrough

PARTIES = {"bank_reference": "BANK 2"}
SCENES = posted_only("fee-sweep", **PARTIES)


class TestFeeSweep(StraightThrough):
    asked = request("fee-sweep", **PARTIES)
