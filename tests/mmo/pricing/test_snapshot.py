"""Which tariff prices a movement: by its key, its product and the moment."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mmo.dated.in_force import UnreadableTermError
from mmo.dated.term import Term
from mmo.pricing.snapshot import Tariffs, compiled
from tests.mmo.pricing.documents import FLAT_FEE, document

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def term(name: str, product: int | None = None, **more: Any) -> Term:
    told: dict[str, Any] = {
        "kind": "tariff", "id": name, "number": 1, "since": NOW - DAY,
        "key": {"movement": "p2p-transfer", "currency": "KES", "product": product},
        "content": document(charges=[FLAT_FEE]),
    }  # fmt: skip
    return Term(**told | more)


def found(*terms: Term, product: int | None = None, at: datetime = NOW) -> str | None:
    in_force = compiled(terms).terms.find("p2p-transfer", "KES", product=product, at=at)
    return in_force.id if in_force else None


def test_a_products_own_tariff_goes_before_the_default() -> None:
    default, own = term("default"), term("own", product=7)

    assert found(default, own) == "default"
    assert found(default, own, product=7) == "own"
    assert found(default, own, product=8) == "default"
    assert found(own) is None


def test_a_products_own_tariff_that_has_not_begun_leaves_the_default() -> None:
    default, own = term("default"), term("own", product=7, since=NOW + DAY)

    assert found(default, own, product=7) == "default"
    assert found(default, own, product=7, at=NOW + DAY) == "own"


def test_a_version_begins_on_its_moment_without_anybody_reading_anew() -> None:
    tariffs = compiled([term("old", until=NOW), term("old", number=2, since=NOW, until=NOW + DAY)])

    def version(at: datetime) -> int | None:
        in_force = tariffs.terms.find("p2p-transfer", "KES", product=None, at=at)
        return in_force.version if in_force else None

    second = timedelta(microseconds=1)
    moments = (NOW - 2 * DAY, NOW - second, NOW, NOW + DAY - second, NOW + DAY)
    assert [version(at) for at in moments] == [None, 1, 2, 2, None]


def test_other_movements_currencies_and_kinds_are_not_priced_by_it() -> None:
    other = term("limits", kind="limit-profile", content={"anything": 1})
    terms = compiled([term("it"), other]).terms

    def prices(movement: str, currency: str) -> bool:
        return terms.find(movement, currency, product=None, at=NOW) is not None

    assert prices("p2p-transfer", "KES")
    assert not prices("cash-out", "KES")
    assert not prices("p2p-transfer", "UGX")
    assert Tariffs().terms.find("p2p-transfer", "KES", product=None, at=NOW) is None


def test_a_tariff_that_cannot_be_read_lets_nothing_pass_unpriced() -> None:
    terms = compiled([term("it", content={"currency": "KES", "newer": True})]).terms

    with pytest.raises(UnreadableTermError, match="tariff it"):
        terms.find("p2p-transfer", "KES", product=None, at=NOW)


def test_what_is_free_at_first_is_known_whatever_product_and_moment() -> None:
    free = FLAT_FEE | {"name": "free", "schedule": {
        "kind": "free", "count": 3, "per": "week", "then": FLAT_FEE["schedule"]}}  # fmt: skip
    later = term("own", product=7, since=NOW + DAY, content=document(charges=[free]))

    assert compiled([term("it"), later]).free == {("p2p-transfer", "KES"): (("free", "week"),)}
    assert compiled([term("it")]).free == {}
