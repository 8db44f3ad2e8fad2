"""A server that skips time: what it must be told before movements run on it."""

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client


async def add_attributes(client: Client) -> None:
    """Tell the test server, which cannot be asked, about our search attributes."""
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=client.namespace,
            search_attributes={
                "AmountMinor": IndexedValueType.INDEXED_VALUE_TYPE_INT,
                "Currency": keyword,
                "MovementState": keyword,
            },
        )
    )
