"""Opening a history: Temporal keeps ciphertext, which the tenant's key alone opens."""

import json
from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import History
from temporalio.client import WorkflowHistory
from temporalio.converter import PayloadCodec


async def opened(history: WorkflowHistory, codec: PayloadCodec | None) -> WorkflowHistory:
    """Answer with the same history in clear; what was written in clear stays as it is.

    Raises TamperedError, KeysAwayError (try again) or NoKeyError (the key is destroyed).
    """
    if codec is None:
        return history
    clear = History()
    clear.CopyFrom(History(events=history.events))
    sealed = list(_each(clear, Payload))
    for payload, read in zip(sealed, await codec.decode(sealed), strict=True):
        payload.CopyFrom(read)
    for failure in _each(clear, Failure):
        _tell(failure)
    return WorkflowHistory(history.workflow_id, list(clear.events))


def _tell(failure: Failure) -> None:
    """Put a failure's own words back where they stand in a history that was never sealed."""
    if not failure.HasField("encoded_attributes"):
        return
    told = json.loads(failure.encoded_attributes.data)
    failure.message, failure.stack_trace = told["message"], told["stack_trace"]
    failure.ClearField("encoded_attributes")


def _each(message: Message, kind: type[Any]) -> Iterator[Any]:
    """Every message of a kind within this one, the outermost first."""
    if isinstance(message, kind):
        yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if isinstance(value, Message):
            inner: list[Any] = [value]
        else:
            inner = list(value.values()) if hasattr(value, "values") else list(value)
        for one in inner:
            if isinstance(one, Message):
                yield from _each(one, kind)
