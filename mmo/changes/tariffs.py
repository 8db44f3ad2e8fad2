"""Changes of tariffs: dated terms whose content is a tariff, for a movement type and a currency."""

from collections.abc import Mapping
from typing import Any

from psycopg import AsyncConnection

from mmo.changes.support.asked import DeclinedError
from mmo.changes.terms import Terms
from mmo.dated.documents import WrongDocumentError
from mmo.pricing.snapshot import KIND
from mmo.pricing.tariff import read
from mmo.wallets import products


async def _check(
    connection: AsyncConnection[Any], tenant: int, key: Mapping[str, Any], content: Any
) -> None:
    """The content is a tariff in the key's currency, and the product is there."""
    try:
        tariff = read(content)
    except WrongDocumentError as error:
        told = [(f"/content{pointer}", what) for pointer, what in error.errors]
        raise DeclinedError("tariff_invalid", told[0][1], *told) from None
    if tariff.currency != key["currency"]:
        told = f"the tariff is for {key['currency']}"
        raise DeclinedError("tariff_invalid", told, ("/content/currency", told))
    product = key["product"]
    if product is not None and await products.find(connection, tenant, product) is None:
        raise DeclinedError("product_unknown")


KINDS = Terms(name=KIND, check=_check).kinds("tariffs:read")
