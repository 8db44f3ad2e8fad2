"""The data converter of workers and clients: pydantic's, with one cache of types a process."""

from dataclasses import replace

from temporalio.contrib.pydantic import PydanticPayloadConverter, pydantic_data_converter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
)

_CONVERTERS = tuple(PydanticPayloadConverter().converters.values())


class _SharedTypes(CompositePayloadConverter):
    """The SDK makes a converter for each workflow, and each would build our types' schemas anew."""

    def __init__(self) -> None:
        super().__init__(*_CONVERTERS)


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
