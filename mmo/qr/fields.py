"""EMVCo's fields: tag, length and value, closed by a check sum over everything. Pure.

All are in ASCII but the language template; lengths are counted in characters.
"""

from collections.abc import Mapping

from mmo.kernel.text import is_line

CHECK = "63"
LANGUAGE_TEMPLATE = "64"
"""Whose values are in the merchant's own script."""
VALUE_MAX = 99
TEXT_MAX = 512
_HEAD = 4
"""Two digits of tag, two of length."""
_CRC = 4
_POLYNOMIAL, _START, _BITS = 0x1021, 0xFFFF, 0xFFFF


class QrError(ValueError):
    """The text is none that was written like this, or it was damaged since."""


def written(fields: Mapping[str, str]) -> str:
    """Fields one after the other, in the order given; empty ones are left out."""
    for tag, value in fields.items():
        if len(value) > VALUE_MAX or not is_line(value):
            raise QrError(f"field {tag} has at most {VALUE_MAX} printable characters")
    return "".join(f"{tag}{len(value):02}{value}" for tag, value in fields.items() if value)


def read(text: str) -> dict[str, str]:
    """The fields of a text. Raises QrError where it is not made of fields, each there once."""
    found: dict[str, str] = {}
    while text:
        head, rest = text[:_HEAD], text[_HEAD:]
        if len(head) < _HEAD or not (head.isascii() and head.isdigit()):
            raise QrError("a field begins with two digits of tag and two of length")
        tag, length = head[:2], int(head[2:])
        if not 0 < length <= len(rest) or tag in found:
            raise QrError(f"field {tag} is cut short, empty or there twice")
        found[tag], text = rest[:length], rest[length:]
    return found


def sealed(text: str) -> str:
    """The text with its check sum, which is over the head of its own field too."""
    covered = f"{text}{CHECK}{_CRC:02}"
    return covered + crc(covered)


def opened(text: str) -> dict[str, str]:
    """The fields of a sealed text, without the check. Raises QrError for any damage."""
    if len(text) > TEXT_MAX or not is_line(text):
        raise QrError(f"a code has at most {TEXT_MAX} printable characters")
    covered = text[:-_CRC]
    if not covered.endswith(f"{CHECK}{_CRC:02}") or crc(covered) != text[-_CRC:]:
        raise QrError("the check sum is another one")
    fields = read(covered[:-_HEAD])
    if not all(value.isascii() for tag, value in fields.items() if tag != LANGUAGE_TEMPLATE):
        raise QrError("only names in the language template are not in ASCII")
    return fields


def crc(text: str) -> str:
    """CRC-16/CCITT-FALSE as four hexadecimal digits: no damage to one byte, or two, escapes it."""
    value = _START
    for byte in text.encode():
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ (_POLYNOMIAL if value & 0x8000 else 0)) & _BITS
    return f"{value:04X}"
