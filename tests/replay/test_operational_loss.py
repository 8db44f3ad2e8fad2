"""Operational loss, replayed."""

from tests.replay.scenes import posted_and_refused
from tests.replay.story import request
from tests.replay.straight import StraightThrough

PARTIES = {"payee": "alice"}
SCENES = posted_and_refused("operational-loss", **PARTIES)


class TestOperationalLoss(StraightThrough):
    asked = request("operational-loss", **PARTIES)
