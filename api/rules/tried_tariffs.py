"""Tariffs of a back-test, checked before anything is tried."""

from collections.abc import Sequence

from api.problems import Problem
from api.rules.trial_schemas import TriedTariff
from api.terms.tariffs import fitting
from mmo.dated.documents import WrongDocumentError
from mmo.pricing.tariff import read


def check_tariffs(tariffs: Sequence[TriedTariff]) -> None:
    """Each is a tariff, and the only one of its movement, currency and product. Raises Problem."""
    seen = set[tuple[str, str, int | None]]()
    for index, one in enumerate(tariffs):
        where, about = f"/tariffs/{index}", (one.movement, one.currency, one.product)
        wrong = list(_wrong(one))
        if about in seen:
            wrong = [("", "another one is for the same")]
        if wrong:
            told = [_at(where + pointer, why) for pointer, why in wrong]
            raise Problem("tariff_invalid", errors=told)
        seen.add(about)


def _wrong(one: TriedTariff) -> Sequence[tuple[str, str]]:
    try:
        tariff = read(one.content)
    except WrongDocumentError as error:
        return [(f"/content{pointer}", why) for pointer, why in error.errors]
    if tariff.currency != one.currency:
        return [("/content/currency", f"it is not {one.currency}")]
    found = fitting({"movement": one.movement}, dict(one.content))
    return [found] if found else []


def _at(pointer: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "in": "body", "code": "tariff_invalid", "detail": detail}
