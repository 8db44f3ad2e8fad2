"""Which tariff prices a movement: by its key, its product and the moment."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mmo.dated.term import Term
from mmo.pricing.price import CannotPriceError
from mmo.pricing.snapshot import EMPTY, InForce, compiled
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
    in_force = compiled(7, terms).find("p2p-transfer", "KES", product, at)
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
    tariffs = compiled(
        7, [term("old", until=NOW), term("old", number=2, since=NOW, until=NOW + DAY)]
    )

    def version(at: datetime) -> int | None:
        in_force = tariffs.find("p2p-transfer", "KES", None, at)
        return in_force.version if in_force else None

    second = timedelta(microseconds=1)
    moments = (NOW - 2 * DAY, NOW - second, NOW, NOW + DAY - second, NOW + DAY)
    assert [version(at) for at in moments] == [None, 1, 2, 2, None]


def test_other_movements_currencies_and_kinds_are_not_priced_by_it() -> None:
    other = term("limits", kind="limit-profile", content={"anything": 1})
    tariffs = compiled(7, [term("it"), other])

    assert tariffs.version == 7
    assert isinstance(tariffs.find("p2p-transfer", "KES", None, NOW), InForce)
    assert tariffs.find("cash-out", "KES", None, NOW) is None
    assert tariffs.find("p2p-transfer", "UGX", None, NOW) is None
    assert EMPTY.find("p2p-transfer", "KES", None, NOW) is None


def test_a_tariff_that_cannot_be_read_lets_nothing_pass_unpriced() -> None:
    tariffs = compiled(7, [term("it", content={"currency": "KES", "newer": True})])

    with pytest.raises(CannotPriceError) as refused:
        tariffs.find("p2p-transfer", "KES", None, NOW)

    assert refused.value.code == "tariff_unreadable"
