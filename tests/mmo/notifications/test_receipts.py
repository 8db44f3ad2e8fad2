"""Receipts of SMS centres: whose they are and what they say, in the spellings of the field."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from mmo.notifications.parts import Part, chosen
from mmo.notifications.receipts import (
    Delivery,
    Receipt,
    State,
    receipt_of,
    spelling_of,
    tail_of,
)

RECEIPT, INTERMEDIATE, PLAIN = 0x04, 0x20, 0x00
NUMBER, SENDER = "254700000042", "MMO"

SPELLINGS: list[tuple[str, str, bool]] = [
    # id in the answer, id in the receipt, whether they are one
    ("1715004", "1715004", True),
    ("0001715004", "1715004", True),
    ("1715004", "0001715004", True),
    ("1A2B3C", "1715004", True),
    ("1a2b3c", "0001715004", True),
    ("001A2B3C", "1715004", True),
    ("1715004", "1A2B3C", True),
    ("1715004", "1a2b3c", True),
    ("0001715004", "001a2b3c", True),
    ("0x1A2B3C", "1715004", True),
    ("1715004", "0x1a2b3c", True),
    ("1A2B3C", "1a2b3c", True),
    ("1a2b3c", "001A2B3C", True),
    (" 1715004 ", "1715004", True),
    ("4D2F0A1B-77C3-11EE-B962-0242AC120002", "4d2f0a1b-77c3-11ee-b962-0242ac120002", True),
    ("mc01.7F", "MC01.7f", True),
    ("FFFFFFFFFFFFFFFF", "18446744073709551615", True),
    ("0", "000", True),
    ("1715004", "1715005", False),
    ("1A2B3C", "1A2B3D", False),
    ("1A2B3C", "1715005", False),
    ("mc01.7F", "mc01.8F", False),
    ("abc-1", "abc-10", False),
    ("10", "100", False),
]


def part(centre_id: str = "1715004", **more: object) -> tuple[Part, str]:
    made = Part(
        tenant_id=1, message_id=uuid4(), number=0, state="sent", sender=SENDER,
        number_tail=tail_of(NUMBER), sent_at=datetime.now(UTC), exactly=True,
    )  # fmt: skip
    return replace(made, **more), centre_id  # pyright: ignore[reportArgumentType]


def told(identifier: str, **more: object) -> Receipt:
    made = Receipt(
        ids=(identifier,), state="delivered", word="DELIVRD", sender=SENDER,
        tails=frozenset({tail_of(NUMBER)}),
    )  # fmt: skip
    return replace(made, **more)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("answered", "received", "one"), SPELLINGS)
def test_an_id_is_known_in_the_spellings_of_the_field(
    answered: str, received: str, one: bool
) -> None:
    ours, theirs = spelling_of(answered), spelling_of(received)

    exactly = ours.exact == theirs.exact
    loosely = (ours.as_hexadecimal is not None and ours.as_hexadecimal == theirs.as_decimal) or (
        ours.as_decimal is not None and ours.as_decimal == theirs.as_hexadecimal
    )

    assert (exactly or loosely) is one


def text(identifier: str = "42", state: str = "DELIVRD") -> bytes:
    return (
        f"id:{identifier} sub:001 dlvrd:001 submit date:2612011200 done date:2612011201 "
        f"stat:{state} err:000 text:hello"
    ).encode()


def delivery(content: bytes = b"", esm_class: int = RECEIPT, **more: object) -> Delivery:
    made = Delivery(
        esm_class=esm_class, data_coding=0, text=content, source=NUMBER, destination=SENDER
    )
    return replace(made, **more)  # pyright: ignore[reportArgumentType]


RECEIPTS: list[tuple[Delivery, tuple[str, ...], State]] = [
    (delivery(text()), ("42",), "delivered"),
    (delivery(text(state="DELIVERED")), ("42",), "delivered"),
    (delivery(text(state="delivrd")), ("42",), "delivered"),
    (delivery(b"ID:42 STAT:DELIVRD"), ("42",), "delivered"),
    (delivery(b"id: 42 stat: DELIVRD"), ("42",), "delivered"),
    (delivery(b"stat:DELIVRD;id:42;err:0"), ("42",), "delivered"),
    (delivery(b"sub:001 id:42 status:DELIVRD"), ("42",), "delivered"),
    (delivery(text(state="EXPIRED")), ("42",), "failed"),
    (delivery(text(state="DELETED")), ("42",), "failed"),
    (delivery(text(state="UNDELIV")), ("42",), "failed"),
    (delivery(text(state="UNDELIVERABLE")), ("42",), "failed"),
    (delivery(text(state="REJECTD")), ("42",), "failed"),
    (delivery(text(state="REJECTED")), ("42",), "failed"),
    (delivery(text(state="FAILED")), ("42",), "failed"),
    (delivery(text(state="ENROUTE")), ("42",), "open"),
    (delivery(text(state="ACCEPTD")), ("42",), "open"),
    (delivery(text(state="ACCEPTED")), ("42",), "open"),
    (delivery(text(state="BUFFRED")), ("42",), "open"),
    (delivery(text(state="SCHEDLD")), ("42",), "open"),
    (delivery(text(state="UNKNOWN")), ("42",), "open"),
    (delivery(text(state="WHATEVER")), ("42",), "open"),
    (delivery(b"id:42"), ("42",), "open"),
    (delivery(text(), INTERMEDIATE), ("42",), "open"),
    (delivery(b"", receipted_id=b"42\x00", message_state=2), ("42",), "delivered"),
    (delivery(b"", receipted_id=b"42", message_state=2), ("42",), "delivered"),
    (delivery(b"", PLAIN, receipted_id=b"42\x00", message_state=2), ("42",), "delivered"),
    *(
        (delivery(b"", receipted_id=b"42\x00", message_state=number), ("42",), state)
        for number, state in enumerate(
            ("open", "open", "delivered", "failed", "failed", "failed", "open", "open", "failed")
        )
    ),
    (delivery(b"", receipted_id=b"42\x00", message_state=77), ("42",), "open"),
    (delivery(text(), receipted_id=b"2A\x00"), ("2A", "42"), "delivered"),
    (delivery(text(state="UNDELIV"), message_state=2), ("42",), "delivered"),
    (delivery(text().decode().encode("utf-16-be"), data_coding=8), ("42",), "delivered"),
    (delivery(text(), 0x44), ("42",), "delivered"),
]  # pyright: ignore[reportAssignmentType]


@pytest.mark.parametrize(("message", "ids", "state"), RECEIPTS)
def test_a_receipt_is_read_in_the_spellings_of_the_field(
    message: Delivery, ids: tuple[str, ...], state: State
) -> None:
    found = receipt_of(message)

    assert found is not None
    assert (found.ids, found.state) == (ids, state)
    assert found.tails == {tail_of(NUMBER)}


@pytest.mark.parametrize(
    "message",
    [
        delivery(text(), PLAIN),
        delivery(b"hello", PLAIN),
        delivery(text(), 0x08),
        delivery(text(), 0x10),
        delivery(b""),
        delivery(b"stat:DELIVRD"),
        delivery(b"", receipted_id=b"\x00", message_state=2),
        delivery(b"\xff\xfe\x00"),
    ],
)
def test_a_message_that_is_no_receipt_changes_nothing(message: Delivery) -> None:
    """A subscriber who writes a receipt's text is no centre."""
    assert receipt_of(message) is None


@pytest.mark.parametrize(
    ("number", "tail"),
    [
        ("254700000042", "0042"),
        ("+254700000042", "0042"),
        ("MMO", ""),
        ("2547******42", ""),
        ("40404", ""),
        ("", ""),
        ("\u0663" * 12, ""),
    ],
)
def test_only_a_whole_number_has_a_tail(number: str, tail: str) -> None:
    assert tail_of(number) == tail


OTHER = "254700009999"


def test_a_receipt_is_of_one_part_alone() -> None:
    """Of whatever fits, the one that fits best; where two tenants may be meant, of none."""
    now = datetime.now(UTC)
    mine, _ = part()
    elsewhere, _ = part(number_tail=tail_of(OTHER))
    spelled, _ = part(exactly=False)
    older, _ = part(sent_at=now - timedelta(hours=1))
    done, _ = part(state="delivered", sent_at=now + timedelta(hours=1))
    foreign, _ = part(tenant_id=2)
    renamed, _ = part(tenant_id=2, sender="OTHER")
    nameless, _ = part(number_tail="")
    receipt = told("1715004")

    def find(*parts: Part, of: Receipt = receipt, loosely: bool = True) -> UUID | None:
        found = chosen(parts, of, loosely=loosely)
        return found.message_id if found else None

    assert find(mine, elsewhere) == mine.message_id
    assert find(elsewhere) is None
    assert find(spelled, mine) == mine.message_id
    assert find(spelled) == spelled.message_id
    assert find(spelled, loosely=False) is None
    assert find(older, mine) == mine.message_id
    assert find(done, older) == older.message_id
    assert find(mine, foreign) is None
    assert find(mine, renamed) == mine.message_id
    assert find(nameless, mine) == mine.message_id
    assert find(nameless) == nameless.message_id
    assert find(elsewhere, of=replace(receipt, tails=frozenset())) == elsewhere.message_id
    assert find() is None
