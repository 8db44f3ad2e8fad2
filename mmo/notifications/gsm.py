"""How a short message is cut into parts: GSM 7-bit where it can be, else UCS-2.

An SMS carries 160 characters of GSM's alphabet, or 70 of UCS-2. A longer message is sent in parts
that each give six bytes to a header, by which the phone puts them together: 153, or 67 characters.
The characters of the extension table count twice, and no character is cut in two.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Coding = Literal["gsm-7", "ucs-2"]

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = {
    "\f": 0x0A, "^": 0x14, "{": 0x28, "}": 0x29, "\\": 0x2F, "[": 0x3C, "~": 0x3D, "]": 0x3E,
    "|": 0x40, "€": 0x65,
}  # fmt: skip
_ESCAPE = 0x1B
_CODES = {character: code for code, character in enumerate(_BASIC) if code != _ESCAPE}
_EXTENDED = {code: character for character, code in _EXTENSION.items()}
SINGLE = {"gsm-7": 160, "ucs-2": 70}
"""Characters of a message that is sent in one."""
PART = {"gsm-7": 153, "ucs-2": 67}
"""Characters of each part of a longer one."""
PARTS_MAX = 6


class TooLongError(ValueError):
    """The text needs more parts than a message may have."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A text as it is sent: each part's characters as bytes, without the header."""

    coding: Coding
    parts: tuple[bytes, ...]


def cut(text: str) -> Cut:
    """Encode a text and cut it into parts. Raises TooLongError."""
    coding: Coding = "gsm-7" if all(c in _CODES or c in _EXTENSION for c in text) else "ucs-2"
    units = [_unit(character, coding) for character in text]
    width = 1 if coding == "gsm-7" else 2
    whole = sum(len(unit) for unit in units) // width
    limit = SINGLE[coding] if whole <= SINGLE[coding] else PART[coding]
    parts = tuple(_parts(units, limit * width))
    if len(parts) > PARTS_MAX:
        raise TooLongError(f"the text needs {len(parts)} parts; at most {PARTS_MAX}")
    return Cut(coding, parts)


def joined(coding: Coding, parts: list[bytes]) -> str:
    """The text again, as a phone puts it together."""
    if coding == "ucs-2":
        return b"".join(parts).decode("utf-16-be")
    return "".join(_characters(b"".join(parts)))


def _unit(character: str, coding: Coding) -> bytes:
    if coding == "ucs-2":
        return character.encode("utf-16-be")
    if character in _EXTENSION:
        return bytes((_ESCAPE, _EXTENSION[character]))
    return bytes((_CODES[character],))


def _parts(units: list[bytes], limit: int) -> Iterator[bytes]:
    part = b""
    for unit in units:
        if len(part) + len(unit) > limit:
            yield part
            part = b""
        part += unit
    yield part


def _characters(octets: bytes) -> Iterator[str]:
    extended = False
    for octet in octets:
        if extended:
            yield _EXTENDED.get(octet, " ")
            extended = False
        elif octet == _ESCAPE:
            extended = True
        else:
            yield _BASIC[octet]
