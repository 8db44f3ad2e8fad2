"""Cashback, replayed."""

from tests.replay.scenes import posted_and_refused
from tests.replay.story import request
from tests.replay.straight import StraightThrough

PARTIES = {"payee": "alice"}
SCENES = posted_and_refused("cashback", **PARTIES)


class TestCashback(StraightThrough):
    asked = request("cashback", **PARTIES)
