"""Tax remittance, replayed."""

from tests.replay.scenes import posted_only
from tests.replay.story import request
from tests.replay.straight import StraightThrough

PARTIES = {"tax": "excise", "bank_reference": "BANK 3"}
SCENES = posted_only("tax-remittance", **PARTIES)


class TestTaxRemittance(StraightThrough):
    asked = request("tax-remittance", **PARTIES)
