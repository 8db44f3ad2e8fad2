"""Changes of limit profiles: dated terms for a kind of wallet, a tier and a currency."""

from collections.abc import Mapping
from typing import Any

from psycopg import AsyncConnection

from mmo.changes.support.asked import DeclinedError
from mmo.changes.terms import Terms
from mmo.dated.documents import WrongDocumentError
from mmo.limits.profile import read
from mmo.limits.snapshot import KIND
from mmo.wallets import products


async def _check(
    connection: AsyncConnection[Any], tenant: int, key: Mapping[str, Any], content: Any
) -> None:
    """The content is a profile in the key's currency, and the product is there."""
    try:
        profile = read(content)
    except WrongDocumentError as error:
        told = [(f"/content{pointer}", what) for pointer, what in error.errors]
        raise DeclinedError("profile_invalid", told[0][1], *told) from None
    if profile.currency != key["currency"]:
        told = f"the profile is for {key['currency']}"
        raise DeclinedError("profile_invalid", told, ("/content/currency", told))
    product = key["product"]
    if product is not None and await products.find(connection, tenant, product) is None:
        raise DeclinedError("product_unknown")


KINDS = Terms(name=KIND, check=_check).kinds("limit-profiles:read")
