"""The data converter of workers and clients: pydantic's, with one cache of types a process."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.contrib.pydantic import PydanticPayloadConverter, pydantic_data_converter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
)
from temporalio.exceptions import ApplicationError

from mmo.kernel.payloads import CLEAR, UNREADABLE

_CONVERTERS = tuple(PydanticPayloadConverter().converters.values())


class _SharedTypes(CompositePayloadConverter):
    """The SDK makes a converter for each workflow, and each would build our types' schemas anew."""

    def __init__(self) -> None:
        super().__init__(*_CONVERTERS)

    def from_payloads(
        self, payloads: Sequence[Payload], type_hints: list[type] | None = None
    ) -> list[Any]:
        """Read what is ours; a raw value is handed on as it came, for a signal to look at.

        Raises ApplicationError for what came in clear, which ends a workflow that was started with
        it, and UnreadablePayloadError for what no key of the tenant opens.
        """
        for number, payload in enumerate(payloads):
            if type_hints and number < len(type_hints) and type_hints[number] is RawValue:
                continue
            if CLEAR in payload.metadata:
                raise ApplicationError(
                    "a payload came in clear: nobody but mmo starts its workflows, or carries out "
                    "its activities",
                    type=NOT_ACCEPTED,
                    non_retryable=True,
                )
            if payload.metadata.get("encoding") == UNREADABLE:
                raise UnreadablePayloadError(payload.data.decode(errors="replace"))
        return super().from_payloads(payloads, type_hints)


class UnreadablePayloadError(Exception):
    """No key of the tenant opens the payload, or it was changed."""


NOT_ACCEPTED = "not_accepted"
"""Type of the failure of a workflow that nobody accepted."""

DATA_CONVERTER = replace(pydantic_data_converter, payload_converter_class=_SharedTypes)
"""Writes and reads the same payloads as `pydantic_data_converter`."""


def sealing(codec: PayloadCodec | None) -> DataConverter:
    """The converter whose payloads go through the codec, texts of failures too."""
    if codec is None:
        return DATA_CONVERTER
    return replace(
        DATA_CONVERTER,
        payload_codec=codec,
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
