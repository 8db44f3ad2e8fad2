"""Bands of amounts: half-open in minor units, read from both spellings, with every hole named."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, cast

from pydantic import Field

from mmo.bep.processor import MetadataError, Offers
from mmo.bep.spelling import Settings
from mmo.kernel.money import LARGEST_MINOR, AmountError, Money, digits_of
from mmo.kernel.spelling import nearest

BANDS_MAX = 10_000
PROBLEMS_MAX = 20
ROLES_MAX = 20
PEOPLE_MAX = 10


class Band(Settings):
    """Amounts from one, included, up to another, not included; null: without an end."""

    from_minor: int = Field(title="From", ge=0, le=LARGEST_MINOR + 1)
    to_minor: int | None = Field(default=None, title="Up to", ge=0, le=2 * LARGEST_MINOR)
    roles: tuple[str, ...] = Field(title="Any of these roles", min_length=1, max_length=ROLES_MAX)
    people: int = Field(default=1, title="How many people must agree", ge=1, le=PEOPLE_MAX)

    def holds(self, minor: int) -> bool:
        return self.from_minor <= minor and (self.to_minor is None or minor < self.to_minor)


Spelled = tuple[str, str, str]
"""Where the bands stand in what was written, and how their ends are called there."""
_CANONICAL: Spelled = ("/bands", "fromMinor", "toMinor")


def rows_of(written: Any, offers: Offers) -> tuple[dict[str, Any], Spelled]:
    """The canonical document of what was written, in whichever spelling; roles become names.

    Raises MetadataError.
    """
    if isinstance(written, list):
        listed = cast("list[Any]", written)
        return _from_ranges({"ranges": listed}, "", offers), ("", "fromAmount", "toAmount")
    if not isinstance(written, Mapping):
        raise MetadataError(("", "write bands, or a list of fromAmount, toAmount and roleId"))
    document = dict(cast("Mapping[str, Any]", written))
    if "ranges" in document:
        spelled = ("/ranges", "fromAmount", "toAmount")
        return _from_ranges(document, "/ranges", offers), spelled
    return _named(document, offers), _CANONICAL


def problems(
    bands: Sequence[Band], spelled: Spelled, completeness: str, currency: str, digits: int
) -> Iterator[tuple[str, str]]:
    """What is wrong with the bands together: ends, overlaps, and amounts that nothing covers."""
    place, first, last = spelled
    order = sorted(range(len(bands)), key=lambda index: bands[index].from_minor)
    words = _Words(currency, digits, inclusive=spelled is not _CANONICAL)
    told = 0
    for index in order:
        band = bands[index]
        if band.to_minor is not None and band.to_minor <= band.from_minor:
            yield f"{place}/{index}/{last}", f"the band ends before it begins; {first} comes first"
            return
    for lower, upper in pairwise(order):
        wrong = words.between(bands[lower], bands[upper])
        if wrong and (told := told + 1) <= PROBLEMS_MAX:
            yield f"{place}/{upper}/{first}", wrong
    if completeness == "total":
        if bands[order[0]].from_minor:
            yield f"{place}/{order[0]}/{first}", "nothing covers amounts below; start at 0"
        if bands[order[-1]].to_minor is not None:
            yield f"{place}/{order[-1]}/{last}", "nothing covers amounts above; write null"


class _Words:
    """Tells two neighbours what is wrong between them, in amounts as people write them."""

    def __init__(self, currency: str, digits: int, *, inclusive: bool) -> None:
        self._currency, self._digits, self._inclusive = currency, digits, inclusive

    def between(self, lower: Band, upper: Band) -> str | None:
        end = lower.to_minor
        if end is None or upper.from_minor < end:
            since = self._amount(upper.from_minor)
            return f"two bands cover {since} {self._currency}; amounts belong to one"
        if upper.from_minor == end:
            return None
        hole = f"{self._amount(end)} to {self._amount(upper.from_minor - 1)} {self._currency}"
        return f"nothing covers amounts from {hole}; {self._instead(upper.from_minor)}"

    def _instead(self, start: int) -> str:
        if self._inclusive:
            above = "say wholeUnits: true if amounts are whole"
            return f"write toAmount {self._amount(start - 1)} in the band below, or {above}"
        return f"write toMinor {start} in the band below"

    def _amount(self, minor: int) -> str:
        whole, fraction = divmod(minor, 10**self._digits)
        return f"{whole}.{fraction:0{self._digits}}" if self._digits else str(whole)


def _from_ranges(document: dict[str, Any], place: str, offers: Offers) -> dict[str, Any]:
    """Inclusive ranges of major units → bands. `wholeUnits`: a range reaches up to the next."""
    ranges = document.pop("ranges")
    if not isinstance(ranges, list) or not ranges:
        raise MetadataError((place, "a list of fromAmount, toAmount and roleId, one at least"))
    rows = cast("list[Any]", ranges)
    if len(rows) > BANDS_MAX:
        raise MetadataError((place, f"at most {BANDS_MAX} ranges"))
    currency = document.get("currency", offers.currencies[0] if len(offers.currencies) == 1 else "")
    digits = _digits(currency, offers)
    step = 10**digits if document.get("wholeUnits") is True else 1
    bands: list[dict[str, Any]] = []
    wrong: list[tuple[str, str]] = []
    for index, row in enumerate(rows):
        try:
            bands.append(_band(row, f"{place}/{index}", currency, step, offers))
        except MetadataError as error:
            wrong.extend(error.errors)
    if wrong:
        raise MetadataError(*wrong[:PROBLEMS_MAX])
    return _escalated(
        {"completeness": "contiguous", **document, "currency": currency, "bands": bands}, offers
    )


def _band(row: Any, pointer: str, currency: str, step: int, offers: Offers) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        raise MetadataError((pointer, "a range has fromAmount, toAmount and roleId"))
    told = dict(cast("Mapping[str, Any]", row))
    start = _minor(told.pop("fromAmount", None), f"{pointer}/fromAmount", currency)
    end = told.pop("toAmount", None)
    until = None if end is None else _minor(end, f"{pointer}/toAmount", currency) + step
    roles = told.pop("roles", None)
    if roles is None:
        roles = [told.pop("roleId", None)]
    if wrong := sorted(set(told) - {"people"}):
        raise MetadataError((f"{pointer}/{wrong[0]}", "a range has no such field"))
    if until is not None and until - step < start:
        raise MetadataError((f"{pointer}/toAmount", "the range is reversed: fromAmount is lower"))
    names = _roles(roles, pointer, offers)
    return {"fromMinor": start, "toMinor": until, "roles": names, **told}


def _named(document: dict[str, Any], offers: Offers) -> dict[str, Any]:
    """Our own document, with the names of roles that were given by number."""
    _digits(document.get("currency", ""), offers)
    bands = document.get("bands")
    if not isinstance(bands, list) or not bands:
        raise MetadataError(("/bands", "a list of bands, one at least"))
    named: list[Any] = []
    for index, one in enumerate(cast("list[Any]", bands)):
        if isinstance(one, Mapping) and "roles" in one:
            band = dict(cast("Mapping[str, Any]", one))
            named.append(band | {"roles": _roles(band["roles"], f"/bands/{index}", offers)})
        else:
            named.append(one)
    return _escalated(document | {"bands": named}, offers)


def _escalated(document: dict[str, Any], offers: Offers) -> dict[str, Any]:
    if not document.get("escalateTo"):
        return document
    return document | {"escalateTo": _roles(document["escalateTo"], "/escalateTo", offers)}


def _digits(currency: Any, offers: Offers) -> int:
    if not currency:
        raise MetadataError(("/currency", "say which currency the amounts are in"))
    if not isinstance(currency, str) or (offers.currencies and currency not in offers.currencies):
        raise MetadataError(("/currency", f"unknown; {nearest(str(currency), offers.currencies)}"))
    try:
        return digits_of(currency)
    except AmountError as error:
        raise MetadataError(("/currency", str(error))) from None


def _minor(written: Any, pointer: str, currency: str) -> int:
    if isinstance(written, bool) or not isinstance(written, int | str):
        raise MetadataError((pointer, 'a whole number, or a decimal as text: "1000000.50"'))
    if str(written).startswith("-"):
        raise MetadataError((pointer, "an amount is not negative"))
    try:
        return Money.parse(str(written), currency).minor
    except AmountError as error:
        raise MetadataError((pointer, str(error))) from None


def _roles(written: Any, pointer: str, offers: Offers) -> list[str]:
    if not isinstance(written, list) or not written:
        raise MetadataError((pointer, "name the roles, by name or number"))
    return sorted({_role(one, pointer, offers) for one in cast("list[Any]", written)})


def _role(written: Any, pointer: str, offers: Offers) -> str:
    if isinstance(written, str) and written in offers.roles.values():
        return written
    number = str(written)
    if not isinstance(written, bool) and number.isascii() and number.isdecimal():
        if name := offers.roles.get(int(number)):
            return name
        known = [str(one) for one in offers.roles]
        raise MetadataError((pointer, f"there is no role {number[:20]}; {nearest(number, known)}"))
    near = nearest(number, offers.roles.values())
    raise MetadataError((pointer, f"there is no role {number[:80]}; {near}"))
