"""A movement looks the same whoever tells its outcome: the worker's memory, or the database."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from api.movements.resources import movement_of
from mmo.movements.support.commands import CommandRow

ROW = CommandRow(
    movement_id=UUID("01920000-0000-7000-8000-000000000001"),
    tenant_id=1,
    type="p2p-transfer",
    body={
        "sender": "5e3c4f0a-0000-4000-8000-000000000001",
        "recipient": "5e3c4f0a-0000-4000-8000-000000000002",
        "amount": {"value": "1.00", "currency": "KES"},
    },
    note=None,
    actor="alice",
    client="app/alice",
    granted=[],
    summary="",
    accepted_at=datetime(2026, 11, 24, tzinfo=UTC),
    state="accepted",
    outcome=None,
    fingerprint=b"",
)


@pytest.mark.parametrize(
    ("in_memory", "in_the_database"),
    [
        ("2026-11-24T13:13:29.465440+00:00", "2026-11-24T13:13:29.46544+00:00"),
        ("2026-11-24T13:13:29.500000+00:00", "2026-11-24T13:13:29.5+00:00"),
        ("2026-11-24T13:13:29+00:00", "2026-11-24T13:13:29+00:00"),
    ],
)
def test_the_moment_of_posting_is_written_one_way(in_memory: str, in_the_database: str) -> None:
    outcome = {"state": "posted", "journal": 1, "code": None, "detail": {}, "prices": {}}

    first = movement_of(ROW, outcome | {"at": in_memory})
    again = movement_of(ROW, outcome | {"at": in_the_database})

    assert first == again
    assert first["posted_at"] == in_memory


def test_a_movement_without_an_outcome_is_accepted_and_no_more() -> None:
    told = movement_of(ROW, None)

    assert (told["state"], told["posted_at"], told["refusal"]) == ("accepted", None, None)
