"""A server that skips time: what it must be told before movements run on it."""

from datetime import timedelta

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.testservice.v1 import SleepRequest
from temporalio.client import Client

PATIENCE = timedelta(minutes=10)


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


async def skip(client: Client, span: timedelta) -> None:
    """Let time pass over a crowd: as the environment's own `sleep`, which gives up after 30 s."""
    asked = SleepRequest()
    asked.duration.FromTimedelta(span)
    await client.test_service.unlock_time_skipping_with_sleep(asked, timeout=PATIENCE)
