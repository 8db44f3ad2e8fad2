"""Delivery receipts as SMS centres write them in the field: whose they are, and what they say.

The standard leaves the text of a receipt to the centre, and the id in it need not be written as in
the answer to the message: decimal for hexadecimal, padded, in another case, or in a parameter only.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

State = Literal["delivered", "failed", "open"]
"""What a receipt says of a part; `open`: it is under way, or nothing is known."""

ID_MAX = 65
"""Octets of an id, as the standard has it."""
TAIL = 4
"""Digits of a number that may stand in clear."""

_TYPE, _PLAIN, _RECEIPT, _INTERMEDIATE = 0x3C, 0x00, 0x04, 0x20
"""esm_class: which bits tell the kind of message, and the kinds that are receipts."""
RECEIPTED_ID, MESSAGE_STATE, PAYLOAD = 0x001E, 0x0427, 0x0424
"""Tags of the parameters that a receipt may have."""
_UCS_2 = 0x08
_ID = re.compile(r"\bid\s*:\s*([^\s;,]+)", re.IGNORECASE)
_STATE = re.compile(r"\bstat(?:us|e)?\s*:\s*([A-Za-z]+)", re.IGNORECASE)
_WORDS: Mapping[str, State] = {
    "DELIV": "delivered",
    "EXPIR": "failed",
    "DELET": "failed",
    "UNDEL": "failed",
    "REJEC": "failed",
    "FAILE": "failed",
    "SKIPP": "failed",
}
"""The first letters of a state, for it is written DELIVRD, DELIVERED or Delivered. All others
(ENROUTE, ACCEPTD, BUFFRED, SCHEDLD, UNKNOWN and what a centre thinks of) leave the part open."""
_NUMBERS: Mapping[int, tuple[State, str]] = {
    0: ("open", "SCHEDULED"),
    1: ("open", "ENROUTE"),
    2: ("delivered", "DELIVRD"),
    3: ("failed", "EXPIRED"),
    4: ("failed", "DELETED"),
    5: ("failed", "UNDELIV"),
    6: ("open", "ACCEPTD"),
    7: ("open", "UNKNOWN"),
    8: ("failed", "REJECTD"),
    9: ("failed", "SKIPPED"),
}
"""The parameter message_state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """The ways to write one id: as it stands, and the numbers that its digits may mean."""

    exact: str
    as_decimal: str | None
    as_hexadecimal: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a centre tells of one part. `tails`: last digits of the numbers that it tells."""

    ids: tuple[str, ...]
    state: State
    word: str
    sender: str = ""
    tails: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message from the centre, as it comes over SMPP."""

    esm_class: int
    data_coding: int
    text: bytes
    source: str = ""
    destination: str = ""
    receipted_id: bytes | None = None
    message_state: int | None = None


def receipt_of(delivery: Delivery) -> Receipt | None:
    """The receipt that a message is; None for any other.

    A message of no kind counts only where the centre has named an id in a parameter: its text
    alone may have been written by a subscriber.
    """
    kind = delivery.esm_class & _TYPE
    named = delivery.receipted_id is not None
    if kind not in (_RECEIPT, _INTERMEDIATE) and not (kind == _PLAIN and named):
        return None
    text = _readable(delivery.text, delivery.data_coding)
    found = _ID.search(text)
    ids = [
        (delivery.receipted_id or b"").split(b"\x00")[0].decode("ascii", "replace"),
        found[1] if found else "",
    ]
    state, word = _state(delivery.message_state, _STATE.search(text))
    ids = [one.strip()[:ID_MAX] for one in ids if one.strip()]
    if not ids:
        return None
    tails = {tail for one in (delivery.source, delivery.destination) if (tail := tail_of(one))}
    return Receipt(
        ids=tuple(dict.fromkeys(ids)),
        state="open" if kind == _INTERMEDIATE else state,
        word=word,
        sender=delivery.destination,
        tails=frozenset(tails),
    )


def spelling_of(identifier: str) -> Spelling:
    """How an id may be written by the same centre."""
    plain = identifier.strip().lower()
    bare = plain.removeprefix("0x").lstrip("0") or "0"
    decimal = bare.isascii() and bare.isdecimal() and not plain.startswith("0x")
    return Spelling(
        exact=bare,
        as_decimal=bare if decimal else None,
        as_hexadecimal=str(int(bare, 16)) if re.fullmatch(r"[0-9a-f]+", bare) else None,
    )


def tail_of(number: str) -> str:
    """The last digits of a telephone number; nothing of a name, a short code or a masked one."""
    digits = number.strip().lstrip("+")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) <= 2 * TAIL:
        return ""
    return digits[-TAIL:]


def _state(number: int | None, found: re.Match[str] | None) -> tuple[State, str]:
    """The state by the parameter, which a centre cannot misspell, else by the text."""
    if number is not None and number in _NUMBERS:
        return _NUMBERS[number]
    word = found[1].upper() if found else "UNKNOWN"
    return _WORDS.get(word[:5], "open"), word


def _readable(text: bytes, data_coding: int) -> str:
    if data_coding == _UCS_2 and len(text) % 2 == 0:
        return text.decode("utf-16-be", "replace")
    return text.decode("latin-1")
