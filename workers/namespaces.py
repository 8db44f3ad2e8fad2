"""The Temporal namespace of a tenant, with the attributes that its workflows are listed by."""

import asyncio
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    RegisterNamespaceRequest,
)
from temporalio.service import RPCError, RPCStatusCode, ServiceClient

from workflows.support.attributes import AMOUNT_MINOR, CURRENCY, MOVEMENT_STATE

TRIES_MAX, PAUSE_S = 150, 0.2
"""A new namespace is known to all of the server's parts after some seconds."""

_TYPES = {
    AMOUNT_MINOR.name: IndexedValueType.INDEXED_VALUE_TYPE_INT,
    CURRENCY.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    MOVEMENT_STATE.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
}


async def open_namespace(service: ServiceClient, name: str, retention: timedelta) -> None:
    """Make a namespace with its search attributes, and wait until it is usable.

    Safe to repeat: what is there stays. Raises RPCError.
    """
    keep = Duration()
    keep.FromTimedelta(retention)
    request = RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=keep)
    try:
        await service.workflow_service.register_namespace(request)
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise
    for attempt in range(TRIES_MAX):
        try:
            await service.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=name)
            )
            return await _add_attributes(service, name)
        except RPCError:
            if attempt == TRIES_MAX - 1:
                raise
            await asyncio.sleep(PAUSE_S)
    return None


async def _add_attributes(service: ServiceClient, namespace: str) -> None:
    listed = await service.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=namespace)
    )
    missing = {name: kind for name, kind in _TYPES.items() if name not in listed.custom_attributes}
    if missing:
        await service.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=namespace, search_attributes=missing)
        )
