"""A merchant's code: whom to pay, and in a dynamic one how much, and for what. Pure."""

import re
import unicodedata
from dataclasses import dataclass
from uuid import UUID, uuid5

from anyascii import anyascii
from iso4217 import Currency

from mmo.kernel.money import AmountError, Money
from mmo.kernel.text import is_line
from mmo.qr.fields import LANGUAGE_TEMPLATE, QrError, opened, read, sealed, written

_OPERATORS = UUID("0b8f8a0c-5d0e-4d6f-9a55-5d6c1d0f2f6b")
"""Namespace of the schemes of operators."""
_VERSION, _ANY_TRADE = "01", "0000"
STATIC, DYNAMIC = "11", "12"
NAME_MAX, CITY_MAX, AMOUNT_MAX = 25, 15, 13
LANGUAGE = "en"
"""Where the merchant's own is not known, or has no name of two letters."""
REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 /:.-]{0,24}", re.ASCII)
"""The merchant's own name for the bill, as a merchant payment has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantCode:
    """What a merchant presents. Nothing vouches for name and city: they are for foreign readers."""

    tenant: str
    wallet: UUID
    currency: str
    amount: Money | None = None
    reference: str = ""


def write(
    code: MerchantCode, *, name: str, city: str, country: str, language: str = LANGUAGE
) -> str:
    """The text of the QR code. Raises QrError where amount or reference do not fit.

    One that says an amount or a reference is dynamic: it is meant for one payment. A name that is
    not in ASCII stands there transliterated, and as it is beside, in the merchant's `language`.
    """
    if code.amount and (len(code.amount.value) > AMOUNT_MAX or code.amount.minor <= 0):
        raise QrError(f"an amount is positive, with at most {AMOUNT_MAX} characters")
    if code.reference and not REFERENCE.fullmatch(code.reference):
        raise QrError("a reference has 1 to 25 letters, digits, spaces and / : . -")
    account = {"00": scheme_of(code.tenant), "01": code.wallet.hex}
    plain = _plain(name, NAME_MAX)
    fields = {
        "00": _VERSION,
        "01": DYNAMIC if code.amount or code.reference else STATIC,
        "26": written(account),
        "52": _ANY_TRADE,
        "53": f"{Currency(code.currency).number:03}",
        "54": code.amount.value if code.amount else "",
        "58": country,
        "59": plain or "Merchant",
        "60": _plain(city, CITY_MAX) or "-",
        "62": written({"05": code.reference}),
        LANGUAGE_TEMPLATE: _as_it_is(name, plain, language),
    }
    return sealed(written(fields))


def read_code(text: str, tenant: str, currencies: tuple[str, ...]) -> MerchantCode:
    """Read a code of this operator's. Raises QrError for any other, and for any damage."""
    fields = opened(text)
    account = read(fields.get("26", ""))
    if fields.get("00") != _VERSION or account.get("00") != scheme_of(tenant):
        raise QrError("it is a code of another operator")
    numbers = {f"{Currency(one).number:03}": one for one in currencies}
    currency = numbers.get(fields.get("53", ""))
    if currency is None:
        raise QrError("the currency is none of this operator's")
    reference = read(fields.get("62", "")).get("05", "")
    if reference and not REFERENCE.fullmatch(reference):
        raise QrError("the reference is none")
    try:
        amount = Money.parse(fields["54"], currency) if "54" in fields else None
        wallet = UUID(hex=account.get("01", ""))
    except (AmountError, ValueError) as error:
        raise QrError(str(error)) from None
    return MerchantCode(
        tenant=tenant, wallet=wallet, currency=currency, amount=amount, reference=reference
    )


def scheme_of(tenant: str) -> str:
    """By what an operator's codes are known: 32 hexadecimal digits."""
    return uuid5(_OPERATORS, tenant).hex


def _plain(text: str, most: int) -> str:
    """The text transliterated into ASCII, as far as there is room; of pictures nothing is left."""
    words = "".join(one for one in text if unicodedata.category(one)[0] not in "SC")
    folded = "".join(one if one.isascii() else anyascii(one) for one in words)
    return " ".join(folded.split())[:most].strip()


def _as_it_is(name: str, plain: str, language: str) -> str:
    """The language template, where the name is not in ASCII; what cannot be printed is left out."""
    true = "".join(one for one in name if is_line(one))[:NAME_MAX].strip()
    if not true or true.isascii() or true == plain:
        return ""
    two = language if len(language) == len(LANGUAGE) else LANGUAGE
    return written({"00": two, "01": true})
