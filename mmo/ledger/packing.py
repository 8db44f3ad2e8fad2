"""PostgreSQL arrays in binary, packed in a few steps instead of one call for each element."""

import struct
import sys
from array import array
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from psycopg import pq
from psycopg.abc import AdaptContext
from psycopg.adapt import Dumper

_HEAD = struct.Struct(">iiIii")
_EMPTY = struct.Struct(">iiI")
_LENGTH = struct.Struct(">i")
_NULL = _LENGTH.pack(-1)
_EPOCH_DAY = date(2000, 1, 1).toordinal()
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Packed:
    """A sequence that is sent as an array of one type. Made by the functions below."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class _PackedDumper(Dumper):
    """Sends the bytes as they are; the statement's cast says the type."""

    format = pq.Format.BINARY

    def dump(self, obj: Packed) -> bytes:
        return obj.data


def register(context: AdaptContext) -> None:
    """Teach a connection to send packed arrays."""
    context.adapters.register_dumper(Packed, _PackedDumper)


def _numbers(code: str, oid: int) -> Callable[[Sequence[int]], Packed]:
    """Interleave big-endian numbers with their lengths, byte column by byte column."""
    size = array(code).itemsize
    step = size + 4

    def pack(values: Sequence[int]) -> Packed:
        count = len(values)
        if not count:
            return Packed(_EMPTY.pack(0, 0, oid))
        numbers = array(code, values)
        if sys.byteorder == "little":
            numbers.byteswap()
        raw = numbers.tobytes()
        body = bytearray(step * count)
        body[3::step] = bytes((size,)) * count
        for column in range(size):
            body[4 + column :: step] = raw[column::size]
        return Packed(_HEAD.pack(1, 0, oid, count, 1) + body)

    return pack


def _chunks(oid: int, values: Sequence[bytes | None]) -> Packed:
    if not values:
        return Packed(_EMPTY.pack(0, 0, oid))
    parts = [_HEAD.pack(1, 1, oid, len(values), 1)]
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            parts += _LENGTH.pack(len(value)), value
    return Packed(b"".join(parts))


def _nullable(
    numbers: Callable[[Sequence[int]], Packed], oid: int, size: int
) -> Callable[[Sequence[int | None]], Packed]:
    def pack(values: Sequence[int | None]) -> Packed:
        present = [value for value in values if value is not None]
        if len(present) == len(values):
            return numbers(present)
        return _chunks(oid, [None if v is None else v.to_bytes(size, signed=True) for v in values])

    return pack


_INT2, _INT4, _INT8 = 21, 23, 20
_plain_int2 = _numbers("h", _INT2)
_plain_int4 = _numbers("i", _INT4)
_plain_int8 = _numbers("q", _INT8)
_plain_dates = _numbers("i", 1082)
_plain_times = _numbers("q", 1184)

int2s = _nullable(_plain_int2, _INT2, 2)
int4s = _nullable(_plain_int4, _INT4, 4)
int8s = _nullable(_plain_int8, _INT8, 8)


def booleans(values: Sequence[bool]) -> Packed:
    return _chunks(16, [b"\1" if value else b"\0" for value in values])


def texts(values: Sequence[str | None]) -> Packed:
    return _chunks(25, [None if value is None else value.encode() for value in values])


def byteas(values: Sequence[bytes]) -> Packed:
    return _chunks(17, values)


def uuids(values: Sequence[UUID]) -> Packed:
    return _chunks(2950, [value.bytes for value in values])


def dates(values: Sequence[date]) -> Packed:
    return _plain_dates([value.toordinal() - _EPOCH_DAY for value in values])


def timestamps(values: Sequence[datetime]) -> Packed:
    """Microseconds since 2000; each value has a time zone."""
    return _plain_times([_microseconds(value) for value in values])


def _microseconds(value: datetime) -> int:
    passed: Any = value - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
