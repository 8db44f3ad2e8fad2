"""Float top-up, replayed."""

from tests.replay.scenes import posted_and_refused
from tests.replay.story import request
from tests.replay.straight import StraightThrough

PARTIES = {"payer": "super", "payee": "agent"}
SCENES = posted_and_refused("float-top-up", **PARTIES)


class TestFloatTopUp(StraightThrough):
    asked = request("float-top-up", **PARTIES)
