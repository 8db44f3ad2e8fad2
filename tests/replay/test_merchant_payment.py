"""Merchant payment, replayed."""

from tests.replay.scenes import posted_and_refused
from tests.replay.story import request
from tests.replay.straight import StraightThrough

PARTIES = {"customer": "alice", "merchant": "shop"}
SCENES = posted_and_refused("merchant-payment", **PARTIES)


class TestMerchantPayment(StraightThrough):
    asked = request("merchant-payment", **PARTIES)
