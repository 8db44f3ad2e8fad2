"""Float return, replayed."""

from tests.replay.scenes import posted_and_refused
from tests.replay.story import request
from tests.replay.straight import StraightThrough

PARTIES = {"payer": "agent", "payee": "super"}
SCENES = posted_and_refused("float-return", **PARTIES)


class TestFloatReturn(StraightThrough):
    asked = request("float-return", **PARTIES)
