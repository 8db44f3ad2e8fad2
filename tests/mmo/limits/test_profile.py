"""Limit profiles: what one may say, and where it is wrong."""

from typing import Any

import pytest

from mmo.dated.documents import WrongDocumentError
from mmo.limits.profile import read


def profile(**limit: Any) -> dict[str, Any]:
    return {"currency": "KES", "limits": [{"direction": "out", **limit}]}


def test_amounts_are_held_in_minor_units() -> None:
    found = read(profile(min="50.00", max="250000.00", daily={"value": "500000", "count": 20}))

    (limit,) = found.limits
    assert (limit.min, limit.max) == (5_000, 25_000_000)
    assert limit.daily is not None
    assert (limit.daily.value, limit.daily.count) == (50_000_000, 20)


@pytest.mark.parametrize(
    ("document", "pointer", "says"),
    [
        ([], "", "object"),
        ({"currency": "XXQ"}, "/currency", "ISO 4217"),
        (profile(), "/limits/0", "limits nothing"),
        (profile(min="2.00", max="1.00"), "/limits/0/max", "less than the least"),
        (profile(max="1.001"), "/limits/0/max", "2 decimal digits"),
        (profile(max=1), "/limits/0/max", "text"),
        (profile(daily={}), "/limits/0/daily", "say a value, a count, or both"),
        (profile(daily={"count": -1}), "/limits/0/daily/count", "greater than or equal to 0"),
        (profile(max="1.00", yearly={}), "/limits/0", "nobody knows"),
        (profile(max="1.00", channel="fax"), "/limits/0/channel", "app"),
        ({"currency": "KES", "limits": [{"direction": "up", "max": "1"}]},
         "/limits/0/direction", "in"),
        ({"currency": "KES", "limits": [{"direction": "in", "max": "1"}] * 2},
         "/limits/1", "about the same"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(document: Any, pointer: str, says: str) -> None:
    with pytest.raises(WrongDocumentError) as caught:
        read(document)

    (told,) = caught.value.errors
    assert told[0] == pointer
    assert says in told[1]
